// A relay of the simulated world: the real engine, store and connections of smp-server, listening on the simulated network
// instead of TCP. Its files lie in a folder that survives restarts.
#pragma once

#include <filesystem>
#include <string>

#include "simplex/testing/random.hpp"
#include "simplex/transport/credentials.hpp"
#include "simplex/transport/handshake_messages.hpp"
#include "simplex/world/network.hpp"
#include "log.hpp"

namespace simplex::world {

class Relay {
 public:
  Relay(std::string host, std::filesystem::path folder, Scheduler& time, SimNetwork& network, std::uint64_t seed,
        SmpVersionRange versions);
  ~Relay();
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  void start();
  // As on SIGTERM: what it holds is written to its files.
  void stop();
  // New queues need it, from now on.
  void ask_password(std::string_view password);
  // While it does not run: it starts with the same address, and nothing else.
  void lose_its_data();
  [[nodiscard]] bool running() const { return program_ != nullptr; }

  [[nodiscard]] std::string address() const;  // smp://...
  [[nodiscard]] std::size_t queues() const;
  [[nodiscard]] std::size_t messages() const;

 private:
  struct Program;

  std::string host_;
  std::filesystem::path folder_;
  Scheduler* time_;
  SimNetwork* network_;
  testing::SeededRandom random_;
  WorldLog log_;
  SmpVersionRange versions_;
  transport::ServerCredentials credentials_;
  std::unique_ptr<Program> program_;
};

}  // namespace simplex::world
