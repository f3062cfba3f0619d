// The engine of the relay: the rules of queues, without sockets, threads, clocks or randomness of its own
// (simplex-messaging.md, "SMP commands").
//
// The queues of a relay are spread over shards by their recipient id. A connection lives on one shard; what concerns a
// queue of another travels there as a message, and the answer back. A sender id, link id or notifier id leads to its
// queue through a directory, which is spread by that id: ids of queues made by this relay are chosen so that directory
// and queue are on one shard, others need not be.
//
//   commands of a connection ──► its shard ──► [directory] ──► shard of the queue ──► store
//                 answers ◄───── its shard ◄───────────────────────────┘
//
// One thread uses a shard at a time. After every call the owner takes what came out with take_output().
#pragma once

#include <deque>
#include <functional>
#include <span>
#include <unordered_map>
#include <vector>

#include "simplex/base/clock.hpp"
#include "simplex/base/random.hpp"
#include "simplex/smp/server/active_queues.hpp"
#include "simplex/smp/server/connection_use.hpp"
#include "simplex/smp/server/control.hpp"
#include "simplex/smp/server/id_hash.hpp"
#include "simplex/smp/server/request.hpp"
#include "simplex/smp/server/service_messages.hpp"
#include "simplex/smp/server/settings.hpp"
#include "simplex/smp/server/statistics.hpp"
#include "simplex/smp/server/store_calls.hpp"

namespace simplex::smp::server {

// What one shard tells another.
namespace between_shards {
struct Resolve {  // to the directory: find the queue, and pass the command on
  IdKind kind;
  DirectoryId id;
  Request request;
};
struct Execute {
  RecipientId queue;
  Request request;
};
struct Gone {  // a connection ended
  ClientId client;
};
struct Reserve {  // to the directory: give this id to the queue, if nobody has it
  IdKind kind;
  DirectoryId id;
  RecipientId queue;
  std::size_t asker;
  std::uint64_t token;
};
enum class Reservation : std::uint8_t { granted, taken, failed };  // failed: the store could not say
struct Reserved {
  std::uint64_t token;
  Reservation outcome;
};
struct Kept {  // to the directory: the store knows a reserved id by now
  IdKind kind;
  DirectoryId id;
  RecipientId queue;
};
struct Release {
  IdKind kind;
  DirectoryId id;
  RecipientId queue;
};
// A connection that was too slow for a message of the queue has caught up.
struct DeliverPostponed {
  ClientId client;
  RecipientId queue;
  MessageId message;
  std::size_t asker;
};
struct PostponedDone {  // to the shard of the connection
  ClientId client;
};
struct Controlled {  // to the shard that was asked
  std::uint64_t token;
  Result<QueueControl::Answer> answer;
};
}  // namespace between_shards
using ShardMessage =
    std::variant<between_shards::Resolve, between_shards::Execute, between_shards::Gone, between_shards::Reserve,
                 between_shards::Reserved, between_shards::Kept, between_shards::Release,
                 between_shards::DeliverPostponed, between_shards::PostponedDone, between_shards::Controlled,
                 between_shards::ServiceMessage, ToClient>;

struct Output {
  std::vector<ToClient> to_clients;                  // connections of this shard, in order
  std::vector<std::vector<ShardMessage>> to_shards;  // for each shard, in order
};

struct Queue;
struct DeliveredMessage;
struct Creation;
class Services;
class Notifiers;
class NameResolver;
struct WaitingRequest;
class WaitingRoom;
class ResidentQueues;
class Unacknowledged;
class Proxy;
class PendingDelivery;
class QueueTable;
class Directory;

class Shard {
 public:
  // settings, clock, random and store outlive the shard. index < shards; both are the same for the relay's whole run.
  Shard(std::size_t index, std::size_t shards, const EngineSettings& settings, const Clock& clock, Random& random,
        Store& store);
  ~Shard();
  Shard(const Shard&) = delete;
  Shard& operator=(const Shard&) = delete;

  // --- connections of this shard
  [[nodiscard]] ClientId connect(SessionPtr session);
  void disconnect(ClientId client);
  // The content of a block of the connection; valid during the call.
  void receive(ClientId client, BytesView content);
  // A block that could not be decrypted, or is badly padded: ERR BLOCK, as for content that can't be split.
  void receive_unreadable(ClientId client);
  [[nodiscard]] std::size_t unanswered(ClientId client) const;  // commands
  [[nodiscard]] std::size_t subscriptions(ClientId client) const;
  // How long nothing is to be read from the connection now, because too many of its commands were refused. Once for
  // each block.
  [[nodiscard]] std::optional<Duration> take_rest(ClientId client);

