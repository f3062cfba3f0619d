// create: NEW, perhaps with KEY, on several connections, some of them under way on each.
#include "load.hpp"

namespace simplex::bench {
namespace {

class CreateLoad final : public Load {
 public:
  CreateLoad(Worker& worker, Host host)
      : Load(std::move(host)),
        worker_(worker),
        left_(worker.settings.count == 0 ? std::numeric_limits<std::uint64_t>::max()
                                         : worker.share(worker.settings.count)) {}

  void prepare() override {
    Steps::run(
        worker_.share(worker_.settings.connections), worker_.settings.connecting,
        [this](std::size_t, Finished done) {
          auto& creator = *creators_.emplace_back(std::make_unique<Creator>());
          creator.delivery_key = crypto::generate_x25519(worker_.random).public_key;
          creator.peer = std::make_unique<Peer>(worker_,
                                                Peer::Handlers{.event = {},
                                                               .lost =
                                                                   [this](Error error) {
                                                                     if (!stopped_) fail(std::move(error));
                                                                   },
                                                               .drained = {}},
                                                worker_.settings.batch);
          creator.peer->connect(worker_.settings.relay.address, std::move(done));
        },
        [this](Result<> connected) {
          if (!connected) return fail(std::move(connected).error());
          host_.ready();
        });
  }

  void begin() override {
    if (left_ == 0 || creators_.empty()) return host_.finished();
    const auto window = worker_.settings.window != 0 ? worker_.settings.window : 2 * worker_.settings.batch;
    for (std::size_t i = 0; i < window; ++i) {
      for (const auto& creator : creators_) create(*creator);
    }
  }

  void stop() override { stopped_ = true; }

  void tidy(std::move_only_function<void()> done) override {
    Steps::run(
        creators_.size(), creators_.size(),
        [this](std::size_t index, Finished left) {
          auto& creator = *creators_[index];
          Steps::run(
              creator.queues.size(), 256,
              [&creator](std::size_t queue, Finished deleted) {
                delete_queue(*creator.peer, creator.queues[queue],
                             [deleted = std::move(deleted)]() mutable { deleted({}); });
              },
              std::move(left));
        },
        [done = std::move(done)](const Result<>&) mutable { done(); });
  }

 private:
  struct Creator {
    std::unique_ptr<Peer> peer;
    crypto::X25519PublicKey delivery_key;
    std::vector<Queue> queues;
  };

  void create(Creator& creator) {
    if (stopped_ || left_ == 0) return;
    --left_;
    const auto begun = worker_.loop.now();
    create_queue(worker_, *creator.peer, creator.delivery_key,
                 worker_.settings.subscribe ? smp::SubscriptionMode::subscribe : smp::SubscriptionMode::only_create,
                 [this, &creator, begun](Result<Queue> queue) {
                   if (!queue) {
                     if (!stopped_) fail(std::move(queue).error());
                     return;
                   }
                   if (!worker_.settings.secure || stopped_) return made(creator, std::move(*queue), begun);
                   auto held = std::make_unique<Queue>(std::move(*queue));
                   auto& securing = *held;
                   secure_by_recipient(worker_, *creator.peer, securing, creator.peer->session().peer_key,
                                       [this, &creator, begun, held = std::move(held)](Result<> secured) mutable {
                                         if (!secured) {
                                           if (!stopped_) fail(std::move(secured).error());
                                           return;
                                         }
                                         made(creator, std::move(*held), begun);
                                       });
                 });
  }

  void made(Creator& creator, Queue queue, Instant begun) {
    creator.queues.push_back(std::move(queue));
    if (stopped_) return;
    ++tally_.operations;
    tally_.latency.add(worker_.loop.now() - begun);
    if (tally_.operations == worker_.share(worker_.settings.count)) return host_.finished();
    create(creator);
  }

  Worker& worker_;
  std::uint64_t left_;
  bool stopped_ = false;
  std::vector<std::unique_ptr<Creator>> creators_;
};

}  // namespace

std::unique_ptr<Load> make_create_load(Worker& worker, Load::Host host) {
  return std::make_unique<CreateLoad>(worker, std::move(host));
}

}  // namespace simplex::bench
