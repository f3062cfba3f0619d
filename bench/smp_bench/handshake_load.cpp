// handshakes: connections opened and closed, several at a time.
#include "load.hpp"

namespace simplex::bench {
namespace {

class HandshakeLoad final : public Load {
 public:
  HandshakeLoad(Worker& worker, Host host)
      : Load(std::move(host)), worker_(worker), left_(worker.share(worker.settings.count)) {}

  ~HandshakeLoad() override { *alive_ = false; }
  HandshakeLoad(const HandshakeLoad&) = delete;
  HandshakeLoad& operator=(const HandshakeLoad&) = delete;

  void prepare() override { host_.ready(); }

  void begin() override {
    for (std::size_t i = 0; i < worker_.share(worker_.settings.connections); ++i) open();
    if (peers_.empty()) host_.finished();
  }

  void stop() override { stopped_ = true; }

 private:
  void open() {
    if (stopped_ || (worker_.settings.count != 0 && left_ == 0)) return;
    if (worker_.settings.count != 0) --left_;
    const auto begun = worker_.loop.now();
    auto made = std::make_unique<Peer>(
        worker_, Peer::Handlers{.event = {}, .lost = [this](Error error) { fail(std::move(error)); }, .drained = {}});
    auto* const peer = made.get();
    peers_.emplace(peer, std::move(made));
    peer->connect(worker_.settings.relay.address, [this, peer, begun](Result<> connected) {
      if (!connected) return fail(std::move(connected).error());
      // The relay has accepted the handshake when it answers something.
      peer->send(nullptr, {}, smp::command::Ping{}, [this, peer, begun](const smp::ReceivedMessage& answer) {
        if (!std::holds_alternative<smp::broker::Pong>(answer.message)) return fail(unexpected("PING", answer));
        if (!stopped_) {
          ++tally_.operations;
          tally_.latency.add(worker_.loop.now() - begun);
        }
        peer->close();
        worker_.loop.post([this, alive = alive_, peer] {
          if (*alive) close(peer);
        });
      });
    });
  }

  void close(Peer* peer) {
    peers_.erase(peer);
    open();
    if (peers_.empty() && !stopped_) host_.finished();
  }

  Worker& worker_;
  std::uint64_t left_;
  bool stopped_ = false;
  std::unordered_map<Peer*, std::unique_ptr<Peer>> peers_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // what is posted may come after the end of this
};

}  // namespace

std::unique_ptr<Load> make_handshake_load(Worker& worker, Load::Host host) {
  return std::make_unique<HandshakeLoad>(worker, std::move(host));
}

}  // namespace simplex::bench
