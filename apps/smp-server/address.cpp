// smp-server address
#include "command.hpp"
#include "qr_code.hpp"

namespace simplex::smp_server {
namespace {

int show_address() {
  const auto folders = folders_from_environment();
  const auto configuration = load_configuration(folders);
  if (!configuration) return tell(configuration.error());
  const auto credentials = transport::load_credentials(configuration->config.credentials);
  if (!credentials) return tell(credentials.error());
  const auto address = address_of(configuration->config, credentials->identity, configuration->config.ports.front());
  say(address);
  if (!is_terminal()) return succeeded;
  for (const auto& line : qr_code(address)) say(line);
  return succeeded;
}

}  // namespace

Run declare_address(CLI::App&) { return show_address; }

}  // namespace simplex::smp_server
