#include "simplex/transport/channel_pair.hpp"

#include <deque>

namespace simplex::transport {
namespace {

// One end of the pipe. Everything but the two constants below happens on its own loop: the ends only post to each other.
class End : public std::enable_shared_from_this<End> {
 public:
  End(async::Loop& loop, ChannelInfo info) : loop_(loop), info_(std::move(info)) {}

  void connect(const std::shared_ptr<End>& peer) { peer_ = peer; }
  const ChannelInfo& info() const { return info_; }
  std::size_t pending() const { return pending_; }

  void start(Channel::Handlers handlers) {
    handlers_ = std::make_shared<Channel::Handlers>(std::move(handlers));
    pump_later();
  }

  void send(Bytes octets) {
    if (ended_ || octets.empty()) return;
    pending_ += octets.size();
    to_peer([octets = std::move(octets)](End& peer) mutable { peer.arrive(std::move(octets)); });
  }

  void pause(bool paused) {
    paused_ = paused;
    if (!paused) pump_later();
  }

  // What was sent before still arrives; nothing more is taken or told.
  void end(const char* told_to_peer) {
    if (ended_) return;
    ended_ = true;
    handlers_.reset();
    inbox_.clear();
    to_peer([told_to_peer](End& peer) { peer.peer_ended(told_to_peer); });
  }

 private:
  template <class F>
  void to_peer(F&& task) {
    if (const auto peer = peer_.lock()) {
      peer->loop_.post([peer, task = std::forward<F>(task)]() mutable { task(*peer); });
    }
  }

  void pump_later() {
    loop_.post([self = shared_from_this()] { self->pump(); });
  }

  void arrive(Bytes octets) {
    if (ended_) return;
    inbox_.push_back(std::move(octets));
    pump();
  }

  void peer_ended(const char* reason) {
    end_reason_ = reason;
    pump();
  }

  void pump() {
    while (!ended_ && handlers_ && !paused_ && !inbox_.empty()) {
      const auto octets = std::move(inbox_.front());
      inbox_.pop_front();
      to_peer([size = octets.size()](End& peer) { peer.taken(size); });
      const auto handlers = handlers_;  // outlives an owner that drops the channel
      if (handlers->data) handlers->data(octets);
    }
    if (ended_ || !handlers_ || !inbox_.empty() || end_reason_ == nullptr) return;
    ended_ = true;
    const auto handlers = std::exchange(handlers_, nullptr);
    if (handlers->closed) handlers->closed({ErrorKind::network, end_reason_, Advice::retry});
  }

  void taken(std::size_t size) {
    pending_ -= size;
    const auto handlers = handlers_;
    if (pending_ == 0 && handlers && handlers->drained) handlers->drained();
  }

  async::Loop& loop_;
  const ChannelInfo info_;
  std::weak_ptr<End> peer_;
  std::shared_ptr<Channel::Handlers> handlers_;
  std::deque<Bytes> inbox_;
  std::size_t pending_ = 0;
  bool paused_ = false;
  bool ended_ = false;
  const char* end_reason_ = nullptr;
};

class PipeChannel final : public Channel {
 public:
  explicit PipeChannel(std::shared_ptr<End> end) : end_(std::move(end)) {}
  ~PipeChannel() override { end_->end("the peer dropped the connection"); }
  PipeChannel(const PipeChannel&) = delete;
  PipeChannel& operator=(const PipeChannel&) = delete;

  void start(Handlers handlers) override { end_->start(std::move(handlers)); }
  void send(Bytes octets) override { end_->send(std::move(octets)); }
  std::size_t pending() const override { return end_->pending(); }
  void pause_reading() override { end_->pause(true); }
  void resume_reading() override { end_->pause(false); }
  void close() override { end_->end("the peer closed the connection"); }
  void abort() override { end_->end("the peer dropped the connection"); }
  const ChannelInfo& info() const override { return end_->info(); }

 private:
  std::shared_ptr<End> end_;
};

}  // namespace

std::pair<ChannelPtr, ChannelPtr> make_channel_pair(async::Loop& loop_a, async::Loop& loop_b, ChannelInfo info_a,
                                                    ChannelInfo info_b) {
  const auto a = std::make_shared<End>(loop_a, std::move(info_a));
  const auto b = std::make_shared<End>(loop_b, std::move(info_b));
  a->connect(b);
  b->connect(a);
  return {std::make_unique<PipeChannel>(a), std::make_unique<PipeChannel>(b)};
}

}  // namespace simplex::transport
