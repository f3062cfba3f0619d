// Changes of the relay's state, written into tables. What makes no sense (a queue that exists already, an id of another
// queue) is refused and leaves no trace.
#pragma once

#include <span>
#include <unordered_set>

#include "simplex/smp/server/store.hpp"
#include "database.hpp"
#include "keys.hpp"

namespace simplex::smp::stores::embedded {

struct Totals {
  std::int64_t queues = 0;
  std::int64_t messages = 0;
  std::int64_t notifiers = 0;

  Totals& operator+=(const Totals& other) {
    queues += other.queues;
    messages += other.messages;
    notifiers += other.notifiers;
    return *this;
  }
  friend bool operator==(const Totals&, const Totals&) = default;
};

// What need not be looked for again, of all changes by which it is handed on.
struct Known {
  static constexpr std::size_t most_queues = 10'000;
  std::unordered_set<RecipientId> queues;  // that are there
  // Messages of a commit that failed may be there at positions that are used again.
  bool ghosts = false;
};

// One step: what it changed in the totals, or why nothing was changed.
class StateChange {
 public:
  StateChange(Change& change, Known& known) : change_(change), known_(known) {}

  [[nodiscard]] Result<Totals> write(const server::StoreRecord& record);
  [[nodiscard]] Result<Totals> add_message(const RecipientId& queue, const server::StoredMessage& message);
  // One that is not there is removed already.
  [[nodiscard]] Result<Totals> remove_message(const RecipientId& queue, std::uint64_t position,
                                              const server::MessageId& id);
  // Those of the messages that are still there; how many of each queue goes to `removed`.
  [[nodiscard]] Result<Totals> remove_expired(std::span<const TimeName> messages,
                                              std::vector<server::Store::Expired>& removed);

 private:
  template <class F>
  [[nodiscard]] Result<Totals> step(F&& work);
  [[nodiscard]] Result<> create(const server::QueueRecord& queue, Totals& totals);
  [[nodiscard]] Result<> change(const server::StoreRecord& record, const RecipientId& id, Totals& totals);
  [[nodiscard]] Result<> remove_queue(const RecipientId& id, Totals& totals);
  [[nodiscard]] Result<> add_service(const server::ServiceRecord& service);
  [[nodiscard]] Result<bool> is_there(const RecipientId& queue);
  [[nodiscard]] Result<> remove_messages(const RecipientId& queue, Totals& totals);
  // What leads to the queue: ids, and the lists of services.
  struct Lead {
    Table table;
    Bytes key;
    Bytes value;
    friend bool operator==(const Lead&, const Lead&) = default;
  };
  [[nodiscard]] static std::vector<Lead> leads_to(const server::QueueRecord& queue);
  [[nodiscard]] Result<> replace_leads(const std::vector<Lead>& before, const std::vector<Lead>& after);
  void drop_message(const RecipientId& queue, std::uint64_t position, std::int64_t sent_at);

  Change& change_;
  Known& known_;
};

}  // namespace simplex::smp::stores::embedded
