// What NetworkConfig means for one session with a relay.
#pragma once

#include "simplex/agent/config.hpp"
#include "simplex/smp/client/client.hpp"
#include "party.hpp"

namespace simplex::agent {

// Connections with different texts take different ways through a SOCKS proxy. session: of this run.
[[nodiscard]] std::string isolation_of(SessionMode mode, std::string_view session, const Party& party,
                                       const protocol::ServerAddress& relay);
// Whether port 443 is meant where the address has no port.
[[nodiscard]] bool uses_web_port(const Config& config, const protocol::ServerAddress& relay);
// Whether our address stays hidden from a relay that we connect to.
[[nodiscard]] bool is_address_protected(const NetworkConfig& network, const protocol::ServerAddress& relay);

[[nodiscard]] smp::client::Options session_options(const Config& config, std::string_view session, const Party& party,
                                                   const protocol::ServerAddress& relay);

}  // namespace simplex::agent
