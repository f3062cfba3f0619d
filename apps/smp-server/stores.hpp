// The stores of this relay, opened as its configuration says.
#pragma once

#include "simplex/smp/stores/relay_store.hpp"
#include "command.hpp"

namespace simplex::smp_server {

[[nodiscard]] const smp::stores::StoreOpeners& openers();

// Says on the terminal how far a long work is, once a second at most.
[[nodiscard]] smp::server::StoreBackend::Progress progress_on_terminal();

// What the commands for stores need; the logger and the clock live as long as the program.
[[nodiscard]] smp::stores::RelayStores stores_of(const smp::server::StoreChoice& choice,
                                                 const smp::server::ServerFolders& folders, Logger& logger);
[[nodiscard]] inline smp::stores::RelayStores stores_of(const Configuration& configuration,
                                                        const smp::server::ServerFolders& folders, Logger& logger) {
  return stores_of(configuration.config.store, folders, logger);
}

void say_copied(const smp::stores::ReadReport& report, std::string_view what);
// The new names of what was copied from.
void say_set_aside(const std::vector<std::string>& names);

// --database, --schema, --pool-size. What is not given stands in smp-server.ini.
struct DatabaseOptions {
  std::optional<std::string> connection;
  std::optional<std::string> schema;
  std::optional<std::size_t> pool_size;

  void declare(CLI::App& app);
  void apply(smp::server::StoreChoice::Database& database) const;
};

}  // namespace simplex::smp_server