  // RSLV of this shard's clients goes there. It outlives the shard's use; null: there is no resolver.
  void resolve_names(NameResolver* names) { names_ = names; }
  // Private routing: PRXY and PFWD of this shard's clients go there. It outlives the shard's use, and null refuses them.
  void route_privately(Proxy* proxy) { proxy_ = proxy; }
  [[nodiscard]] std::size_t proxied(ClientId client) const;  // PRXY and PFWD without an answer

  // --- other shards
  void receive(std::vector<ShardMessage> messages);

  // The end of a turn: what was collected goes to the store.
  void flush();
  [[nodiscard]] bool has_output() const { return has_output_; }
  [[nodiscard]] Output take_output();
  // There is output to take, or something that the store was asked waits for flush().
  [[nodiscard]] bool has_work() const { return has_output_ || store_.asked(); }
  // Called when the first of that appears, which may be in a completion of the store: the shard needs another turn.
  void on_work(std::function<void()> callback);

  [[nodiscard]] const Statistics& statistics() const { return statistics_; }
  // For what is counted beside the engine, on the same loop.
  [[nodiscard]] Statistics& statistics() { return statistics_; }
  [[nodiscard]] ShardGauges gauges() const;
  // Outlives the shard; null: nobody counts them.
  void report_active_queues(ActiveQueues* active) { active_queues_ = active; }

  // Drops expired messages of some queues, of a store that keeps everything: so many messages. done: whether all queues
  // had their turn since the last true; perhaps inside the call.
  void expire_messages(std::size_t limit, std::move_only_function<void(bool finished)> done);
  // Now and then: tries again what failed because of the store.
  void retry();

  // What the operator does to a queue.
  void control(QueueControl control);

  // --- notifications
  // At a delivery interval after some were there to deliver.
  [[nodiscard]] bool has_notifications_to_deliver() const;
  void deliver_notifications();
  // Drops old ones of some notifiers; true when all notifiers had their turn since the last true.
  bool expire_notifications(std::size_t notifiers);
  // Of its notifier's shard: home_of() its id.
  void restore(NotificationLine notification);
  void for_each_notification(const std::function<void(const NotifierId&, const Notification&)>& visit) const;
  [[nodiscard]] std::size_t notification_count() const;
  [[nodiscard]] std::size_t notifier_subscriptions() const;
  // The connection has taken all that it was sent. Call it whenever that is so: what is long is sent piece by piece.
  void caught_up(ClientId client);

  // --- start and stop
  // A queue that is there already stays as it is.
  void restore(QueueRecord record, std::vector<MessagePtr> messages);
  void restore_id(IdKind kind, const DirectoryId& id, const RecipientId& queue);
  // --- what is in memory; over a store that keeps everything only a part of what there is
  void for_each_queue(const std::function<void(const QueueRecord&, std::span<const MessagePtr>)>& visit) const;
  [[nodiscard]] std::size_t queue_count() const;
  [[nodiscard]] std::size_t message_count() const;  // looks at each queue; gauges() do not
  // Those that take more memory than a queue that nobody uses; looks at each queue.
  [[nodiscard]] std::size_t queues_in_use() const;
  [[nodiscard]] std::size_t directory_size() const;
  [[nodiscard]] std::size_t resident_octets() const;  // message bodies
  [[nodiscard]] std::size_t waiting_octets() const;   // of commands

  // Which shard holds what this id names.
  [[nodiscard]] static std::size_t home_of(BytesView id, std::size_t shards);

 private:
  friend class CommandRun;
  friend class Services;
  friend class Notifiers;
  struct Client {
    SessionPtr session;
    std::size_t unanswered = 0;
    std::size_t subscriptions = 0;  // to queues
    std::size_t notifiers = 0;
    ConnectionUse use;
    bool rests = false;          // after this block
    std::uint64_t ended_in = 0;  // the turn in which it was last told that a subscription ended
    std::size_t names = 0;       // being resolved
    std::size_t proxied = 0;     // of the unanswered: those that wait for other relays
    std::uint64_t shards = 0;    // bit for each shard that may know the connection
  };
  // Queues of this shard that a connection, of any shard, is subscribed to or got a message from.
  struct ClientQueues {
    Queue* first = nullptr;
    std::vector<RecipientId> fetched;
    std::size_t unacknowledged = 0;  // messages that were delivered
  };
  using Reservation = between_shards::Reservation;
  // Commands that wait until the store has told of their queue.
  struct Lookup {
    std::vector<WaitingRequest> waiting;
    bool stale = false;        // what is found may not be true any more
    std::uint64_t issued = 0;  // calls_
  };

