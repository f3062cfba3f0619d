// Which of a server's hosts is connected to, whether through a SOCKS proxy, and which addresses are left alone.
#pragma once

#include <span>

#include "simplex/transport/socks5.hpp"

namespace simplex::transport {

// Which host of a server is used.
enum class HostMode : std::uint8_t {
  in_order,         // all, one after another
  public_hosts,     // the first that is no onion host
  onion,            // the first onion host
  onion_via_socks,  // the first onion host when there is a SOCKS proxy, else the first that is none
};

// What goes through the SOCKS proxy.
enum class SocksMode : std::uint8_t { always, onion };

struct NetworkRules {
  HostMode host_mode = HostMode::in_order;
  // When the server has no host of the wanted kind: an error, else its first host.
  bool host_mode_required = false;
  std::optional<SocksProxy> socks = std::nullopt;
  SocksMode socks_mode = SocksMode::always;

  friend bool operator==(const NetworkRules&, const NetworkRules&) = default;
};

[[nodiscard]] bool is_onion(std::string_view host) noexcept;
[[nodiscard]] bool through_socks(const NetworkRules& rules, std::string_view host) noexcept;
// In the order in which they are tried. Error: unsupported (no host fits).
[[nodiscard]] Result<std::vector<Endpoint>> choose_endpoints(const NetworkRules& rules,
                                                             std::span<const Endpoint> endpoints);

// Whether an IPv4 (4 octets) or IPv6 address (16) belongs to the public network, where everybody may connect to anybody:
// not to this machine, a private network, a link, a group or a reserved range. An IPv6 address that stands for an IPv4
// address (mapped, 6to4, NAT64) is what that one is. Other sizes are not public.
[[nodiscard]] bool is_public_address(BytesView address) noexcept;

}  // namespace simplex::transport
