#include "queue.hpp"

namespace simplex::bench {
namespace {

bool is_ok(const smp::ReceivedMessage& answer) {
  return std::holds_alternative<smp::broker::Ok>(answer.message) ||
         std::holds_alternative<smp::broker::Sok>(answer.message);
}

Peer::Answer expect_ok(const char* command, Finished done) {
  return [command, done = std::move(done)](const smp::ReceivedMessage& answer) mutable {
    if (is_ok(answer)) return done({});
    done(std::unexpected(unexpected(command, answer)));
  };
}

}  // namespace

void create_queue(Worker& worker, Peer& recipient, const crypto::X25519PublicKey& delivery_key,
                  smp::SubscriptionMode subscription, Created done) {
  auto key = CommandKey::generate(worker.settings.recipient_key, worker.random);
  if (const auto ready = key.use_in_session(recipient.session().peer_key); !ready) {
    return done(std::unexpected(ready.error()));
  }
  const smp::command::New command{.recipient_key = key.public_key(),
                                  .recipient_dh_key = delivery_key,
                                  .password = worker.settings.relay.password,
                                  .subscription = subscription,
                                  .mode = smp::command::New::Messaging{},
                                  .notifier = std::nullopt};
  const auto corr_id = recipient.next_corr_id();
  const auto transmission = make_transmission(recipient.params(), &key, corr_id, {}, command);
  recipient.send(corr_id, transmission,
                 [key = std::move(key), done = std::move(done)](const smp::ReceivedMessage& answer) mutable {
                   const auto* ids = std::get_if<smp::broker::Ids>(&answer.message);
                   if (ids == nullptr) return done(std::unexpected(unexpected("NEW", answer)));
                   done(Queue{ids->recipient_id, ids->sender_id, std::move(key), std::nullopt, ids->relay_dh_key});
                 });
}

void secure_by_recipient(Worker& worker, Peer& recipient, Queue& queue,
                         const std::optional<crypto::X25519PublicKey>& sender_relay_key, Finished done) {
  queue.sender_key = CommandKey::generate(worker.settings.sender_key, worker.random);
  if (const auto ready = queue.sender_key->use_in_session(sender_relay_key); !ready) return done(ready);
  recipient.send(&queue.recipient_key, queue.recipient_id.view(), smp::command::Key{queue.sender_key->public_key()},
                 expect_ok("KEY", std::move(done)));
}

void secure_by_sender(Worker& worker, Peer& sender, Queue& queue, Finished done) {
  queue.sender_key = CommandKey::generate(worker.settings.sender_key, worker.random);
  if (const auto ready = queue.sender_key->use_in_session(sender.session().peer_key); !ready) return done(ready);
  sender.send(&*queue.sender_key, queue.sender_id.view(), smp::command::Skey{queue.sender_key->public_key()},
              expect_ok("SKEY", std::move(done)));
}

void delete_queue(Peer& recipient, const Queue& queue, std::move_only_function<void()> done) {
  recipient.send(&queue.recipient_key, queue.recipient_id.view(), smp::command::Del{},
                 [done = std::move(done)](const smp::ReceivedMessage&) mutable { done(); });
}

void Steps::run(std::size_t count, std::size_t at_once, Step step, Finished done) {
  const std::shared_ptr<Steps> steps(new Steps(count, std::move(step), std::move(done)));
  if (count == 0) return steps->done_({});
  for (std::size_t i = 0; i < std::min(count, at_once); ++i) steps->next();
}

void Steps::next() {
  if (begun_ == count_ || !done_) return;
  step_(begun_++, [self = shared_from_this()](Result<> result) { self->ended(std::move(result)); });
}

void Steps::ended(Result<> result) {
  if (!done_) return;
  if (!result) return std::exchange(done_, nullptr)(std::move(result));
  if (++finished_ == count_) return std::exchange(done_, nullptr)({});
  next();
}

}  // namespace simplex::bench
