// What goes between a shard's loop and the threads of the store: changes there, completions back.
#pragma once

#include <mutex>
#include <variant>
#include <vector>

#include "simplex/smp/server/store.hpp"
#include "database.hpp"
#include "keys.hpp"

namespace simplex::smp::stores::embedded {

using server::MessagePtr;
using server::Store;

struct AddMessage {
  RecipientId queue;
  MessagePtr message;
};
struct RemoveMessage {
  RecipientId queue;
  std::uint64_t position;
  server::MessageId id;
};
struct RemoveExpired {
  std::vector<TimeName> messages;
  std::shared_ptr<std::vector<Store::Expired>> removed;  // filled before `done`
};
// What is read between changes that are not written yet: it sees those before it, and none after. Called again with what
// is there when they could not be written.
struct Read {
  std::move_only_function<void(const View& view)> read;
};
// Not to be written: it has its place among the others only because completions come in order.
struct Refused {
  Error error;
};

struct Operation {
  std::variant<server::StoreRecord, AddMessage, RemoveMessage, RemoveExpired, Read, Refused> what;
  Store::Done<> done;
  std::size_t octets = 0;    // that it holds in memory
  std::uint64_t number = 0;  // in its shard: one more than the one before
  Result<> result;           // the committer's
};
using Operations = std::vector<Operation>;

// Completions on their way to a loop. Its two ends are used by different threads.
class Channel : public std::enable_shared_from_this<Channel> {
 public:
  explicit Channel(async::Loop& loop) : loop_(&loop) {}

  // --- from the store's threads
  void finish(Operations finished);
  // The task runs on the loop.
  void post(async::Task task);

  // --- on the loop
  // Called after completions, with the number of the last change that is applied, and the octets set free.
  std::move_only_function<void(std::uint64_t number, std::size_t octets)> on_applied;
  // Called once after ask_end_of_pass(), when the loop has done what it had to do at that time.
  std::move_only_function<void()> on_end_of_pass;
  void ask_end_of_pass();
  // Calls what has come; the loop does it by itself, but for one that has stopped.
  void deliver();
  [[nodiscard]] bool empty();
  // Nothing is delivered any more.
  void detach();

 private:
  void wake();

  std::mutex mutex_;
  async::Loop* loop_;  // null: detached
  bool woken_ = false;
  bool end_of_pass_ = false;  // is asked for; the loop's
  std::vector<std::variant<Operations, async::Task>> waiting_;
};

}  // namespace simplex::smp::stores::embedded
