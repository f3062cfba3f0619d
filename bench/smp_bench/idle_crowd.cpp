#include "idle_crowd.hpp"

namespace simplex::bench {

void IdleCrowd::open(std::size_t connections, std::size_t queues, std::function<void(Duration)> opened, Finished done) {
  Steps::run(
      connections, worker_.settings.connecting,
      [this, queues, opened = std::move(opened)](std::size_t, Finished finished) {
        auto& member = *members_.emplace_back(std::make_unique<Member>());
        const auto begun = worker_.loop.now();
        join(member, queues, [this, begun, opened, finished = std::move(finished)](Result<> joined) mutable {
          if (joined && opened) opened(worker_.loop.now() - begun);
          finished(std::move(joined));
        });
      },
      std::move(done));
}

void IdleCrowd::join(Member& member, std::size_t queues, Finished done) {
  member.peer = std::make_unique<Peer>(
      worker_, Peer::Handlers{.event = {}, .lost = [this](Error error) { lost_(std::move(error)); }, .drained = {}});
  member.peer->connect(worker_.settings.relay.address,
                       [this, &member, queues, done = std::move(done)](Result<> connected) mutable {
                         if (!connected) return done(std::move(connected));
                         const auto key = crypto::generate_x25519(worker_.random).public_key;
                         Steps::run(
                             queues, 1,
                             [this, &member, key](std::size_t, Finished created) {
                               create_queue(worker_, *member.peer, key, smp::SubscriptionMode::subscribe,
                                            [&member, created = std::move(created)](Result<Queue> queue) mutable {
                                              if (!queue) return created(std::unexpected(queue.error()));
                                              member.queues.push_back(std::move(*queue));
                                              created({});
                                            });
                             },
                             std::move(done));
                       });
}

void IdleCrowd::tidy(std::move_only_function<void()> done) {
  Steps::run(
      members_.size(), worker_.settings.connecting,
      [this](std::size_t index, Finished left) {
        auto& member = *members_[index];
        Steps::run(
            member.queues.size(), member.queues.size(),
            [&member](std::size_t queue, Finished deleted) {
              delete_queue(*member.peer, member.queues[queue],
                           [deleted = std::move(deleted)]() mutable { deleted({}); });
            },
            std::move(left));
      },
      [done = std::move(done)](const Result<>&) mutable { done(); });
}

}  // namespace simplex::bench
