#include "config_proxy.hpp"

#include <algorithm>
#include <charconv>

#include "config_sections.hpp"

namespace simplex::smp::server {
namespace {

std::vector<std::string> words(std::string_view text) {
  constexpr std::string_view blanks = " \t,";
  std::vector<std::string> all;
  while (true) {
    const auto begin = text.find_first_not_of(blanks);
    if (begin == text.npos) return all;
    text.remove_prefix(begin);
    const auto end = std::min(text.find_first_of(blanks), text.size());
    all.emplace_back(text.substr(0, end));
    text.remove_prefix(end);
  }
}

std::optional<std::uint16_t> port_of(std::string_view text) {
  std::uint16_t port = 0;
  const auto [last, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || last != text.data() + text.size() || port == 0) return std::nullopt;
  return port;
}

}  // namespace

Result<std::vector<PortRange>> parse_port_ranges(std::string_view text) {
  std::vector<PortRange> ranges;
  for (const std::string_view word : words(text)) {
    const auto dash = word.find('-');
    const auto first = port_of(word.substr(0, dash));
    const auto last = dash == word.npos ? first : port_of(word.substr(dash + 1));
    if (!first || !last || *last < *first) {
      return fail(ErrorKind::malformed, "must be ports and ranges of ports, as in 443 1024-65535", Advice::ask_user);
    }
    ranges.push_back({*first, *last});
  }
  if (ranges.empty()) return fail(ErrorKind::malformed, "must name a port", Advice::ask_user);
  return ranges;
}

void read_proxy(server_kit::IniSettings& settings, ServerSettings& server) {
  using transport::HostMode;
  using transport::SocksMode;
  auto& proxy = server.proxy;
  proxy.enabled = settings.on_off("PROXY", "enable", proxy.enabled);
  const bool onion = settings.one_of("PROXY", "host_mode", "public", {"public", "onion"}) == "onion";
  proxy.network.host_mode = onion ? HostMode::onion_via_socks : HostMode::public_hosts;
  proxy.network.host_mode_required = settings.on_off("PROXY", "required_host_mode", false);
  const bool always = settings.one_of("PROXY", "socks_mode", "onion", {"onion", "always"}) == "always";
  proxy.network.socks_mode = always ? SocksMode::always : SocksMode::onion;
  if (const auto text = settings.optional_text("PROXY", "socks_proxy")) {
    auto socks = transport::parse_socks_proxy(*text);
    if (socks) {
      proxy.network.socks = *std::move(socks);
    } else {
      settings.problem("PROXY", "socks_proxy", socks.error().message);
    }
  }
  if (proxy.network.socks && !is_host(proxy.network.socks->server.host)) {
    settings.problem("PROXY", "socks_proxy",
                     "must be HOST:PORT or USER:PASSWORD@HOST:PORT, for example localhost:9050");
  }
  proxy.own_server_domains = words(settings.text("PROXY", "own_server_domains", ""));
  proxy.private_targets = settings.on_off("PROXY", "allow_private_targets", false);
  if (const auto text = settings.optional_text("PROXY", "allowed_ports")) {
    auto ports = parse_port_ranges(*text);
    if (ports) {
      proxy.ports = *std::move(ports);
    } else {
      settings.problem("PROXY", "allowed_ports", ports.error().message);
    }
  }

  constexpr std::int64_t many = 1'000'000;
  const auto size = [&](std::string_view section, std::string_view key, std::size_t& value) {
    value = static_cast<std::size_t>(settings.number(section, key, static_cast<std::int64_t>(value), 1, many));
  };
  size("PROXY", "client_concurrency", server.node.limits.proxied);
  size("LIMITS", "proxy_sessions", proxy.sessions);
  size("LIMITS", "proxy_connecting", proxy.connecting);
  size("LIMITS", "proxy_connecting_of_client", proxy.connecting_of_client);
  size("LIMITS", "proxy_sessions_of_client", proxy.sessions_of_client);
  size("LIMITS", "proxy_connects_per_minute", proxy.connects_per_minute);
  size("LIMITS", "proxy_unanswered", proxy.unanswered);
  size("LIMITS", "proxy_unanswered_of_session", proxy.unanswered_of_session);
  size("LIMITS", "proxy_unanswered_of_client", proxy.unanswered_of_client);
  proxy.unanswered_of_client = std::max(proxy.unanswered_of_client, 2 * server.node.limits.proxied);
  size("LIMITS", "proxy_remembered_errors", proxy.remembered_errors);
  const auto time = [&](std::string_view key, Duration& value) {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(value).count();
    value = std::chrono::seconds(settings.number("LIMITS", key, seconds, 1, many));
  };
  time("proxy_connect_timeout", proxy.connect_timeout);
  time("proxy_command_timeout", proxy.command_timeout);
  time("proxy_error_time", proxy.persist_error);
  time("proxy_quiet_time", proxy.quiet_limit);
  time("proxy_idle", proxy.idle);
}

}  // namespace simplex::smp::server
