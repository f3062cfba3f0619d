#include "simplex/protocol/server_address.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "simplex/encoding/base64.hpp"
#include "host_text.hpp"

namespace simplex::protocol {

namespace {

constexpr std::array<std::pair<std::string_view, std::string_view>, 6> known_hosts{{
    {"smp4.simplex.im", "o5vmywmrnaxalvz6wi3zicyftgio6psuvyniis6gco6bp6ekl4cqj4id.onion"},
    {"smp5.simplex.im", "jjbyvoemxysm7qxap7m5d5m35jzv5qq6gnlv7s4rsn7tdwwmuqciwpid.onion"},
    {"smp6.simplex.im", "bylepyau3ty4czmn77q4fglvperknl4bi2eb2fdy2bh4jxtf32kf73yd.onion"},
    {"smp8.simplex.im", "beccx4yfxxbvyhqypaavemqurytl6hozr47wfc7uuecacjqdvwpw2xid.onion"},
    {"smp9.simplex.im", "jssqzccmrcws6bhmn77vgmhfjmhwlyr3u7puw4erkyoosywgl67slqqd.onion"},
    {"smp10.simplex.im", "rb2pbttocvnbrngnwziclp2f4ckjq65kebafws6g4hy22cdaiv5dwjqd.onion"},
}};

Result<Scheme> read_scheme_text(std::string_view& text) {
  for (const Scheme scheme : {Scheme::smp, Scheme::xftp, Scheme::ntf}) {
    const std::string start = std::string(name_of(scheme)) + "://";
    if (text.starts_with(start)) {
      text.remove_prefix(start.size());
      return scheme;
    }
  }
  return fail(ErrorKind::malformed, "a server address begins with smp://, xftp:// or ntf://");
}

std::string format_server(const ServerAddress& server, const std::string& hosts, const BasicAuth* password) {
  std::string text(name_of(server.scheme));
  text += "://";
  text += base64url(server.key_hash.view());
  if (password != nullptr) {
    text.push_back(':');
    text += as_text(password->reveal());
  }
  text.push_back('@');
  text += hosts;
  if (!server.port.empty()) {
    text.push_back(':');
    text += server.port;
  }
  return text;
}

Result<Host> read_host(Reader& reader) {
  SIMPLEX_ASSIGN(const BytesView text, reader.short_string());
  return Host::parse(as_text(text));
}

Result<> read_port_and_key_hash(Reader& reader, ServerAddress& server) {
  SIMPLEX_ASSIGN(const BytesView port, reader.short_string());
  if (!std::ranges::all_of(port, [](std::uint8_t c) { return c >= '0' && c <= '9'; }))
    return fail(ErrorKind::malformed, "the server's port is not a number");
  server.port = as_text(port);
  SIMPLEX_ASSIGN(const BytesView key_hash, reader.short_string());
  server.key_hash = KeyHash(key_hash);
  return {};
}

}  // namespace

std::string_view name_of(Scheme scheme) noexcept {
  switch (scheme) {
    case Scheme::smp: return "smp";
    case Scheme::xftp: return "xftp";
    case Scheme::ntf: return "ntf";
  }
  return "smp";
}

Result<BasicAuth> BasicAuth::from(BytesView password) {
  const auto allowed = [](std::uint8_t c) { return c > ' ' && c < 0x7F && c != '@' && c != ':' && c != '/'; };
  if (password.size() > 255) return fail(ErrorKind::limit, "the server password is longer than 255 characters");
  if (!std::ranges::all_of(password, allowed))
    return fail(ErrorKind::malformed, "a server password has visible ASCII characters only, without '@', ':' and '/'");
  return BasicAuth(password);
}

std::optional<std::uint16_t> ServerAddress::port_number() const noexcept {
  std::uint16_t number = 0;
  const char* end = port.data() + port.size();
  const auto [at, error] = std::from_chars(port.data(), end, number);
  if (error != std::errc{} || at != end || number == 0) return std::nullopt;
  return number;
}

bool same_server(const ServerAddress& a, const ServerAddress& b) noexcept {
  return a.hosts == b.hosts && a.port == b.port;
}

Result<Bytes> read_base64_text(std::string_view& text, std::string_view what) {
  const auto letter = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  };
  std::size_t size = 0;
  while (size < text.size() && letter(text[size])) ++size;
  if (size == 0) return fail(ErrorKind::malformed, std::string(what) + " is missing");
  while (size < text.size() && text[size] == '=') ++size;
  auto bytes = from_base64url(text.substr(0, size));
  if (!bytes || bytes->size() > 255) return fail(ErrorKind::malformed, std::string(what) + " is damaged");
  text.remove_prefix(size);
  return bytes;
}

