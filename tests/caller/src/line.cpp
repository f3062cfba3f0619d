#include "simplex/caller/line.hpp"

#include "simplex/testing/random.hpp"
#include "web_socket_connector.hpp"

namespace simplex::caller {
namespace {

constexpr std::chrono::minutes patience{1};

class SocketLine final : public Line {
 public:
  explicit SocketLine(std::unique_ptr<transport::Connector> connector)
      : loop_(async::make_thread_loop()), connector_(std::move(connector)) {}

  async::Loop& loop() override { return *loop_; }
  transport::Connector& connector() override { return *connector_; }
  Random& random() override { return random_; }

  void wake() override { loop_->stop(); }
  bool run_until(const std::function<bool()>& condition) override {
    bool over = false;
    const async::Timer limit = loop_->after(patience, [&] {
      over = true;
      wake();
    });
    while (!condition()) {
      if (over) return false;
      loop_->run();
    }
    return true;
  }

 private:
  std::unique_ptr<async::ThreadLoop> loop_;
  std::unique_ptr<transport::Connector> connector_;
  SystemRandom random_;
};

class SimulatedLine final : public Line {
 public:
  SimulatedLine(world::Scheduler& time, world::SimNetwork& network, std::string party, const Credentials& credentials)
      : random_(std::hash<std::string>{}(party)), loop_(time) {
    connector_ = network.connector(std::move(party), credentials ? credentials->chain : transport::CertificateChain());
  }

  async::Loop& loop() override { return loop_; }
  transport::Connector& connector() override { return *connector_; }
  Random& random() override { return random_; }
  void wake() override {}
  bool run_until(const std::function<bool()>& condition) override {
    return loop_.scheduler().run_until(condition, patience);
  }

 private:
  testing::SeededRandom random_;
  world::SimLoop loop_;
  std::unique_ptr<transport::Connector> connector_;
};

std::unique_ptr<transport::Connector> tls(Credentials credentials) {
  return transport::make_tls_connector(
      {.keep_alive = {}, .versions = {}, .network = {}, .credentials = std::move(credentials)});
}

}  // namespace

std::unique_ptr<Line> Line::over_sockets(Credentials credentials) {
  return std::make_unique<SocketLine>(tls(std::move(credentials)));
}

std::unique_ptr<Line> Line::over_web_sockets(std::uint16_t port, Credentials credentials) {
  return std::make_unique<SocketLine>(make_web_socket_connector(tls(std::move(credentials)), port));
}

std::unique_ptr<Line> Line::simulated(world::Scheduler& time, world::SimNetwork& network, std::string party,
                                      Credentials credentials) {
  return std::make_unique<SimulatedLine>(time, network, std::move(party), credentials);
}

}  // namespace simplex::caller
