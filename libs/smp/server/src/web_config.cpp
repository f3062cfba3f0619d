#include "web_config.hpp"

#include <charconv>

namespace simplex::smp::server {
namespace {

using server_kit::IniSettings;

constexpr std::string_view about = "INFORMATION";

void read_text(IniSettings& settings, std::string_view key, std::string& value) {
  value = settings.text(about, key, "");
}

void read_country(IniSettings& settings, std::string_view key, std::string& value) {
  read_text(settings, key, value);
  const auto letter = [](char& c) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 32);
    return c >= 'A' && c <= 'Z';
  };
  if (value.empty() || (value.size() == 2 && letter(value[0]) && letter(value[1]))) return;
  settings.problem(about, key, "must be the two letters of a country (ISO 3166), for example DE");
}

void read_contacts(IniSettings& settings, const std::string& who, PublicInformation::Contacts& contacts) {
  read_text(settings, who + "_simplex", contacts.simplex);
  read_text(settings, who + "_email", contacts.email);
  read_text(settings, who + "_pgp", contacts.pgp);
  read_text(settings, who + "_pgp_fingerprint", contacts.pgp_fingerprint);
  const auto& address = contacts.simplex;
  if (!address.empty() && !address.starts_with("https://") && !address.starts_with("simplex:/")) {
    settings.problem(about, who + "_simplex", "must be a SimpleX address, that begins with https:// or simplex:/");
  }
}

void read_information(IniSettings& settings, PublicInformation& information) {
  read_text(settings, "source_code", information.source_code);
  read_text(settings, "usage_conditions", information.usage_conditions);
  read_text(settings, "condition_amendments", information.condition_amendments);
  read_country(settings, "server_country", information.server_country);
  read_text(settings, "operator", information.operator_name);
  read_country(settings, "operator_country", information.operator_country);
  read_text(settings, "website", information.website);
  read_contacts(settings, "admin", information.admin);
  read_contacts(settings, "complaints", information.complaints);
  read_text(settings, "hosting", information.hosting);
  read_country(settings, "hosting_country", information.hosting_country);
  read_text(settings, "hosting_type", information.hosting_type);
  const auto& type = information.hosting_type;
  if (!type.empty() && type != "virtual" && type != "dedicated" && type != "colocation" && type != "owned") {
    settings.problem(about, "hosting_type", "must be virtual, dedicated, colocation or owned");
  }
}

std::optional<std::uint16_t> port_in(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return port;
}

// "off", nothing, a port; or, with `host_too`, one after a host: 127.0.0.1:8080, [::1]:8080.
std::optional<transport::Endpoint> read_endpoint(IniSettings& settings, std::string_view key, bool host_too) {
  const auto text = settings.optional_text("WEB", key);
  if (!text || text->empty() || *text == "off") return std::nullopt;
  std::string_view host;
  std::string_view port_text = *text;
  const auto colon = text->rfind(':');
  const bool has_host = host_too && colon != text->npos;
  if (has_host) {
    host = std::string_view(*text).substr(0, colon);
    port_text = std::string_view(*text).substr(colon + 1);
    if (host.starts_with('[') && host.ends_with(']')) {
      host = host.substr(1, host.size() - 2);
    } else if (host.find(':') != host.npos) {
      host = {};  // IPv6 without brackets: its last number would be taken for the port
    }
  }
  const auto port = port_in(port_text);
  if (port && host.empty() != has_host) return transport::Endpoint{std::string(host), *port};
  settings.problem("WEB", key,
                   host_too ? "must be a port number from 0 to 65535, an address and a port like 127.0.0.1:8080, or off"
                            : "must be a port number from 0 to 65535, or off");
  return std::nullopt;
}

std::string onion_host(std::string_view hosts) {
  while (!hosts.empty()) {
    const auto end = std::min(hosts.find_first_of(", "), hosts.size());
    const auto host = hosts.substr(0, end);
    if (host.ends_with(".onion")) return std::string(host);
    hosts.remove_prefix(std::min(end + 1, hosts.size()));
  }
  return {};
}

}  // namespace

void read_web(IniSettings& settings, std::string_view host, WebSettings& web) {
  read_information(settings, web.site.information);
  web.site.onion_host = onion_host(host);
  web.site.configuration.statistics = settings.on_off("STORE_LOG", "log_stats", false);
  web.bind = settings.text("TRANSPORT", "bind", "");
  if (const auto folder = settings.optional_text("WEB", "static_path"); folder && !folder->empty()) {
    web.site.folder = *folder;
  }
  web.http = read_endpoint(settings, "http", true);
  if (web.http && web.http->host.empty()) web.http->host = web.bind;
  const auto https = read_endpoint(settings, "https", false);
  const auto certificate = settings.text("WEB", "cert", "");
  const auto key = settings.text("WEB", "key", "");
  // As in the reference, all three or none: a configuration with the port alone is that of a relay behind a web server.
  if (https && !certificate.empty() && !key.empty()) {
    web.https = WebSettings::Https{https->port, certificate, key};
  } else if (https) {
    web.https_without_certificate = https->port;
  }
  const auto number = [&](std::string_view limit, std::size_t& value, std::int64_t min, std::int64_t max) {
    value = static_cast<std::size_t>(settings.number("LIMITS", limit, static_cast<std::int64_t>(value), min, max));
  };
  const auto time = [&](std::string_view limit, Duration& value) {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(value).count();
    value = std::chrono::seconds(settings.number("LIMITS", limit, seconds, 1, 86'400));
  };
  number("web_connections", web.limits.connections, 1, 1'000'000);
  number("web_request_bytes", web.limits.header_octets, 256, 1'048'576);
  number("web_requests", web.limits.requests, 1, 1'000'000);
  time("web_idle_timeout", web.limits.idle_timeout);
  time("web_header_timeout", web.limits.header_timeout);
  time("web_answer_timeout", web.limits.answer_timeout);
}

std::optional<NameSettings> read_names(IniSettings& settings) {
  constexpr std::string_view section = "NAMES";
  const bool on = settings.on_off(section, "enable", false);
  NameSettings made;
  made.timeout = std::chrono::milliseconds(settings.number(section, "resolver_timeout_ms", 3'000, 100, 60'000));
  made.max_response =
      static_cast<std::size_t>(settings.number(section, "resolver_max_response_bytes", 16'000, 1'024, 16'000));
  made.concurrency = static_cast<std::size_t>(settings.number(section, "resolver_concurrency", 1'000, 1, 100'000));
  made.waiting = static_cast<std::size_t>(
      settings.number("LIMITS", "names_waiting", static_cast<std::int64_t>(made.waiting), 0, 10'000'000));
  const auto endpoint = settings.optional_text(section, "resolver_endpoint");
  const auto authorization = settings.optional_text(section, "resolver_auth");
  if (!on) return std::nullopt;
  // Without the value: it is a secret, or may have one in the wrong place.
  const auto check = [&](std::string_view key, const Result<>& result) {
    if (!result) settings.problem(section, std::string(key) + " (not shown)", result.error().message);
    return result.has_value();
  };
  if (!endpoint) {
    settings.problem(section, "resolver_endpoint", "is missing, for example http://127.0.0.1:8000");
    return std::nullopt;
  }
  const bool right = check("resolver_endpoint", made.set_endpoint(*endpoint)) &&
                     (!authorization || check("resolver_auth", made.set_authorization(*authorization))) &&
                     check("resolver_endpoint", made.check());
  if (!right) return std::nullopt;
  return made;
}

}  // namespace simplex::smp::server
