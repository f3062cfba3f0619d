#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "host_text.hpp"

namespace simplex::protocol {

namespace {

constexpr std::size_t max_host_size = 253;  // of a DNS name

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

template <class Predicate>
std::string_view prefix_of(std::string_view text, Predicate&& belongs) {
  const auto end = std::find_if_not(text.begin(), text.end(), belongs);
  return text.substr(0, static_cast<std::size_t>(end - text.begin()));
}

// Four numbers up to 255 between dots, at the start of the text; the octets they take.
std::optional<std::pair<std::string, std::size_t>> ipv4_prefix(std::string_view text) {
  std::string normal;
  std::size_t at = 0;
  for (int i = 0; i < 4; ++i) {
    if (i > 0) {
      if (at == text.size() || text[at] != '.') return std::nullopt;
      ++at;
      normal.push_back('.');
    }
    const std::string_view digits = prefix_of(text.substr(at), is_digit);
    unsigned value = 0;
    if (digits.empty() || digits.size() > 9) return std::nullopt;
    std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (value > 255) return std::nullopt;
    normal += std::to_string(value);
    at += digits.size();
  }
  return std::pair(std::move(normal), at);
}

// The short form, or nothing when it is no IPv6 address.
std::optional<std::string> normal_ipv6(std::string_view text) {
  if (text.size() >= INET6_ADDRSTRLEN) return std::nullopt;
  in6_addr address{};
  if (inet_pton(AF_INET6, std::string(text).c_str(), &address) != 1) return std::nullopt;
  std::array<char, INET6_ADDRSTRLEN> out{};
  if (inet_ntop(AF_INET6, &address, out.data(), out.size()) == nullptr) return std::nullopt;
  return std::string(out.data());
}

bool domain_character(char c) {
  return c > ' ' && c < 0x7F && std::string_view(":#,;/[]").find(c) == std::string_view::npos;
}

std::unexpected<Error> bad_host() { return fail(ErrorKind::malformed, "the server's host name is not valid"); }

}  // namespace

Result<Host> read_host_text(std::string_view& text) {
  if (auto ipv4 = ipv4_prefix(text)) {
    text.remove_prefix(ipv4->second);
    return Host(HostKind::ipv4, std::move(ipv4->first));
  }
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) return bad_host();
    auto ipv6 = normal_ipv6(text.substr(1, end - 1));
    if (!ipv6) return bad_host();
    text.remove_prefix(end + 1);
    return Host(HostKind::ipv6, std::move(*ipv6));
  }
  const std::string_view maybe_ipv6 = prefix_of(text, [](char c) { return is_hex(c) || c == ':'; });
  if (auto ipv6 = normal_ipv6(maybe_ipv6)) {
    text.remove_prefix(maybe_ipv6.size());
    return Host(HostKind::ipv6, std::move(*ipv6));
  }
  constexpr std::string_view onion = ".onion";
  const std::string_view service = prefix_of(text, [](char c) { return is_digit(c) || (c >= 'a' && c <= 'z'); });
  if (text.substr(service.size()).starts_with(onion) && service.size() + onion.size() <= max_host_size) {
    Host host(HostKind::onion, std::string(text.substr(0, service.size() + onion.size())));
    text.remove_prefix(host.text().size());
    return host;
  }
  const std::string_view domain = prefix_of(text, domain_character);
  if (domain.empty() || domain.size() > max_host_size || domain.ends_with(onion)) return bad_host();
  text.remove_prefix(domain.size());
  return Host(HostKind::domain, std::string(domain));
}

Result<Host> Host::parse(std::string_view text) {
  SIMPLEX_ASSIGN(Host host, read_host_text(text));
  if (!text.empty()) return bad_host();
  return host;
}

Result<std::vector<Host>> read_hosts_text(std::string_view& text) {
  std::vector<Host> hosts;
  while (true) {
    SIMPLEX_ASSIGN(Host host, read_host_text(text));
    hosts.push_back(std::move(host));
    if (!text.starts_with(',')) return hosts;
    if (hosts.size() == max_hosts) return fail(ErrorKind::limit, "the server has too many host names");
    text.remove_prefix(1);
  }
}

std::string join_hosts(std::span<const Host> hosts) {
  std::string joined;
  for (const Host& host : hosts) {
    if (!joined.empty()) joined.push_back(',');
    joined += host.text();
  }
  return joined;
}

Result<std::string> read_port_text(std::string_view& text) {
  const std::string_view digits = prefix_of(text, is_digit);
  if (digits.empty() || digits.size() > 18) return fail(ErrorKind::malformed, "the server's port is not a number");
  text.remove_prefix(digits.size());
  const std::size_t first = std::min(digits.find_first_not_of('0'), digits.size() - 1);
  return std::string(digits.substr(first));
}

}  // namespace simplex::protocol
