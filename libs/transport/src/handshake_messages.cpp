#include "simplex/transport/handshake_messages.hpp"

#include <array>
#include <utility>

#include "simplex/crypto/key_encoding.hpp"

namespace simplex::transport {
namespace {

constexpr std::array<std::pair<TransportError, std::string_view>, 9> error_texts{{
    {TransportError::block, "BLOCK"},
    {TransportError::version, "VERSION"},
    {TransportError::large_message, "LARGE_MSG"},
    {TransportError::session, "SESSION"},
    {TransportError::no_server_key, "NO_AUTH"},
    {TransportError::handshake_parse, "HANDSHAKE PARSE"},
    {TransportError::handshake_identity, "HANDSHAKE IDENTITY"},
    {TransportError::handshake_bad_auth, "HANDSHAKE BAD_AUTH"},
    {TransportError::handshake_bad_service, "HANDSHAKE BAD_SERVICE"},
}};

// What the parser reads, or nothing and the reader where it was.
template <class F>
auto attempt(Reader& reader, F&& read) -> std::optional<typename std::invoke_result_t<F, Reader&>::value_type> {
  Reader ahead = reader;
  auto got = read(ahead);
  if (!got) return std::nullopt;
  reader = ahead;
  return std::move(*got);
}

char letter(SmpServiceRole role) {
  switch (role) {
    case SmpServiceRole::messaging: return 'M';
    case SmpServiceRole::notifier: return 'N';
    case SmpServiceRole::proxy: return 'P';
  }
  std::unreachable();
}

Result<SmpServiceRole> read_role(Reader& reader) {
  SIMPLEX_ASSIGN(const auto octet, reader.u8());
  switch (octet) {
    case 'M': return SmpServiceRole::messaging;
    case 'N': return SmpServiceRole::notifier;
    case 'P': return SmpServiceRole::proxy;
    default: return fail(ErrorKind::malformed, "a service role that is none of M, N, P");
  }
}

Result<SmpClientService> read_service(Reader& reader) {
  SIMPLEX_ASSIGN(const auto role, read_role(reader));
  SIMPLEX_ASSIGN(auto key, read_certified_key(reader));
  return SmpClientService{role, std::move(key)};
}

}  // namespace

std::string_view wire_text(TransportError error) noexcept {
  for (const auto& [code, text] : error_texts) {
    if (code == error) return text;
  }
  std::unreachable();
}

Result<TransportError> parse_transport_error(BytesView text) {
  for (const auto& [code, known] : error_texts) {
    if (as_text(text) == known) return code;
  }
  return fail(ErrorKind::malformed, "an unknown transport error");
}

Result<CertifiedKey> read_certified_key(Reader& reader) {
  SIMPLEX_ASSIGN(auto chain, reader.list([](Reader& one) -> Result<Bytes> {
    SIMPLEX_ASSIGN(const auto der, one.large_string());
    return to_bytes(der);
  }));
  if (chain.empty()) return fail(ErrorKind::malformed, "a certificate chain without certificates");
  SIMPLEX_ASSIGN(const auto signed_key, reader.large_string());
  return CertifiedKey{std::move(chain), to_bytes(signed_key)};
}

void write_certified_key(Writer& writer, const CertifiedKey& key) {
  writer.list(key.chain, [](Writer& to, const Bytes& der) { to.large_string(der); }).large_string(key.signed_key);
}

Bytes encode(const SmpServerHello& hello) {
  Writer writer;
  write_version_range(writer, hello.versions);
  writer.short_string(hello.session_id.view());
  if (hello.key && hello.versions.max >= session_key_version) write_certified_key(writer, *hello.key);
  return std::move(writer).take();
}

Result<SmpServerHello> decode_server_hello(BytesView content) {
  Reader reader(content);
  SIMPLEX_ASSIGN(const auto versions, read_version_range<SmpVersionTag>(reader));
  SIMPLEX_ASSIGN(const auto session_id, reader.short_string());
  SmpServerHello hello{versions, SessionId(session_id), std::nullopt};
  if (versions.max >= session_key_version) hello.key = attempt(reader, read_certified_key);
  return hello;
}

Bytes encode(const SmpClientHello& hello) {
  Writer writer;
  writer.u16(hello.version.value()).short_string(BytesView(hello.identity));
  if (hello.key && hello.version >= session_key_version) crypto::write_key(writer, *hello.key);
  if (hello.version >= proxy_flag_version) writer.boolean(hello.proxy);
  if (hello.version >= service_version) {
    writer.optional(hello.service, [](Writer& to, const SmpClientService& service) {
      write_certified_key(to.character(letter(service.role)), service.key);
    });
  }
  return std::move(writer).take();
}

Result<SmpClientHello> decode_client_hello(BytesView content) {
  Reader reader(content);
  SmpClientHello hello;
  SIMPLEX_ASSIGN(hello.version, read_version<SmpVersionTag>(reader));
  SIMPLEX_ASSIGN(const auto identity, reader.short_string());
  hello.identity = to_bytes(identity);
  if (hello.version >= session_key_version) hello.key = attempt(reader, crypto::read_key<crypto::X25519PublicKey>);
  if (hello.version >= proxy_flag_version) {
    SIMPLEX_ASSIGN(hello.proxy, reader.boolean());
  }
  if (hello.version >= service_version) {
    SIMPLEX_ASSIGN(hello.service, reader.optional(read_service));
  }
  return hello;
}

Bytes encode(const SmpServiceAnswer& answer) {
  Writer writer;
  if (const auto* id = std::get_if<ServiceId>(&answer)) {
    writer.character('R').short_string(id->view());
  } else {
    writer.character('E').raw(wire_text(std::get<TransportError>(answer)));
  }
  return std::move(writer).take();
}

Result<SmpServiceAnswer> decode_service_answer(BytesView content) {
  Reader reader(content);
  SIMPLEX_ASSIGN(const auto kind, reader.u8());
  if (kind == 'R') {
    SIMPLEX_ASSIGN(const auto id, reader.short_string());
    return ServiceId(id);
  }
  if (kind == 'E') {
    SIMPLEX_ASSIGN(const auto error, parse_transport_error(reader.tail()));
    return error;
  }
  return fail(ErrorKind::malformed, "an answer to a service that is neither R nor E");
}

}  // namespace simplex::transport