  // --- the way of a command
  void count_batch(std::span<const std::pair<BytesView, ReceivedCommand>> commands);
  void dispatch(Request request);
  void unwrap(const Request& request, const command::Rfwd& rfwd);
  void resolve_name(const Request& request, const command::Rslv& rslv);
  void open_relay(const Request& request, const command::Prxy& prxy);
  void forward(const Request& request, const command::Pfwd& pfwd);
  [[nodiscard]] bool end_proxied(ClientId client);
  void resolve(IdKind kind, const DirectoryId& id, Request request);
  void locate(const RecipientId& queue, Request request);
  void pass_on(const RecipientId& queue, Request request);
  void execute(Queue* queue, Request request);
  void run_deferred(const RecipientId& queue);
  void wait(std::vector<WaitingRequest>& where, Request request);
  void find_in_store(const DirectoryKey& key, Request request);
  void found_in_store(const DirectoryKey& key, const Result<std::optional<RecipientId>>& found);
  void load(const RecipientId& queue);
  void loaded(const RecipientId& queue, Result<std::optional<LoadedQueue>> found);
  void reject_missing(const Request& request);
  // Calls it with a queue of this shard when it is its turn, after it was loaded; null: there is none, or the store failed.
  // needs_first: knows_first() is true then, or the store failed.
  void visit(const RecipientId& queue, std::move_only_function<void(Queue*)> then, bool needs_first = false);
  void run_visit(Queue& queue, const Request& request);
  // For an id of this shard's directory.
  void find_queue(IdKind kind, const DirectoryId& id,
                  std::move_only_function<void(Result<std::optional<RecipientId>>)> then);
  void reject(const Request& request, ErrorType error);
  void count_refused(const Request& request);

  // --- answers
  void answer(const Origin& origin, BrokerMessage message, int subscriptions = 0,
              std::shared_ptr<const void> keep = nullptr);
  void error(const Origin& origin, ErrorType error) { answer(origin, broker::Err{std::move(error)}); }
  void event(ClientId client, const RecipientId& queue, BrokerMessage message, int subscriptions);
  void deliver(const Origin& origin, Queue& queue, const MessagePtr& message, bool response);
  void hand_over(ToClient message);
  void to_shard(std::size_t shard, ShardMessage message);
  void note_output();

  // --- ids
  [[nodiscard]] std::size_t home_of(BytesView id) const { return home_of(id, shards_); }
  [[nodiscard]] DirectoryId new_id(IdKind kind);
  [[nodiscard]] RecipientId new_recipient_id();
  void reserve(IdKind kind, const DirectoryId& id, const RecipientId& queue,
               std::move_only_function<void(Reservation)> then);
  // An id that the relay made: nobody else has it.
  [[nodiscard]] bool take_id(IdKind kind, const DirectoryId& id, const RecipientId& queue);
  void take_chosen_id(IdKind kind, const DirectoryId& id, const RecipientId& queue,
                      std::move_only_function<void(Reservation)> then);
  void release(IdKind kind, BytesView id, const RecipientId& queue);
  // The record with the id is stored.
  void kept(IdKind kind, BytesView id, const RecipientId& queue);
  void remember(const DirectoryKey& key, const RecipientId& queue);
  void forget_ids(const QueueRecord& record);

  // --- NEW
  void create_queue(const Request& request, const command::New& create);
  void store_new_queue(const std::shared_ptr<Creation>& creation);
  void abandon(const Creation& creation, ErrorType kind);
  void abandon(const Creation& creation, Reservation outcome);
  void release_ids(const QueueRecord& record);

  // --- deliveries that were postponed
  void deliver_postponed(ClientId client);
  void deliver_again(Queue& queue, const between_shards::DeliverPostponed& postponed);
  void forget_delivery(const between_shards::DeliverPostponed& postponed);

