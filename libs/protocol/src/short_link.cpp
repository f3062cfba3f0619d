#include "simplex/protocol/short_link.hpp"

#include <algorithm>

#include "simplex/encoding/base64.hpp"
#include "simplex/encoding/uri.hpp"
#include "host_text.hpp"

namespace simplex::protocol {

namespace {

std::unexpected<Error> damaged(std::string_view what) { return fail(ErrorKind::malformed, std::string(what)); }

std::optional<ContactKind> contact_kind(char upper_case_letter) {
  switch (upper_case_letter) {
    case 'A': return ContactKind::contact;
    case 'C': return ContactKind::channel;
    case 'G': return ContactKind::group;
    case 'R': return ContactKind::relay;
    default: return std::nullopt;
  }
}

char letter_of(ContactKind kind) {
  switch (kind) {
    case ContactKind::contact: return 'A';
    case ContactKind::channel: return 'C';
    case ContactKind::group: return 'G';
    case ContactKind::relay: return 'R';
  }
  return 'A';
}

char to_upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }
char to_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// Numbers over 65,535 wrap, as they do in the reference (encoding.json: 70000 reads as 4464).
Result<std::string> parse_port(std::string_view text) {
  SIMPLEX_ASSIGN(const std::string digits, read_port_text(text));
  if (!text.empty()) return damaged("the link's port is not a number");
  std::uint16_t port = 0;
  for (const char digit : digits) port = static_cast<std::uint16_t>(port * 10 + (digit - '0'));
  return std::to_string(port);
}

Result<> parse_server_parameters(std::string_view text, ServerAddress& server) {
  if (text.find_first_of(" \n") != std::string_view::npos) return damaged("the link goes on after its end");
  const Query query = Query::parse(text);
  if (const std::string* more = query.find("h"); more != nullptr && !more->empty()) {
    std::string_view rest = *more;
    SIMPLEX_ASSIGN(auto hosts, read_hosts_text(rest));
    if (!rest.empty()) return damaged("the link's server is damaged");
    std::ranges::move(hosts, std::back_inserter(server.hosts));
    if (server.hosts.size() > max_hosts) return fail(ErrorKind::limit, "the link's server has too many host names");
  }
  if (const std::string* port = query.find("p")) {
    SIMPLEX_ASSIGN(server.port, parse_port(*port));
  }
  if (const std::string* key_hash = query.find("c")) {
    std::string_view rest = *key_hash;
    SIMPLEX_ASSIGN(Bytes bytes, read_base64_text(rest, "the fingerprint of the link's server"));
    if (!rest.empty()) return damaged("the fingerprint of the link's server is damaged");
    server.key_hash = KeyHash(std::move(bytes));
  }
  return {};
}

bool only_host(const ServerAddress& server) {
  return server.hosts.size() == 1 && server.port.empty() && server.key_hash.empty();
}

const ServerAddress* find_preset(const ServerAddress& server, std::span<const ServerAddress> presets) {
  const auto found = std::ranges::find_if(
      presets, [&](const ServerAddress& preset) { return preset.hosts.front() == server.hosts.front(); });
  return found == presets.end() ? nullptr : &*found;
}

bool is_preset(const ServerAddress& server, const ServerAddress& preset) {
  const bool hosts_known = std::ranges::all_of(
      server.hosts, [&](const Host& host) { return std::ranges::find(preset.hosts, host) != preset.hosts.end(); });
  const bool usual_port = preset.port.empty() && (server.port == "443" || server.port == "5223");
  return hosts_known && (server.port == preset.port || usual_port) && server.key_hash == preset.key_hash;
}

}  // namespace

