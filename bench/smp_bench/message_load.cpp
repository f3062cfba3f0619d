// messages: SEND, MSG, ACK between pairs of connections, as fast as the relay does it or at a rate.
#include <deque>

#include "simplex/smp/message_body.hpp"
#include "idle_crowd.hpp"
#include "sender.hpp"

namespace simplex::bench {
namespace {

constexpr std::size_t window_at_a_rate = 100;

class MessageLoad final : public Load {
 public:
  MessageLoad(Worker& worker, Host host)
      : Load(std::move(host)),
        worker_(worker),
        crowd_(worker, [this](Error error) { lose(std::move(error)); }),
        body_(worker.random.bytes(worker.settings.size)),
        window_(worker.settings.window != 0 ? worker.settings.window
                : worker.settings.rate > 0  ? window_at_a_rate
                                            : 1),
        left_(worker.settings.count == 0 ? std::numeric_limits<std::uint64_t>::max()
                                         : worker.share(worker.settings.count)),
        rate_(worker.settings.rate * static_cast<double>(worker.share(worker.settings.pairs)) /
              static_cast<double>(worker.settings.pairs)) {}

  void prepare() override {
    Steps::run(
        worker_.share(worker_.settings.pairs), worker_.settings.connecting,
        [this](std::size_t, Finished done) { open_pair(std::move(done)); },
        [this](Result<> opened) {
          if (!opened) return fail(std::move(opened).error());
          crowd_.open(worker_.share(worker_.settings.idle), 1, {}, [this](Result<> joined) {
            if (!joined) return fail(std::move(joined).error());
            host_.ready();
          });
        });
  }

  void begin() override {
    if (left_ == 0 || pairs_.empty()) return host_.finished();
    begun_ = worker_.loop.now();
    if (rate_ > 0) return send_due();
    for (const auto& pair : pairs_) {
      for (const auto& line : pair->lines) pair->free.insert(pair->free.end(), window_, line.get());
      send_free(*pair);
    }
  }

  void stop() override {
    stopped_ = true;
    due_.cancel();
  }

  void tidy(std::move_only_function<void()> done) override {
    Steps::run(
        pairs_.size(), worker_.settings.connecting,
        [this](std::size_t index, Finished left) {
          auto& pair = *pairs_[index];
          Steps::run(
              pair.lines.size(), pair.lines.size(),
              [&pair](std::size_t line, Finished deleted) {
                delete_queue(*pair.recipient, pair.lines[line]->queue,
                             [deleted = std::move(deleted)]() mutable { deleted({}); });
              },
              std::move(left));
        },
        [this, done = std::move(done)](const Result<>&) mutable { crowd_.tidy(std::move(done)); });
  }

 private:
  struct Pair;
  // One queue, with what is under way in it: messages leave it in the order in which they came.
  struct Line {
    Line(Queue made, Pair& its_pair) : queue(std::move(made)), pair(its_pair) {}
    Queue queue;
    Pair& pair;
    std::deque<Instant> sent;  // not yet delivered
    std::size_t under_way = 0;
    bool verified = false;
  };
  struct Pair {
    std::unique_ptr<Peer> recipient;
    std::unique_ptr<Sender> sender;
    crypto::X25519KeyPair delivery_key;
    std::vector<std::unique_ptr<Line>> lines;
    std::unordered_map<smp::RecipientId, Line*> by_id;
    std::deque<Line*> free;  // may send another message, each as often as it stands here
  };

  // ---- connections and queues ------------------------------------------------------------------------------------

  void open_pair(Finished done) {
    auto& pair = *pairs_.emplace_back(std::make_unique<Pair>());
    pair.delivery_key = crypto::generate_x25519(worker_.random);
    pair.recipient = std::make_unique<Peer>(
        worker_,
        Peer::Handlers{.event = [this, &pair](const smp::ReceivedMessage& event) { on_event(pair, event); },
                       .lost = [this](Error error) { lose(std::move(error)); },
                       .drained = {}},
        worker_.settings.batch);
    pair.sender = worker_.settings.proxy ? make_routed_sender(worker_, [this](Error error) { lose(std::move(error)); })
                                         : make_direct_sender(worker_, [this](Error error) { lose(std::move(error)); });
    pair.recipient->connect(worker_.settings.relay.address,
                            [this, &pair, done = std::move(done)](Result<> connected) mutable {
                              if (!connected) return done(std::move(connected));
                              pair.sender->connect([this, &pair, done = std::move(done)](Result<> ready) mutable {
                                if (!ready) return done(std::move(ready));
                                make_lines(pair, std::move(done));
                              });
                            });
  }

  void make_lines(Pair& pair, Finished done) {
    Steps::run(
        worker_.settings.queues, 16,
        [this, &pair](std::size_t, Finished made) {
          create_queue(worker_, *pair.recipient, pair.delivery_key.public_key, smp::SubscriptionMode::subscribe,
                       [&pair, made = std::move(made)](Result<Queue> queue) mutable {
                         if (!queue) return made(std::unexpected(queue.error()));
                         auto& line = *pair.lines.emplace_back(std::make_unique<Line>(std::move(*queue), pair));
                         pair.by_id.emplace(line.queue.recipient_id, &line);
                         pair.sender->secure(*pair.recipient, line.queue, std::move(made));
                       });
        },
        std::move(done));
  }

  // ---- sending ---------------------------------------------------------------------------------------------------

