// Queues that the program makes on the relay, uses, and removes again.
#pragma once

#include "peer.hpp"

namespace simplex::bench {

struct Queue {
  smp::RecipientId recipient_id;
  smp::SenderId sender_id;
  CommandKey recipient_key;
  std::optional<CommandKey> sender_key;  // once it is secured
  crypto::X25519PublicKey relay_key;     // the relay's half of the key for deliveries
};
using Created = std::move_only_function<void(Result<Queue>)>;

// NEW, with the recipient's half of the key for deliveries. The connection is subscribed, unless only_create.
void create_queue(Worker& worker, Peer& recipient, const crypto::X25519PublicKey& delivery_key,
                  smp::SubscriptionMode subscription, Created done);
// KEY: the recipient tells the relay the sender's key, as in all versions. The key can then be used in the sender's
// session, in which the relay gave this key of its own.
void secure_by_recipient(Worker& worker, Peer& recipient, Queue& queue,
                         const std::optional<crypto::X25519PublicKey>& sender_relay_key, Finished done);
// SKEY (from version 9): the sender does.
void secure_by_sender(Worker& worker, Peer& sender, Queue& queue, Finished done);
// DEL. What the relay says to it is of no interest.
void delete_queue(Peer& recipient, const Queue& queue, std::move_only_function<void()> done);

// Runs steps that end later, at most `at_once` at a time, until there is none left or one has failed.
class Steps : public std::enable_shared_from_this<Steps> {
 public:
  using Step = std::move_only_function<void(std::size_t index, Finished done)>;

  static void run(std::size_t count, std::size_t at_once, Step step, Finished done);

 private:
  Steps(std::size_t count, Step step, Finished done) : count_(count), step_(std::move(step)), done_(std::move(done)) {}
  void next();
  void ended(Result<> result);

  std::size_t count_;
  Step step_;
  Finished done_;
  std::size_t begun_ = 0;
  std::size_t finished_ = 0;
};

}  // namespace simplex::bench
