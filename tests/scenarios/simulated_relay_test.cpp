// The stories of relays in the simulated world: the engine, the memory store and its files.
#include "folder.hpp"
#include "relay.hpp"
#include "relay_place.hpp"

namespace simplex::stories {
namespace {

class Simulated final : public RelayPlace {
 public:
  protocol::ServerAddress address() const override { return *protocol::parse_server_address(relay_.address()); }
  std::unique_ptr<caller::Line> line(const std::string& party, caller::Credentials shown) override {
    return caller::Line::simulated(time_, network_, party, std::move(shown));
  }
  WallTime now() const override { return time_.wall(); }
  void start() override { relay_.start(); }
  void stop() override { relay_.stop(); }
  void kill() override {}
  bool forgets_nothing() const override { return false; }

 private:
  world::TemporaryFolder folder_;
  world::Scheduler time_;
  world::SimNetwork network_{time_, 11};
  world::Relay relay_{"relay", folder_.path() / "relay", time_, network_, 12, supported_versions};
};

const auto kinds = ::testing::Values(RelayKind{"memory", [] { return std::make_unique<Simulated>(); }});
INSTANTIATE_TEST_SUITE_P(Simulated, RelayStories, kinds, name_of_kind);
INSTANTIATE_TEST_SUITE_P(Simulated, ServiceStories, kinds, name_of_kind);
INSTANTIATE_TEST_SUITE_P(Simulated, NotificationStories, kinds, name_of_kind);
INSTANTIATE_TEST_SUITE_P(Simulated, LinkStories, kinds, name_of_kind);

}  // namespace
}  // namespace simplex::stories
