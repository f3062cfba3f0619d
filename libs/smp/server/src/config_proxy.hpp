// Reads [PROXY], and the bounds of private routing in [LIMITS], of smp-server.ini.
#pragma once

#include "simplex/server_kit/ini.hpp"
#include "simplex/smp/server/server.hpp"

namespace simplex::smp::server {

void read_proxy(server_kit::IniSettings& settings, ServerSettings& server);
// "443 1024-65535"
[[nodiscard]] Result<std::vector<PortRange>> parse_port_ranges(std::string_view text);

}  // namespace simplex::smp::server
