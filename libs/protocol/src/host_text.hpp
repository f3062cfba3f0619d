// Reading parts of server addresses from the front of a text, which is shortened by what was read.
#pragma once

#include <span>

#include "simplex/protocol/server_address.hpp"

namespace simplex::protocol {

// A list is written with a 1-byte count.
inline constexpr std::size_t max_hosts = 255;

[[nodiscard]] Result<Host> read_host_text(std::string_view& text);
[[nodiscard]] Result<std::vector<Host>> read_hosts_text(std::string_view& text);  // separated by commas
[[nodiscard]] std::string join_hosts(std::span<const Host> hosts);
// Digits, without leading zeros.
[[nodiscard]] Result<std::string> read_port_text(std::string_view& text);
// Base64url, with or without padding; 1 to 255 octets.
[[nodiscard]] Result<Bytes> read_base64_text(std::string_view& text, std::string_view what);
// Without checking that the text ends after it.
[[nodiscard]] Result<ServerWithAuth> read_server_text(std::string_view& text);

// The well-known relays of client version 1 had one host in their addresses: adds the onion address that each has.
void add_known_hosts(ServerAddress& server);

}  // namespace simplex::protocol
