// One command of a queue, on the shard of the queue: authorization first, then what the command does.
#pragma once

#include "simplex/smp/server/shard.hpp"
#include "queue.hpp"

namespace simplex::smp::server {

class CommandRun {
 public:
  // The request is borrowed for the call; what goes on after it (the store) takes what it needs along, or the request.
  CommandRun(Shard& shard, Queue& queue, Request& request)
      : shard_(shard), queue_(queue), request_(request), origin_(request.origin()) {}

  void run();

 private:
  // --- authorization
  [[nodiscard]] bool authorized_with(const crypto::AuthPublicKey& key);
  [[nodiscard]] bool authorized_by_agreement(const crypto::X25519PublicKey& key);
  [[nodiscard]] bool authorized_by_any(std::span<const crypto::AuthPublicKey> keys);
  [[nodiscard]] bool refused_like_missing();  // takes the time of a check; false
  [[nodiscard]] bool may_secure(const crypto::AuthPublicKey& key);
  [[nodiscard]] bool authorized();

  // --- commands
  void operate(const command::Sub&);
  void operate(const command::Key& key) { secure(key.sender_key, false); }
  void operate(const command::Rkey& keys);
  void operate(const command::Lset& link);
  void operate(const command::Ldel&);
  void operate(const command::Nkey& notifier);
  void operate(const command::Ndel&);
  void operate(const command::Get&);
  void operate(const command::Ack& ack);
  void operate(const command::Off&);
  void operate(const command::Del&);
  void operate(const command::Que&);
  void operate(const command::Skey& key) { secure(key.sender_key, false); }
  void operate(const command::Send& send);
  void operate(const command::Lkey& key) { secure(key.sender_key, true); }
  void operate(const command::Lget&) { shard_.answer_link(origin_, queue_); }
  void operate(const command::Nsub&);
  // Commands without a queue do not come here.
  template <class Other>
  void operate(const Other&) {
    error(errors::Internal{});
  }

  void secure(const crypto::AuthPublicKey& key, bool with_link);
  static void acknowledged(Shard& shard, const Origin& origin, Queue& queue);
  static void answer_next(Shard& shard, const Origin& origin, Queue& queue);
  static void answer_sent(Shard& shard, const Origin& origin, const RecipientId& id, Queue* queue,
                          const MessagePtr& message, bool stored);
  static void count_removed(Shard& shard, const Queue& queue, const DeliveredMessage& message, bool fetched);
  // The command is run again when the first message is known, or how many there are.
  void run_with_first();
  void run_counted();
  void wait_for_store();
  // Nothing: it was refused, for there is no room for what waits.
  [[nodiscard]] std::move_only_function<void(Queue&, Result<>)> run_again();
  void write_change(StoreRecord record);
  void write_link(LinkData link);

  [[nodiscard]] bool is_subscriber() const { return queue_.subscriber == request_.client; }
  [[nodiscard]] QueueReader* fetcher();        // null: it did not use GET
  [[nodiscard]] PendingDelivery* delivered();  // to the connection; null: it does not read the queue, or got nothing
  void error(ErrorType kind) { shard_.error(origin_, std::move(kind)); }

  Shard& shard_;
  Queue& queue_;
  Request& request_;
  Origin origin_;
};

// What the peer is told when the store failed; the log has the reason.
[[nodiscard]] ErrorType store_error();
[[nodiscard]] ErrorType blocked_error(const QueueRecord& record);

}  // namespace simplex::smp::server
