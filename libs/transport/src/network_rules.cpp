#include "simplex/transport/network_rules.hpp"

#include <algorithm>
#include <array>

namespace simplex::transport {
namespace {

struct Prefix {
  std::array<std::uint8_t, 4> address;
  unsigned bits;
};

// Special-purpose address registry of the IANA (RFC 6890), and multicast and the reserved rest.
constexpr std::array special_ipv4{
    Prefix{{0, 0, 0, 0}, 8},      Prefix{{10, 0, 0, 0}, 8},     Prefix{{100, 64, 0, 0}, 10},
    Prefix{{127, 0, 0, 0}, 8},    Prefix{{169, 254, 0, 0}, 16}, Prefix{{172, 16, 0, 0}, 12},
    Prefix{{192, 0, 0, 0}, 24},   Prefix{{192, 0, 2, 0}, 24},   Prefix{{192, 88, 99, 0}, 24},
    Prefix{{192, 168, 0, 0}, 16}, Prefix{{198, 18, 0, 0}, 15},  Prefix{{198, 51, 100, 0}, 24},
    Prefix{{203, 0, 113, 0}, 24}, Prefix{{224, 0, 0, 0}, 4},    Prefix{{240, 0, 0, 0}, 4},
};

bool starts_with(BytesView address, BytesView prefix, unsigned bits) {
  const std::size_t whole = bits / 8;
  if (!std::equal(prefix.begin(), prefix.begin() + static_cast<std::ptrdiff_t>(whole), address.begin())) return false;
  if (bits % 8 == 0) return true;
  const auto mask = static_cast<std::uint8_t>(0xFF << (8 - bits % 8));
  return (address[whole] & mask) == (prefix[whole] & mask);
}

bool is_public_ipv4(BytesView address) {
  return std::ranges::none_of(special_ipv4,
                              [&](const Prefix& each) { return starts_with(address, each.address, each.bits); });
}

bool is_public_ipv6(BytesView address) {
  constexpr std::array<std::uint8_t, 12> mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
  constexpr std::array<std::uint8_t, 12> nat64{0, 0x64, 0xFF, 0x9B, 0, 0, 0, 0, 0, 0, 0, 0};
  constexpr std::array<std::uint8_t, 2> six_to_four{0x20, 0x02};
  constexpr std::array<std::uint8_t, 3> assignments{0x20, 0x01, 0x00};  // 2001::/23: Teredo, ORCHID, benchmarks
  constexpr std::array<std::uint8_t, 4> documentation{0x20, 0x01, 0x0D, 0xB8};
  constexpr std::array<std::uint8_t, 3> more_documentation{0x3F, 0xFF, 0x00};
  if (starts_with(address, mapped, 96) || starts_with(address, nat64, 96)) return is_public_ipv4(address.subspan(12));
  if (starts_with(address, six_to_four, 16)) return is_public_ipv4(address.subspan(2, 4));
  if (starts_with(address, assignments, 23) || starts_with(address, documentation, 32) ||
      starts_with(address, more_documentation, 20)) {
    return false;
  }
  return (address[0] & 0xE0) == 0x20;  // 2000::/3 is all that is given out
}

}  // namespace

bool is_onion(std::string_view host) noexcept { return host.ends_with(".onion"); }

bool through_socks(const NetworkRules& rules, std::string_view host) noexcept {
  return rules.socks && (rules.socks_mode == SocksMode::always || is_onion(host));
}

Result<std::vector<Endpoint>> choose_endpoints(const NetworkRules& rules, std::span<const Endpoint> endpoints) {
  if (rules.host_mode == HostMode::in_order) return std::vector<Endpoint>(endpoints.begin(), endpoints.end());
  const bool onion =
      rules.host_mode == HostMode::onion || (rules.host_mode == HostMode::onion_via_socks && rules.socks);
  const auto found = std::ranges::find(endpoints, onion, [](const Endpoint& each) { return is_onion(each.host); });
  if (found != endpoints.end()) return std::vector{*found};
  if (rules.host_mode_required || endpoints.empty()) {
    return fail(ErrorKind::unsupported,
                onion ? "the server has no onion host, and others must not be used: choose another host mode, or a "
                        "server that has one"
                      : "the server has no public host, and onion hosts must not be used: choose another host mode, or "
                        "set a SOCKS proxy",
                Advice::ask_user);
  }
  return std::vector{endpoints.front()};
}

bool is_public_address(BytesView address) noexcept {
  if (address.size() == 4) return is_public_ipv4(address);
  return address.size() == 16 && is_public_ipv6(address);
}

}  // namespace simplex::transport
