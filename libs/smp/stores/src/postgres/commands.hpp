// What a shard asks of the database: each command knows its statement, what its rows mean, and how it fails.
#pragma once

#include <atomic>

#include "postgres/mailbox.hpp"
#include "postgres/statements.hpp"

namespace simplex::smp::stores::postgres {

// How much is kept; changed when a change was committed. When the answer to a commit was lost, it is not known whether a
// deleted queue had a notifier and messages: these stay counted until the relay starts again.
struct Totals {
  std::atomic<std::int64_t> queues = 0;
  std::atomic<std::int64_t> messages = 0;
  std::atomic<std::int64_t> notifiers = 0;

  [[nodiscard]] server::StoreTotals read() const;
};

class Command {
 public:
  virtual ~Command() = default;
  [[nodiscard]] virtual const Statement& statement() const = 0;
  [[nodiscard]] virtual const Values& values() const = 0;
  // Of the batch that was committed, with the statement's rows. False: it has more to do, and is run again.
  [[nodiscard]] virtual bool receive(const Rows& rows) = 0;
  virtual void fail(Error error) = 0;

  // The batch of this command was committed, but its rows were lost: from now on it only asks whether it was made. A
  // read is just done again.
  virtual void ask_only() {}
  // What takes the change back, when it turns out to be made after fail(). Null where it does not matter: the engine
  // goes on with what it has in memory, and the next change writes that.
  [[nodiscard]] virtual std::unique_ptr<Command> undo() const { return nullptr; }

  Instant give_up_at{};
  std::size_t octets = 0;
};

// Where an answer goes.
template <class T>
class Reply {
 public:
  Reply(std::shared_ptr<Mailbox> mailbox, server::Store::Done<T> done, bool ordered = true)
      : mailbox_(std::move(mailbox)), done_(std::move(done)), ordered_(ordered) {
    if (ordered_) place_ = mailbox_->reserve();
  }
  void operator()(Result<T> result) {
    if (!done_) return;
    async::Task task = [done = std::exchange(done_, nullptr), result = std::move(result)]() mutable {
      done(std::move(result));
    };
    if (ordered_) {
      mailbox_->put(place_, std::move(task));
    } else {
      mailbox_->put_unordered(std::move(task));
    }
  }

 private:
  std::shared_ptr<Mailbox> mailbox_;
  server::Store::Done<T> done_;
  bool ordered_;
  std::uint64_t place_ = 0;
};

// A shard's place among the queues.
struct Home {
  std::size_t shard;
  std::size_t shards;
  [[nodiscard]] bool has(const server::RecipientId& queue) const;
};

// seconds: now, for a queue that is deleted.
[[nodiscard]] std::unique_ptr<Command> make_change(const server::StoreRecord& record, std::int64_t seconds,
                                                   Totals& totals, Reply<void> reply);
[[nodiscard]] std::unique_ptr<Command> make_add(const server::RecipientId& queue, server::MessagePtr message,
                                                Totals& totals, Reply<void> reply);
[[nodiscard]] std::unique_ptr<Command> make_remove(const server::RecipientId& queue, const server::MessageId& message,
                                                   Totals& totals, Reply<void> reply);
[[nodiscard]] std::unique_ptr<Command> make_load(const server::RecipientId& queue,
                                                 Reply<std::optional<server::LoadedQueue>> reply);
[[nodiscard]] std::unique_ptr<Command> make_load_messages(const server::RecipientId& queue, std::size_t max_octets,
                                                          Reply<std::vector<server::MessagePtr>> reply);
[[nodiscard]] std::unique_ptr<Command> make_load_link(const server::RecipientId& queue,
                                                      Reply<std::optional<server::LinkData>> reply);
[[nodiscard]] std::unique_ptr<Command> make_find(server::IdKind kind, const server::DirectoryId& id,
                                                 Reply<std::optional<server::RecipientId>> reply);
[[nodiscard]] std::unique_ptr<Command> make_service_queues(const server::ServiceId& service, server::ServiceParty party,
                                                           std::optional<server::RecipientId> after, std::size_t limit,
                                                           Home home, Reply<std::vector<server::ServiceQueue>> reply);
// `from`: the message id after which to look, kept between the calls of a shard; 0 when there was nothing left.
[[nodiscard]] std::unique_ptr<Command> make_expire(std::int64_t before, std::size_t limit, Home home,
                                                   std::shared_ptr<std::atomic<std::int64_t>> from, Totals& totals,
                                                   Reply<std::vector<server::Store::Expired>> reply);

}  // namespace simplex::smp::stores::postgres
