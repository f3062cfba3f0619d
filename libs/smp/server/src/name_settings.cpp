#include <algorithm>
#include <charconv>

#include "simplex/encoding/base64.hpp"
#include "simplex/smp/server/name_resolver.hpp"

namespace simplex::smp::server {
namespace {

std::unexpected<Error> wrong(std::string what) { return fail(ErrorKind::malformed, std::move(what), Advice::ask_user); }

std::string lower(std::string_view text) {
  std::string made(text);
  std::ranges::transform(made, made.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return made;
}

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words;
  while (!text.empty()) {
    const auto begin = text.find_first_not_of(" \t");
    if (begin == std::string_view::npos) break;
    text.remove_prefix(begin);
    const auto end = std::min(text.find_first_of(" \t"), text.size());
    words.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return words;
}

bool printable(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7f; });
}

bool this_machine(std::string_view host) {
  return host == "localhost" || host == "127.0.0.1" || host == "::1" || host == "0.0.0.0";
}

}  // namespace

Result<> NameSettings::set_endpoint(std::string_view url) {
  const auto scheme_end = url.find("://");
  const auto scheme = lower(url.substr(0, scheme_end));
  if (scheme_end == std::string_view::npos || (scheme != "http" && scheme != "https")) {
    return wrong("must begin with http:// or https://");
  }
  auto rest = url.substr(scheme_end + 3);
  if (!printable(rest) || rest.find_first_of("?#\"<>\\") != std::string_view::npos) {
    return wrong("must be an address without spaces, ? and #");
  }
  const auto slash = std::min(rest.find('/'), rest.size());
  auto authority = rest.substr(0, slash);
  auto under = rest.substr(slash);
  while (under.ends_with('/')) under.remove_suffix(1);
  if (authority.find('@') != std::string_view::npos) {
    return wrong("must have no user and password: put them into resolver_auth");
  }
  const std::string in_field(authority);
  std::string_view name;
  if (authority.starts_with('[')) {
    const auto end = authority.find(']');
    if (end == std::string_view::npos) return wrong("has an IPv6 address without ]");
    name = authority.substr(1, end - 1);
    authority.remove_prefix(end + 1);
  } else {
    const auto end = std::min(authority.find(':'), authority.size());
    name = authority.substr(0, end);
    authority.remove_prefix(end);
  }
  if (name.empty()) return wrong("has no host");
  std::uint16_t port = scheme == "https" ? 443 : 80;
  if (!authority.empty()) {
    const auto digits = authority.substr(1);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    if (authority[0] != ':' || error != std::errc{} || end != digits.data() + digits.size() || port == 0) {
      return wrong("has a wrong port");
    }
  }
  endpoint = {std::string(name), port};
  tls = scheme == "https";
  host = in_field;
  path = std::string(under);
  return {};
}

Result<> NameSettings::set_authorization(std::string_view text) {
  const auto words = words_of(text);
  const auto expected = [] { return wrong("must be `bearer TOKEN` or `basic USER:PASSWORD`"); };
  if (words.size() != 2 || !printable(words[1])) return expected();
  const auto scheme = lower(words[0]);
  std::string value;
  if (scheme == "bearer") {
    value = "Bearer " + std::string(words[1]);
  } else if (scheme == "basic") {
    if (const auto colon = words[1].find(':'); colon == 0 || colon == std::string_view::npos) return expected();
    value = "Basic " + base64_standard(as_bytes(words[1]));
  } else {
    return expected();
  }
  authorization = SecretBytes(as_bytes(value));
  wipe({reinterpret_cast<std::uint8_t*>(value.data()), value.size()});
  return {};
}

Result<> NameSettings::check() const {
  if (!authorization.empty() && !tls && !this_machine(endpoint.host)) {
    return wrong(
        "is http to another machine, where everyone on the way could read resolver_auth: use https, or leave "
        "resolver_auth out");
  }
  return {};
}

}  // namespace simplex::smp::server
