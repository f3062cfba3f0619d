// smp-server as a program with each of its stores, for the stories of tests/scenarios.
#pragma once

#include "relay_place.hpp"
#include "stage.hpp"

namespace simplex::end_to_end {

class RelayProgramPlace : public stories::RelayPlace {
 public:
  // settings: "SECTION.key=value". A durable one is killed where a story restarts it.
  explicit RelayProgramPlace(std::vector<std::string> settings, bool durable = true);

  protocol::ServerAddress address() const override;
  std::unique_ptr<caller::Line> line(const std::string& party, caller::Credentials shown) override;
  WallTime now() const override { return SystemClock().wall(); }
  void start() override { relay_.start(); }
  void stop() override { relay_.stop(); }
  void kill() override { relay_.kill(); }
  bool forgets_nothing() const override { return durable_; }

  [[nodiscard]] RelayProgram& program() { return relay_; }
  [[nodiscard]] std::filesystem::path folder() const { return stage_.folder() / "relay"; }

 private:
  Stage stage_;
  RelayProgram relay_{stage_.folder() / "relay"};
  bool durable_;
};

// Everybody speaks to it in WebSockets.
[[nodiscard]] stories::RelayKind web_socket_relay();

// With files that are written at the end, and with the embedded store.
[[nodiscard]] stories::RelayKind memory_relay();
[[nodiscard]] stories::RelayKind embedded_relay();

}  // namespace simplex::end_to_end
