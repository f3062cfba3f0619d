// The layout of ratchet messages and their headers (pqdr.md, "Ratchet message wire format"). Internal to the ratchet.
#pragma once

#include <expected>

#include "simplex/crypto/ratchet.hpp"

namespace simplex::crypto {

// Length of an encrypted header and of the whole message header: 2 octets from version 3, else 1. A reader tells them
// apart by the first octet, as no header is shorter than 32 octets or longer than 8,191.
void write_versioned(Writer& writer, E2eVersion version, BytesView octets);
[[nodiscard]] Result<BytesView> read_versioned(Reader& reader);

// Outermost.
struct RatchetMessage {
  BytesView encrypted_header;  // as the body authenticates it
  AesTag tag;
  BytesView body;
};
[[nodiscard]] Result<RatchetMessage> decode_ratchet_message(BytesView message);

struct EncryptedHeader {
  E2eVersion version;  // not authenticated by itself, but with the body
  AesIv16 iv;
  AesTag tag;
  BytesView body;
};
[[nodiscard]] Result<EncryptedHeader> decode_encrypted_header(BytesView header);

// Inside: max version 2, DH key (1-byte length, SPKI), from version 3 Maybe KEM, messages in the previous chain 4,
// message number 4. Padded to 88, or 2310 with PQ support; octets after it are for later versions.
struct MessageHeader {
  E2eVersion max_version;
  X448PublicKey dh_key;
  std::optional<KemParams> kem;
  std::uint32_t previous_count = 0;
  std::uint32_t number = 0;
};
[[nodiscard]] Bytes encode_message_header(const MessageHeader& header, E2eVersion version);
[[nodiscard]] Result<MessageHeader> decode_message_header(BytesView octets, E2eVersion version);
[[nodiscard]] std::size_t padded_header_size(E2eVersion version, PqSupport support) noexcept;

}  // namespace simplex::crypto
