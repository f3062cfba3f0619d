// The parts of read_config() for the sections INFORMATION, WEB and NAMES.
#pragma once

#include "simplex/server_kit/ini.hpp"
#include "simplex/smp/server/name_resolver.hpp"
#include "simplex/smp/server/web.hpp"

namespace simplex::smp::server {

// host: of [TRANSPORT], with all its names.
void read_web(server_kit::IniSettings& settings, std::string_view host, WebSettings& web);
// Nothing, when it is off.
[[nodiscard]] std::optional<NameSettings> read_names(server_kit::IniSettings& settings);

}  // namespace simplex::smp::server
