// resubscribe: what a client does when it comes back: SUB for all its queues, many in a block. Everything is signed
// before the measuring begins.
#include "load.hpp"

namespace simplex::bench {
namespace {

constexpr std::size_t created_by_one_connection = 5'000;  // relays bound it
constexpr std::size_t creating_batch = 40;
constexpr std::size_t max_pending = 1'048'576;  // octets that wait for a relay that reads slowly
constexpr std::size_t max_unanswered = 4'096;

class ResubscribeLoad final : public Load {
 public:
  ResubscribeLoad(Worker& worker, Host host) : Load(std::move(host)), worker_(worker) {}

  void prepare() override {
    Steps::run(
        worker_.share(worker_.settings.connections), 4,
        [this](std::size_t, Finished done) {
          auto& subscriber = *subscribers_.emplace_back(std::make_unique<Subscriber>());
          const auto portions = (worker_.settings.queues + created_by_one_connection - 1) / created_by_one_connection;
          Steps::run(
              portions, 1, [this, &subscriber](std::size_t, Finished made) { create(subscriber, std::move(made)); },
              [this, &subscriber, done = std::move(done)](Result<> created) mutable {
                if (!created) return done(std::move(created));
                come_back(subscriber, std::move(done));
              });
        },
        [this](Result<> prepared) {
          if (!prepared) return fail(std::move(prepared).error());
          host_.ready();
        });
  }

  void begin() override {
    if (subscribers_.empty()) return host_.finished();
    for (const auto& subscriber : subscribers_) feed(*subscriber);
  }

  void stop() override { stopped_ = true; }

  void tidy(std::move_only_function<void()> done) override {
    Steps::run(
        subscribers_.size(), subscribers_.size(),
        [this](std::size_t index, Finished left) {
          auto& subscriber = *subscribers_[index];
          Steps::run(
              subscriber.queues.size(), 256,
              [&subscriber](std::size_t queue, Finished deleted) {
                delete_queue(*subscriber.peer, subscriber.queues[queue],
                             [deleted = std::move(deleted)]() mutable { deleted({}); });
              },
              std::move(left));
        },
        [done = std::move(done)](const Result<>&) mutable { done(); });
  }

 private:
  struct Signed {
    smp::CorrId corr_id;
    Bytes transmission;
  };
  struct Subscriber {
    std::unique_ptr<Peer> creator;
    std::unique_ptr<Peer> peer;
    std::vector<Queue> queues;
    std::vector<Signed> commands;
    std::size_t next = 0;
  };

  Peer::Handlers handlers(std::move_only_function<void()> drained) {
    return {.event =
                [this](const smp::ReceivedMessage& event) {
                  if (!stopped_) fail(unexpected("nothing", event));
                },
            .lost =
                [this](Error error) {
                  if (!stopped_) fail(std::move(error));
                },
            .drained = std::move(drained)};
  }

  void create(Subscriber& subscriber, Finished done) {
    subscriber.creator = std::make_unique<Peer>(worker_, handlers({}), creating_batch);
    subscriber.creator->connect(worker_.settings.relay.address, [this, &subscriber,
                                                                 done = std::move(done)](Result<> connected) mutable {
      if (!connected) return done(std::move(connected));
      const auto key = crypto::generate_x25519(worker_.random).public_key;
      const auto left = worker_.settings.queues - subscriber.queues.size();
      Steps::run(
          std::min(left, created_by_one_connection), 2 * creating_batch,
          [this, &subscriber, key](std::size_t, Finished made) {
            create_queue(worker_, *subscriber.creator, key, smp::SubscriptionMode::only_create,
                         [&subscriber, made = std::move(made)](Result<Queue> queue) mutable {
                           if (!queue) return made(std::unexpected(queue.error()));
                           subscriber.queues.push_back(std::move(*queue));
                           made({});
                         });
          },
          [this, &subscriber, done = std::move(done)](Result<> made) mutable {
            subscriber.creator->close();
            // Later: this is an answer that the connection is just handing over.
            worker_.loop.post([done = std::move(done), made = std::move(made)]() mutable { done(std::move(made)); });
          });
    });
  }

  void come_back(Subscriber& subscriber, Finished done) {
    subscriber.peer =
        std::make_unique<Peer>(worker_, handlers([this, &subscriber] { feed(subscriber); }), worker_.settings.batch);
    subscriber.peer->connect(worker_.settings.relay.address,
                             [this, &subscriber, done = std::move(done)](Result<> connected) mutable {
                               if (!connected) return done(std::move(connected));
                               done(sign(subscriber));
                             });
  }

  Result<> sign(Subscriber& subscriber) {
    subscriber.commands.reserve(subscriber.queues.size());
    for (auto& queue : subscriber.queues) {
      SIMPLEX_TRY(queue.recipient_key.use_in_session(subscriber.peer->session().peer_key));
      const auto corr_id = subscriber.peer->next_corr_id();
      subscriber.commands.push_back(
          {corr_id, make_transmission(subscriber.peer->params(), &queue.recipient_key, corr_id,
                                      queue.recipient_id.view(), smp::command::Sub{})});
    }
    return {};
  }

  void feed(Subscriber& subscriber) {
    while (!stopped_ && subscriber.next < subscriber.commands.size() && subscriber.peer->pending() < max_pending &&
           subscriber.peer->unanswered() < max_unanswered) {
      auto& command = subscriber.commands[subscriber.next++];
      subscriber.peer->send(command.corr_id, std::exchange(command.transmission, {}),
                            [this, &subscriber, begun = worker_.loop.now()](const smp::ReceivedMessage& answer) {
                              subscribed(subscriber, begun, answer);
                            });
    }
  }

  void subscribed(Subscriber& subscriber, Instant begun, const smp::ReceivedMessage& answer) {
    if (stopped_) return;
    if (!std::holds_alternative<smp::broker::Ok>(answer.message) &&
        !std::holds_alternative<smp::broker::Sok>(answer.message)) {
      return fail(unexpected("SUB", answer));
    }
    ++tally_.operations;
    tally_.latency.add(worker_.loop.now() - begun);
    if (tally_.operations == subscribers_.size() * worker_.settings.queues) return host_.finished();
    feed(subscriber);
  }

  Worker& worker_;
  bool stopped_ = false;
  std::vector<std::unique_ptr<Subscriber>> subscribers_;
};

}  // namespace

std::unique_ptr<Load> make_resubscribe_load(Worker& worker, Load::Host host) {
  return std::make_unique<ResubscribeLoad>(worker, std::move(host));
}

}  // namespace simplex::bench
