#include "simplex/crypto/ratchet_keys.hpp"

#include <algorithm>

#include "ratchet_message.hpp"

namespace simplex::crypto {

void write_message_key(Writer& writer, const MessageKey& key) {
  writer.short_string(key.key.reveal()).short_string(key.iv.view());
}

Result<MessageKey> read_message_key(Reader& reader) {
  SIMPLEX_ASSIGN(const auto key_octets, reader.short_string());
  SIMPLEX_ASSIGN(const auto iv_octets, reader.short_string());
  auto key = AesKey::from(key_octets);
  const auto iv = AesIv16::from(iv_octets);
  if (!key || !iv) return fail(ErrorKind::malformed, "A stored message key does not have 32 octets and an IV of 16.");
  return MessageKey{std::move(*key), *iv};
}

Result<Bytes> MessageEncryptKey::encrypt(BytesView plaintext, std::size_t padded_length) const {
  Bytes associated = to_bytes(associated_data.view());
  append(associated, encrypted_header);
  SIMPLEX_ASSIGN(const auto sealed, aead_seal_padded(key.key, key.iv, associated, plaintext, padded_length));
  Writer writer(encrypted_header.size() + 2 + AesTag::size_bytes + padded_length);
  write_versioned(writer, version, encrypted_header);
  writer.raw(sealed.tag.view()).raw(sealed.ciphertext);
  return std::move(writer).take();
}

void write_message_encrypt_key(Writer& writer, const MessageEncryptKey& key) {
  writer.u16(key.version.value()).short_string(key.associated_data.view());
  write_message_key(writer, key.key);
  writer.large_string(key.encrypted_header);
}

Result<MessageEncryptKey> read_message_encrypt_key(Reader& reader) {
  SIMPLEX_ASSIGN(const auto version, read_version<E2eVersionTag>(reader));
  SIMPLEX_ASSIGN(const auto associated_octets, reader.short_string());
  const auto associated = RatchetAssociatedData::from(associated_octets);
  if (!associated) return fail(ErrorKind::malformed, "Stored associated data of a ratchet does not have 112 octets.");
  SIMPLEX_ASSIGN(auto key, read_message_key(reader));
  SIMPLEX_ASSIGN(const auto header, reader.large_string());
  return MessageEncryptKey{version, std::move(key), *associated, to_bytes(header)};
}

Result<std::vector<HeaderKey>> SkippedKeysInMemory::header_keys() const {
  std::vector<HeaderKey> found;
  for (const SkippedMessageKey& key : keys_) {
    if (std::ranges::find(found, key.header_key) == found.end()) found.push_back(key.header_key.clone());
  }
  return found;
}

Result<std::optional<MessageKey>> SkippedKeysInMemory::find(const HeaderKey& header_key, std::uint32_t number) const {
  for (const SkippedMessageKey& key : keys_) {
    if (key.number == number && key.header_key == header_key) return key.message_key.clone();
  }
  return std::nullopt;
}

void SkippedKeysInMemory::add(const SkippedMessageKey& key) { keys_.push_back(key.clone()); }

void SkippedKeysInMemory::apply(const SkippedKeysChange& change) {
  if (const auto* added = std::get_if<SkippedKeysAdded>(&change)) {
    for (const SkippedMessageKey& key : added->keys) add(key);
  } else if (const auto* removed = std::get_if<SkippedKeyRemoved>(&change)) {
    std::erase_if(keys_, [&](const SkippedMessageKey& key) {
      return key.number == removed->number && key.header_key == removed->header_key;
    });
  }
}

}  // namespace simplex::crypto
