// Where the queues and messages of a relay are kept. One StoreBackend for the relay, one Store for each shard. The
// engine holds in memory what is in use; a store makes it last, and gives it back.
//
// Nothing is acknowledged before the store says that it lasts: every change has a `done`, called on the shard's loop,
// inside the call or later, in the order of the calls. What is collected in one turn of the loop, or in several that
// follow one another, is written together after flush() (group commit). Calls about one queue take effect in their order.
//
// What lasts survives a power cut. Removals of messages and dates of queues (UpdateTime) survive the end of the process,
// but a power cut may undo the last of them: a recipient gets a message again that it has acknowledged, and drops it.
#pragma once

#include <functional>
#include <vector>

#include "simplex/async/loop.hpp"
#include "simplex/smp/server/queue_names.hpp"
#include "simplex/smp/server/store_record.hpp"

namespace simplex::smp::server {

// A queue as a store gives it back.
struct LoadedQueue {
  QueueRecord record;                // of its link the id only: load_link() has the rest
  std::vector<MessagePtr> messages;  // the oldest, oldest first; at least one when message_count > 0
  std::uint32_t message_count = 0;   // in all
  std::uint64_t next_position = 1;   // greater than that of every message in it
  bool full = false;                 // its last message is the quota marker
};

// A queue that is a service's.
struct ServiceQueue {
  RecipientId queue;
  std::optional<NotifierId> notifier;  // of ServiceParty::notifier
  bool may_have_messages = true;       // false: the store knows that it has none
};

class Store {
 public:
  template <class T = void>
  using Done = std::move_only_function<void(Result<T>)>;

  virtual ~Store() = default;

  // --- changes. A store that keeps everything answers: not_found when the queue is not there; conflict when an id (or a
  // service's certificate) is taken, or where apply_change says so; storage when it can't tell or can't write, and then
  // the change may turn out to be made only after a restart. A bad change spoils no other of its turn.
  virtual void write(const StoreRecord& record, Done<> done) = 0;
  virtual void add_message(const RecipientId& queue, const MessagePtr& message, Done<> done) = 0;
  // Of a queue's oldest messages. One that is not there is removed already.
  virtual void remove_message(const RecipientId& queue, const StoredMessage& message, Done<> done) = 0;

  // --- what is kept. Changes of this shard that came before are seen, done or not; later ones that come before the answer
  // may be, too. Messages come with positions in
  // their order, below next_position and that of any message added later, though not always those they were added with.
  // Nothing, when there is no such queue.
  virtual void load(const RecipientId& queue, Done<std::optional<LoadedQueue>> done) = 0;
  // The oldest messages, as many as fit into max_octets of bodies, at least one if there is one.
  virtual void load_messages(const RecipientId& queue, std::size_t max_octets, Done<std::vector<MessagePtr>> done) = 0;
  // The link of a queue; nothing, when there is none.
  virtual void load_link(const RecipientId& queue, Done<std::optional<LinkData>> done) = 0;
  // Which queue has this sender, link or notifier id. Also of queues that live on other shards.
  virtual void find(IdKind kind, const DirectoryId& id, Done<std::optional<RecipientId>> done) = 0;
  // Queues of this shard that are a service's, in the order of their recipient ids, after `after`. Fewer than `limit`: there
  // are no more. This is how SUBS and NSUBS count a service's queues: it reads an index, not the queues.
  virtual void service_queues(const ServiceId& service, ServiceParty party, std::optional<RecipientId> after,
                              std::size_t limit, Done<std::vector<ServiceQueue>> done) = 0;
  // Removes messages of this shard's queues, but no quota markers, that were sent before the time (seconds since the
  // epoch), at most `limit` of them. done: the queues that lost messages and how many; none: nothing is left to remove.
  // It may take long: the only done that may come after those of later calls.
  struct Expired {
    RecipientId queue;
    std::uint32_t messages = 0;
  };
  virtual void expire(std::int64_t before, std::size_t limit, Done<std::vector<Expired>> done) = 0;

  // The end of a turn: what was collected is written, at the latest when the loop has done what it has to do now.
  virtual void flush() = 0;

  // False: what the engine does not hold in memory is lost (the memory store), so it holds everything and asks for
  // nothing. True: queues that are not in use may be dropped from memory, and messages that nobody reads need not be held.
  [[nodiscard]] virtual bool keeps_everything() const = 0;
};

struct StoreTotals {
  std::uint64_t queues = 0;
  std::uint64_t messages = 0;
  std::uint64_t notifiers = 0;
};

// The whole state of a relay on its way from one store to another. Services come first, then queues, then messages,
// those of one queue one after the other, oldest first.
class StateSink {
 public:
  virtual ~StateSink() = default;
  [[nodiscard]] virtual Result<> add_service(const ServiceRecord& service) = 0;
  [[nodiscard]] virtual Result<> add_queue(const QueueRecord& queue) = 0;
  [[nodiscard]] virtual Result<> add_message(const RecipientId& queue, const StoredMessage& message) = 0;
  // Makes it last; before, nothing of it is there after a crash, or the store says that an import was cut short.
  [[nodiscard]] virtual Result<> commit() = 0;
};

// Shared by the shards, for the relay's whole run. What is said to block is for start, stop and maintenance.
class StoreBackend {
 public:
  virtual ~StoreBackend() = default;

  // Of the shard's loop, which outlives it; the backend outlives it, too.
  [[nodiscard]] virtual std::unique_ptr<Store> shard(std::size_t index, std::size_t shards, async::Loop& loop) = 0;
  // Blocks.
  [[nodiscard]] virtual Result<std::vector<ServiceRecord>> services() = 0;
  // Kept up to date by the store, or estimated; never a scan. Thread-safe.
  [[nodiscard]] virtual StoreTotals totals() = 0;
  // Writes what waits, calls every `done` that is left, and closes; blocks. After the shards' loops have stopped.
  [[nodiscard]] virtual Result<> close() = 0;

  // --- maintenance, while no shard uses it; these block. `progress` is called now and then with what was done so far.
  using Progress = std::function<void(const StoreTotals&)>;
  [[nodiscard]] virtual Result<StoreTotals> export_to(StateSink& sink, const Progress& progress) = 0;
  // A store that has queues already is a conflict.
  [[nodiscard]] virtual Result<std::unique_ptr<StateSink>> import() = 0;
  enum class Contents : std::uint8_t { queues, messages, all };  // queues: only when there are no messages
  [[nodiscard]] virtual Result<> remove(Contents contents) = 0;
};

}  // namespace simplex::smp::server