  // --- queues
  [[nodiscard]] Queue* find(const RecipientId& queue);
  Queue& insert(QueueRecord record);
  Queue& insert(LoadedQueue loaded, std::uint64_t asked);
  // by: the connection that deleted it, if any.
  void erase(Queue& queue, ClientId by = {});
  // The store has deleted it: whoever was subscribed hears of it, but not `by`.
  void deleted(Queue& queue, ClientId by);
  // Writes the record, lets other commands of the queue wait, applies it, and goes on; `then` may get an error.
  void change(Queue& queue, StoreRecord record, std::move_only_function<void(Queue&, Result<>)> then);
  [[nodiscard]] Result<> apply(const StoreRecord& record, Queue& queue);
  void answer_link(const Origin& origin, const Queue& queue);
  // The same without waiting: for what a crash may undo.
  void change_soon(Queue& queue, const StoreRecord& record);
  void touch(Queue& queue);
  [[nodiscard]] std::optional<std::int64_t> expired_before() const;
  void drop_expired(Queue& queue);
  // Whether the first message, or that there is none, is known now. If not: load_first().
  [[nodiscard]] bool knows_first(Queue& queue);
  // Other commands of the queue wait meanwhile. What is loaded may all have expired.
  void load_first(Queue& queue, std::move_only_function<void(Queue&, Result<>)> then);
  void deliver_next(Queue& queue);
  void hand_out(const Origin& origin, Queue& queue, PendingDelivery& pending, const MessagePtr& message, bool response);
  // The same to the subscriber of the queue.
  void hand_out(const Origin& origin, Queue& queue, const MessagePtr& message, bool response);
  void stored(Queue& queue, const MessagePtr& message);
  void remove_acknowledged(Queue& queue, const DeliveredMessage& message,
                           std::move_only_function<void(Queue&, Result<>)> then);
  void expired(const std::vector<Store::Expired>& queues);
  // A sweep of the store takes effect at any time between its call and its answer: whether what was loaded meanwhile
  // has the messages that it removed is not known. What they are counted for is asked again, when it matters.
  [[nodiscard]] bool is_counted(const Queue& queue) const;
  // Of a queue of which nothing is on its way to the store. Other commands wait meanwhile.
  void recount(Queue& queue, std::move_only_function<void(Queue&, Result<>)> then);
  void take_messages(Queue& queue, LoadedQueue loaded, std::uint64_t asked);
  // Also takes from queues what they need only when they are used.
  bool expire_in_memory(std::size_t queues);
  void evict(Queue& queue);
  void subscribe(Queue& queue, ClientId client);
  // The client becomes the reader of a queue that has none.
  void attach(Queue& queue, ClientId client);
  void unsubscribe(Queue& queue);
  // Of the queues it read it gets no more; what it has fetched stays.
  void forget_readers(ClientId client);
  void forget_client(ClientId client);
  void forget_fetcher(Queue& queue, ClientId client);

  // --- the operator
  void run_control(Queue& queue, const Request& request);
  void finish_control(const ControlRun& run, Result<QueueControl::Answer> answer);

  // --- messages of other shards
  void handle(between_shards::Resolve message);
  void handle(between_shards::Execute message);
  void handle(between_shards::Gone message);
  void handle(between_shards::Reserve message);
  void handle(between_shards::Reserved message);
  void handle(between_shards::Kept message);
  void handle(between_shards::DeliverPostponed message);
  void handle(between_shards::PostponedDone message);
  void handle(between_shards::Controlled message);
  void handle(between_shards::Release message);
  void handle(ToClient message);
  void handle(between_shards::ServiceMessage message);

  std::size_t index_;
  std::size_t shards_;
  const EngineSettings& settings_;
  const Clock& clock_;
  Random& random_;
  StoreCalls store_;
  NameResolver* names_ = nullptr;
  Proxy* proxy_ = nullptr;
  Output output_;
  bool has_output_ = false;
  Statistics statistics_;
  ActiveQueues* active_queues_ = nullptr;
  std::uint64_t subscriptions_ = 0;  // of the connections of this shard
  std::uint64_t subscribed_clients_ = 0;
  std::uint64_t notifier_clients_ = 0;
  std::uint64_t messages_ = 0;  // of the memory store
  std::uint64_t notifiers_in_memory_ = 0;
  std::function<void()> on_output_;

  std::uint64_t turn_ = 1;
  std::uint64_t next_client_ = 1;
  std::unordered_map<ClientId, Client> clients_;
  std::unique_ptr<Unacknowledged> unacknowledged_;
  std::unordered_map<ClientId, ClientQueues> client_queues_;
  std::unique_ptr<QueueTable> queues_;
  std::unordered_map<RecipientId, Lookup> loading_;
  std::unique_ptr<Directory> directory_;
  std::unordered_map<DirectoryKey, Lookup, IdHash> finding_;
  std::deque<DirectoryKey> remembered_;
  std::uint64_t next_token_ = 1;
  std::unordered_map<std::uint64_t, std::move_only_function<void(Reservation)>> reservations_;
  std::unordered_map<std::uint64_t, std::move_only_function<void(Result<QueueControl::Answer>)>> controls_;
  std::unique_ptr<WaitingRoom> waiting_room_;
  std::unique_ptr<ResidentQueues> resident_;  // null: all queues are
  std::uint64_t calls_ = 0;                   // numbers calls of the store whose order matters
  bool sweeping_ = false;
  std::int64_t swept_before_ = 0;         // what was sent before this is counted by a sweep
  std::uint64_t sweep_failed_ = 0;        // calls_ when a sweep could not say what it removed
  std::vector<RecipientId> undelivered_;  // the store failed when their subscribers should have got a message
  std::uint64_t expiry_place_ = 0;        // QueueTable::walk
  std::unique_ptr<Notifiers> notifiers_;
  std::unique_ptr<Services> services_;
  std::deque<ClientId> catching_up_;
  std::shared_ptr<char> life_ = std::make_shared<char>();
};

}  // namespace simplex::smp::server