Result<ShortLink> parse_short_link(std::string_view text) {
  if (text.size() > max_link_size) return fail(ErrorKind::limit, "the link is too long");
  ShortLink link;
  if (text.starts_with("simplex:")) {
    text.remove_prefix(8);
  } else if (text.starts_with("https://")) {
    text.remove_prefix(8);
    link.scheme = ShortLinkScheme::server;
    SIMPLEX_ASSIGN(Host host, read_host_text(text));
    link.server.hosts.push_back(std::move(host));
  } else {
    return damaged("a short link begins with simplex:/ or https://");
  }
  if (!text.starts_with('/') || text.size() < 2) return damaged("the link has no type");
  const char type = text[1];
  text.remove_prefix(2);
  link.contact = contact_kind(to_upper(type));
  if (!link.contact && type != 'i') return damaged("the link is of an unknown type");
  if (text.starts_with('/')) text.remove_prefix(1);
  if (!text.starts_with('#')) return damaged("the link has no '#' after its type");
  text.remove_prefix(1);
  if (link.is_invitation()) {
    SIMPLEX_ASSIGN(Bytes id, read_base64_text(text, "the link's id"));
    link.link_id = LinkId(std::move(id));
    if (!text.starts_with('/')) return damaged("the link's key is missing");
    text.remove_prefix(1);
  }
  SIMPLEX_ASSIGN(Bytes key, read_base64_text(text, "the link's key"));
  link.key = LinkKey(std::move(key));
  if (text.starts_with('?')) {
    SIMPLEX_TRY(parse_server_parameters(text.substr(1), link.server));
  } else if (!text.empty()) {
    return damaged("the link goes on after its end");
  }
  if (link.server.hosts.empty()) return damaged("the link has no server");
  return link;
}

std::string format(const ShortLink& link) {
  const auto& server = link.server;
  const bool of_server = link.scheme == ShortLinkScheme::server;
  std::string text = of_server ? "https://" + server.hosts.front().text() : "simplex:";
  text += '/';
  text += link.contact ? to_lower(letter_of(*link.contact)) : 'i';
  text += '#';
  if (link.is_invitation() && !link.link_id.empty()) text += base64url_unpadded(link.link_id.view()) + '/';
  text += base64url_unpadded(link.key.view());
  char separator = '?';
  const auto parameter = [&](char name, const std::string& value) {
    if (value.empty()) return;
    text += separator;
    text += name;
    text += '=';
    text += percent_encode(value);
    separator = '&';
  };
  parameter('h', join_hosts(std::span(server.hosts).subspan(of_server ? 1 : 0)));
  parameter('p', server.port);
  parameter('c', base64url_unpadded(server.key_hash.view()));
  return text;
}

Result<ShortLink> read_short_link(Reader& reader) {
  ShortLink link;
  link.scheme = ShortLinkScheme::server;
  SIMPLEX_ASSIGN(const std::uint8_t mode, reader.u8());
  if (mode == 'C') {
    SIMPLEX_ASSIGN(const std::uint8_t letter, reader.u8());
    link.contact = contact_kind(static_cast<char>(letter));
    if (!link.contact) return damaged("short link of an unknown type");
  } else if (mode != 'I') {
    return damaged("short link of an unknown type");
  }
  SIMPLEX_ASSIGN(link.server, read_server_address(reader));
  if (link.is_invitation()) {
    SIMPLEX_ASSIGN(const BytesView id, reader.short_string());
    link.link_id = LinkId(id);
  }
  SIMPLEX_ASSIGN(const BytesView key, reader.short_string());
  link.key = LinkKey(key);
  return link;
}

void write_short_link(Writer& writer, const ShortLink& link) {
  if (link.contact) {
    writer.character('C').character(letter_of(*link.contact));
    write_server_address(writer, link.server);
  } else {
    writer.character('I');
    write_server_address(writer, link.server);
    writer.short_string(link.link_id.view());
  }
  writer.short_string(link.key.view());
}

bool same_link(const ShortLink& a, const ShortLink& b) noexcept {
  return a.contact == b.contact && same_server(a.server, b.server) && a.link_id == b.link_id && a.key == b.key;
}

ShortLink shorten(ShortLink link, std::span<const ServerAddress> preset_servers) {
  const ServerAddress* preset = find_preset(link.server, preset_servers);
  if (preset != nullptr && is_preset(link.server, *preset)) {
    link.server.hosts.erase(link.server.hosts.begin() + 1, link.server.hosts.end());
    link.server.port.clear();
    link.server.key_hash = KeyHash();
  }
  return link;
}

ShortLink restore(ShortLink link, std::span<const ServerAddress> preset_servers) {
  if (!only_host(link.server)) return link;
  if (const ServerAddress* preset = find_preset(link.server, preset_servers)) link.server = *preset;
  return link;
}

}  // namespace simplex::protocol
