// Messages of the SMP transport handshake, contents of the first blocks of a connection, and errors of the transport.
// Octets after a message are ignored: later versions add fields. (simplex-messaging.md, "Transport handshake")
#pragma once

#include <optional>
#include <variant>

#include "simplex/encoding/version.hpp"
#include "simplex/transport/certificate.hpp"

namespace simplex::transport {

inline constexpr SmpVersion min_smp_version{6};
inline constexpr SmpVersion max_smp_version{20};
inline constexpr SmpVersionRange supported_smp_versions{min_smp_version, max_smp_version};
// What a relay offers to a client that did not negotiate ALPN.
inline constexpr SmpVersionRange legacy_smp_versions{SmpVersion{6}, SmpVersion{6}};

inline constexpr SmpVersion session_key_version{7};  // session keys; session id is implied in transmissions
inline constexpr SmpVersion encrypted_block_version{11};
inline constexpr SmpVersion proxy_flag_version{14};
inline constexpr SmpVersion service_version{16};
inline constexpr SmpVersion messaging_service_version{19};

enum class TransportError : std::uint8_t {
  block,                  // BLOCK
  version,                // VERSION
  large_message,          // LARGE_MSG
  session,                // SESSION: the session id is not of this TLS connection
  no_server_key,          // NO_AUTH
  handshake_parse,        // HANDSHAKE PARSE
  handshake_identity,     // HANDSHAKE IDENTITY: the client wants another relay
  handshake_bad_auth,     // HANDSHAKE BAD_AUTH
  handshake_bad_service,  // HANDSHAKE BAD_SERVICE
};
[[nodiscard]] std::string_view wire_text(TransportError error) noexcept;
[[nodiscard]] Result<TransportError> parse_transport_error(BytesView text);

// A session key signed by the leaf of the chain that TLS showed.
struct CertifiedKey {
  CertificateChain chain;
  Bytes signed_key;  // DER, see sign_key()
  friend bool operator==(const CertifiedKey&, const CertifiedKey&) = default;
};
// 1-byte count || { 2-byte length || certificate } || 2-byte length || signed key. A chain has 1 certificate at least.
[[nodiscard]] Result<CertifiedKey> read_certified_key(Reader& reader);
void write_certified_key(Writer& writer, const CertifiedKey& key);

// versions (4) || session id (1-byte length) || [max version 7+: certified key]
struct SmpServerHello {
  SmpVersionRange versions;
  SessionId session_id;
  std::optional<CertifiedKey> key;
};

enum class SmpServiceRole : std::uint8_t { messaging, notifier, proxy };  // 'M' 'N' 'P'

struct SmpClientService {
  SmpServiceRole role = SmpServiceRole::messaging;
  CertifiedKey key;
};

// version (2) || key hash (1-byte length) || [7+: X25519 key] || [14+: proxy 'T'|'F'] || [16+: maybe service]
// A key field that is no X25519 key is no field: what follows is read in its place.
struct SmpClientHello {
  SmpVersion version;
  Bytes identity;  // 32 octets from an honest client
  std::optional<crypto::X25519PublicKey> key;
  bool proxy = false;
  std::optional<SmpClientService> service;
};

struct ServiceIdTag;
using ServiceId = OpaqueBytes<ServiceIdTag>;

// 'R' service id (1-byte length) | 'E' transport error: the relay's answer to a service.
using SmpServiceAnswer = std::variant<ServiceId, TransportError>;

[[nodiscard]] Bytes encode(const SmpServerHello& hello);
[[nodiscard]] Bytes encode(const SmpClientHello& hello);
[[nodiscard]] Bytes encode(const SmpServiceAnswer& answer);
[[nodiscard]] Result<SmpServerHello> decode_server_hello(BytesView content);
[[nodiscard]] Result<SmpClientHello> decode_client_hello(BytesView content);
[[nodiscard]] Result<SmpServiceAnswer> decode_service_answer(BytesView content);

}  // namespace simplex::transport