  // As many as a block is to hold, together.
  void send_free(Pair& pair) {
    while (!stopped_ && left_ > 0 && pair.free.size() >= std::min<std::uint64_t>(batch(pair), left_)) {
      for (auto count = std::min<std::uint64_t>(batch(pair), left_); count > 0; --count) {
        auto& line = *pair.free.front();
        pair.free.pop_front();
        send(line, worker_.loop.now());
      }
    }
  }
  std::size_t batch(const Pair& pair) const { return std::min(worker_.settings.batch, pair.lines.size() * window_); }

  // At a rate, a message counts from when it was due: a relay that stands still does not look faster.
  void send_due() {
    if (stopped_) return;
    const auto elapsed = std::chrono::duration<double>(worker_.loop.now() - begun_).count();
    while (left_ > 0 && static_cast<double>(issued_) <= elapsed * rate_) {
      auto* const line = next_line();
      if (line == nullptr) return;  // all queues are full: goes on when one is acknowledged
      send(*line, due_at(issued_++));
    }
    if (left_ > 0) due_ = worker_.loop.after(due_at(issued_) - worker_.loop.now(), [this] { send_due(); });
  }
  Instant due_at(std::uint64_t number) const {
    const std::chrono::duration<double> after(static_cast<double>(number) / rate_);
    return begun_ + std::chrono::duration_cast<Duration>(after);
  }
  Line* next_line() {
    const auto queues = worker_.settings.queues;
    for (std::size_t tried = 0; tried < pairs_.size() * queues; ++tried) {
      const auto index = next_line_++ % (pairs_.size() * queues);
      auto& line = *pairs_[index % pairs_.size()]->lines[index / pairs_.size()];
      if (line.under_way < window_) return &line;
    }
    return nullptr;
  }

  void send(Line& line, Instant begun) {
    --left_;
    ++line.under_way;
    line.sent.push_back(begun);
    line.pair.sender->send(line.queue, body_, [this](Result<> sent) {
      if (stopped_) return;
      if (!sent) return fail(std::move(sent).error());
      ++tally_.sent;
      check_finished();
    });
  }

  // ---- receiving -------------------------------------------------------------------------------------------------

  void on_event(Pair& pair, const smp::ReceivedMessage& event) {
    if (stopped_) return;
    if (!std::holds_alternative<smp::broker::Msg>(event.message)) return fail(unexpected("nothing", event));
    const auto found = pair.lines.size() == 1 ? pair.lines.front().get() : line_of(pair, event.entity_id);
    if (found == nullptr) return fail({ErrorKind::malformed, "the relay delivered to a queue that is not ours"});
    on_message(*found, event);
  }
  static Line* line_of(Pair& pair, BytesView entity_id) {
    const auto found = pair.by_id.find(smp::RecipientId(entity_id));
    return found == pair.by_id.end() ? nullptr : found->second;
  }

  void on_message(Line& line, const smp::ReceivedMessage& received) {
    const auto& message = std::get<smp::broker::Msg>(received.message);
    if (line.sent.empty()) return fail({ErrorKind::malformed, "the relay delivered a message that was not sent"});
    if (!verify(line, message))
      return fail({ErrorKind::malformed, "the relay delivered another message than was sent"});
    const auto begun = line.sent.front();
    line.sent.pop_front();
    ++tally_.delivered;
    tally_.delivery.add(worker_.loop.now() - begun);
    line.pair.recipient->send(
        &line.queue.recipient_key, line.queue.recipient_id.view(), smp::command::Ack{message.id},
        [this, &line, begun](const smp::ReceivedMessage& answer) { acknowledged(line, begun, answer); });
  }

  // OK, or the next message.
  void acknowledged(Line& line, Instant begun, const smp::ReceivedMessage& answer) {
    if (stopped_) return;
    const bool next = std::holds_alternative<smp::broker::Msg>(answer.message);
    if (!next && !std::holds_alternative<smp::broker::Ok>(answer.message)) return fail(unexpected("ACK", answer));
    ++tally_.operations;
    tally_.latency.add(worker_.loop.now() - begun);
    --line.under_way;
    if (next) on_message(line, answer);
    if (rate_ > 0) {
      send_due();
    } else {
      line.pair.free.push_back(&line);
      send_free(line.pair);
    }
    check_finished();
  }
  // The answer to SEND may come after all else.
  void check_finished() {
    const auto share = worker_.share(worker_.settings.count);
    if (worker_.settings.count != 0 && tally_.operations == share && tally_.sent == share) host_.finished();
  }

  bool verify(Line& line, const smp::broker::Msg& message) {
    if (worker_.settings.verify == Verify::none) return true;
    if (worker_.settings.verify == Verify::first && std::exchange(line.verified, true)) return true;
    const auto key = crypto::box_key(line.queue.relay_key, line.pair.delivery_key.private_key);
    if (!key) return false;
    auto octets = to_bytes(message.encrypted_body.bytes);
    const auto opened = smp::decrypt_queue_message(*key, message.id, octets);
    if (!opened) return false;
    const auto* body = std::get_if<smp::MessageBody>(&*opened);
    return body != nullptr && body->body == smp::Content(body_);
  }

  void lose(Error error) {
    if (!stopped_) fail(std::move(error));
  }

  Worker& worker_;
  IdleCrowd crowd_;
  const Bytes body_;
  const std::size_t window_;
  std::uint64_t left_;
  const double rate_;
  std::vector<std::unique_ptr<Pair>> pairs_;
  Instant begun_;
  std::uint64_t issued_ = 0;
  std::size_t next_line_ = 0;
  async::Timer due_;
  bool stopped_ = false;
};

}  // namespace

std::unique_ptr<Load> make_message_load(Worker& worker, Load::Host host) {
  return std::make_unique<MessageLoad>(worker, std::move(host));
}

}  // namespace simplex::bench
