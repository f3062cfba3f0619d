// Keys of single messages: of one to be sent, and of those that were skipped by the receiving side.
#pragma once

#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

#include "simplex/crypto/aead.hpp"
#include "simplex/crypto/x3dh.hpp"

namespace simplex::crypto {

using RatchetChainKey = Secret<struct RatchetChainKeyTag, 32>;

// Key and IV of one message body (AES-256-GCM). Binary, 50 octets: 1-byte length and 32, 1-byte length and 16.
struct MessageKey {
  AesKey key;
  AesIv16 iv;

  [[nodiscard]] MessageKey clone() const { return {key.clone(), iv}; }
  friend bool operator==(const MessageKey&, const MessageKey&) = default;
};
void write_message_key(Writer& writer, const MessageKey& key);
[[nodiscard]] Result<MessageKey> read_message_key(Reader& reader);

// A message number that the ratchet has given out, with its header made: the body can be encrypted later, and again
// with the same result, so that a delivery queue keeps this and the plaintext. Never encrypt two bodies with it.
// Binary: version 2, associated data (1-byte length), message key, header (2-byte length).
struct MessageEncryptKey {
  E2eVersion version;
  MessageKey key;
  RatchetAssociatedData associated_data;
  Bytes encrypted_header;

  // Ratchet message: header with its length, tag 16, body of padded_length. Error: limit (it does not fit, pad.hpp).
  [[nodiscard]] Result<Bytes> encrypt(BytesView plaintext, std::size_t padded_length) const;
};
void write_message_encrypt_key(Writer& writer, const MessageEncryptKey& key);
[[nodiscard]] Result<MessageEncryptKey> read_message_encrypt_key(Reader& reader);

struct SkippedMessageKey {
  HeaderKey header_key;
  std::uint32_t number = 0;
  MessageKey message_key;

  [[nodiscard]] SkippedMessageKey clone() const { return {header_key.clone(), number, message_key.clone()}; }
};

// What decryption does to the stored keys.
struct SkippedKeysUnchanged {};
struct SkippedKeysAdded {
  std::vector<SkippedMessageKey> keys;
};
struct SkippedKeyRemoved {
  HeaderKey header_key;
  std::uint32_t number = 0;
};
using SkippedKeysChange = std::variant<SkippedKeysUnchanged, SkippedKeysAdded, SkippedKeyRemoved>;

// The stored keys of one ratchet. Errors are the storage's.
class SkippedKeys {
 public:
  virtual ~SkippedKeys() = default;
  // Each once.
  [[nodiscard]] virtual Result<std::vector<HeaderKey>> header_keys() const = 0;
  [[nodiscard]] virtual Result<std::optional<MessageKey>> find(const HeaderKey& header_key,
                                                               std::uint32_t number) const = 0;
};

// Kept in memory.
class SkippedKeysInMemory final : public SkippedKeys {
 public:
  [[nodiscard]] Result<std::vector<HeaderKey>> header_keys() const override;
  [[nodiscard]] Result<std::optional<MessageKey>> find(const HeaderKey& header_key,
                                                       std::uint32_t number) const override;
  void apply(const SkippedKeysChange& change);
  void add(const SkippedMessageKey& key);
  [[nodiscard]] std::size_t size() const noexcept { return keys_.size(); }

 private:
  std::vector<SkippedMessageKey> keys_;
};

}  // namespace simplex::crypto
