// A queue as its shard holds it.
#pragma once

#include "simplex/smp/server/id_hash.hpp"
#include "simplex/smp/server/request.hpp"
#include "message_window.hpp"
#include "unacknowledged.hpp"
#include "waiting.hpp"

namespace simplex::smp::server {

// What of a message is needed for its ACK.
struct DeliveredMessage {
  MessageId id;
  std::uint64_t position = 0;
  std::int64_t sent_at = 0;
  std::int64_t delivered_at = 0;
  bool notification = false;
  bool quota = false;
  bool gone = false;  // removed since: it expired, or another reader acknowledged it
};

// What was delivered and waits for ACK, if anything. It is counted as long as it is there.
class PendingDelivery {
 public:
  // Of nobody: nothing can be delivered.
  constexpr PendingDelivery() = default;
  // of_client: of all queues of the shard; both outlive it.
  PendingDelivery(Unacknowledged& all, std::size_t& of_client) : all_(&all), of_client_(&of_client) {}
  ~PendingDelivery() { reset(); }
  PendingDelivery(PendingDelivery&& other) noexcept { swap(other); }
  PendingDelivery& operator=(PendingDelivery&& other) noexcept {
    swap(other);
    return *this;
  }

  [[nodiscard]] bool is_of_somebody() const { return all_ != nullptr; }
  explicit operator bool() const { return message_.has_value(); }
  DeliveredMessage& operator*() { return *message_; }
  const DeliveredMessage& operator*() const { return *message_; }
  DeliveredMessage* operator->() { return &*message_; }
  const DeliveredMessage* operator->() const { return &*message_; }

  void set(const DeliveredMessage& message) {
    reset();
    message_ = message;
    all_->add(message.delivered_at, *of_client_);
  }
  void reset() {
    if (message_) all_->remove(message_->delivered_at, *of_client_);
    message_.reset();
  }
  [[nodiscard]] std::optional<DeliveredMessage> take() {
    auto taken = message_;
    reset();
    return taken;
  }

 private:
  void swap(PendingDelivery& other) noexcept {
    std::swap(all_, other.all_);
    std::swap(of_client_, other.of_client_);
    std::swap(message_, other.message_);
  }
  Unacknowledged* all_ = nullptr;
  std::size_t* of_client_ = nullptr;
  std::optional<DeliveredMessage> message_;
};

// A connection that used GET.
struct QueueReader {
  ClientId client;
  PendingDelivery delivered;
};

// The secret of a sender's key and the session key of its connection: the same for every command, so agreed on once.
// Kept only after a command was verified with it, so that the time of a refusal does not tell whether a queue exists.
struct Agreement {
  ClientId client;
  crypto::X25519PublicKey key;
  crypto::BoxKey box;
};

struct Queue;

// What a queue needs only while it is in use.
struct QueueUse {
  MessageWindow messages;                     // that last
  std::optional<DeliveredMessage> removal;    // acknowledged, on its way out of the store: commands of recipients wait
  std::vector<WaitingRequest> deferred;       // commands that wait for the store
  std::shared_ptr<const crypto::BoxKey> box;  // for deliveries; made when first needed
  std::unique_ptr<Agreement> with_sender;     // both, so that one does not evict the other's with every message
  std::unique_ptr<Agreement> with_recipient;
  PendingDelivery delivered;          // to the subscriber
  std::vector<QueueReader> fetchers;  // connections that used GET

  // --- over a store that keeps everything
  std::uint64_t counted = 0;  // Shard::calls_ when the store was asked how many messages there are
  static constexpr std::size_t not_touched = ~std::size_t{0};
  std::size_t touched = not_touched;  // where it stands among those of ResidentQueues
  Queue* newer = nullptr;
  Queue* older = nullptr;
  std::size_t accounted = 0;  // octets
};

// There are many that nobody uses for a long time: what these need not have is in QueueUse.
struct Queue {
  explicit Queue(QueueRecord made) : record(std::move(made)) {}

  QueueRecord record;
  std::uint64_t next_position = 1;  // of the next message
  ClientId subscriber;              // none: nobody
  Queue* next_of_client = nullptr;  // other queues of the subscriber on this shard
  Queue* previous_of_client = nullptr;
  std::uint32_t storing = 0;  // messages on their way to the store
  bool undelivered = false;   // the store failed when the subscriber should have got a message
  bool full : 1 = false;      // took the quota marker; takes nothing until it is empty
  // A change of the record is on its way to the store, or messages are on their way from it: all commands wait.
  bool changing : 1 = false;
  bool senders_wait : 1 = false;  // one needs what is not known before `removal` and `storing` are done
  // --- over a store that keeps everything
  bool lost : 1 = false;  // a sweep removed some: there may be fewer messages than are counted here
  bool idle : 1 = false;  // stands in the list of idle ones

  // For a look: of a queue that is not in use there is nothing.
  [[nodiscard]] const QueueUse& use() const { return use_ ? *use_ : nothing; }
  [[nodiscard]] QueueUse* use_or_null() { return use_.get(); }
  [[nodiscard]] bool is_in_use() const { return use_ != nullptr; }
  // It is in use from now on.
  QueueUse& begin_use() {
    if (!use_) use_ = std::make_unique<QueueUse>();
    used_lately_ = true;
    return *use_;
  }
  // It will not be used for some time: what it can do without goes.
  void end_use() {
    if (!needs_use()) use_.reset();
  }
  // The same, if it was not used since this was asked for the last time.
  void end_use_if_old() {
    if (!std::exchange(used_lately_, false)) end_use();
  }

  [[nodiscard]] bool is_subscribed() const { return subscriber != ClientId(); }
  [[nodiscard]] bool has_delivered() const { return static_cast<bool>(use().delivered); }  // to the subscriber
  [[nodiscard]] std::size_t size() const { return use().messages.count() + storing; }
  // Of what may be large and can be given back.
  [[nodiscard]] std::size_t octets() const { return use().messages.octets(); }
  // Nothing would be missed if it was dropped from memory.
  [[nodiscard]] bool unused() const {
    return !is_subscribed() && use().fetchers.empty() && !changing && !use().removal && storing == 0 &&
           use().deferred.empty();
  }

 private:
  static const QueueUse nothing;

  [[nodiscard]] bool needs_use() const {
    return size() > 0 || has_delivered() || !use().fetchers.empty() || changing || use().removal ||
           !use().deferred.empty();
  }

  bool used_lately_ = false;
  std::unique_ptr<QueueUse> use_;
};

inline constinit const QueueUse Queue::nothing{};

}  // namespace simplex::smp::server