Result<ServerWithAuth> read_server_text(std::string_view& text) {
  ServerWithAuth server;
  SIMPLEX_ASSIGN(server.address.scheme, read_scheme_text(text));
  SIMPLEX_ASSIGN(Bytes key_hash, read_base64_text(text, "the server's fingerprint"));
  server.address.key_hash = KeyHash(std::move(key_hash));
  if (text.starts_with(':')) {
    const std::size_t end = text.find('@');
    const std::string_view password = text.substr(1, end == std::string_view::npos ? end : end - 1);
    if (password.empty()) return fail(ErrorKind::malformed, "the server password is empty");
    SIMPLEX_ASSIGN(server.password, BasicAuth::from(as_bytes(password)));
    text = end == std::string_view::npos ? std::string_view() : text.substr(end);
  }
  if (!text.starts_with('@')) return fail(ErrorKind::malformed, "the server address has no '@' before its host");
  text.remove_prefix(1);
  SIMPLEX_ASSIGN(server.address.hosts, read_hosts_text(text));
  if (text.starts_with(':')) {
    text.remove_prefix(1);
    SIMPLEX_ASSIGN(server.address.port, read_port_text(text));
  }
  return server;
}

Result<ServerWithAuth> parse_server_with_auth(std::string_view text) {
  SIMPLEX_ASSIGN(auto server, read_server_text(text));
  if (!text.empty()) return fail(ErrorKind::malformed, "the server address goes on after its end");
  return server;
}

Result<ServerAddress> parse_server_address(std::string_view text) {
  SIMPLEX_ASSIGN(auto server, parse_server_with_auth(text));
  if (server.password) return fail(ErrorKind::malformed, "this server address must not have a password");
  return std::move(server.address);
}

std::string format(const ServerAddress& server) { return format_server(server, join_hosts(server.hosts), nullptr); }

std::string format(const ServerWithAuth& server) {
  return format_server(server.address, join_hosts(server.address.hosts), server.password ? &*server.password : nullptr);
}

std::string format_first_host_only(const ServerAddress& server) {
  return format_server(server, server.hosts.front().text(), nullptr);
}

Result<ServerAddress> read_server_address(Reader& reader, Scheme scheme) {
  ServerAddress server;
  server.scheme = scheme;
  SIMPLEX_ASSIGN(server.hosts, reader.list(read_host));
  if (server.hosts.empty()) return fail(ErrorKind::malformed, "server address without a host");
  SIMPLEX_TRY(read_port_and_key_hash(reader, server));
  return server;
}

void write_server_address(Writer& writer, const ServerAddress& server) {
  writer.list(server.hosts, [](Writer& w, const Host& host) { w.short_string(host.text()); })
      .short_string(server.port)
      .short_string(server.key_hash.view());
}

Result<ServerAddress> read_first_form_server_address(Reader& reader, Scheme scheme) {
  ServerAddress server;
  server.scheme = scheme;
  SIMPLEX_ASSIGN(Host host, read_host(reader));
  server.hosts.push_back(std::move(host));
  SIMPLEX_TRY(read_port_and_key_hash(reader, server));
  add_known_hosts(server);
  return server;
}

void write_first_form_server_address(Writer& writer, const ServerAddress& server) {
  writer.short_string(server.hosts.front().text()).short_string(server.port).short_string(server.key_hash.view());
}

void add_known_hosts(ServerAddress& server) {
  if (server.hosts.size() != 1) return;
  for (const auto& [host, onion] : known_hosts) {
    if (server.hosts.front().text() != host) continue;
    if (auto parsed = Host::parse(onion)) server.hosts.push_back(std::move(*parsed));
    return;
  }
}

}  // namespace simplex::protocol
