// The store of one shard: sends changes to the committer, and reads.
//
// A read of what no waiting change concerns is answered inside the call when everything is in memory, else by a reader
// thread. A read of what a waiting change concerns goes to the committer, to its place between the changes.
#pragma once

#include <deque>
#include <unordered_map>

#include "channel.hpp"
#include "committer.hpp"
#include "readers.hpp"
#include "state_view.hpp"

namespace simplex::smp::stores::embedded {

// What the shards' stores share.
struct Parts {
  Database& database;
  Committer& committer;
  Readers& readers;
  std::size_t pending_octets;  // of one shard
  std::size_t commit_octets;
};

class ShardStore final : public Store {
 public:
  // Said to whoever closes the parts before this is destroyed, and no more after that.
  using Gone = std::move_only_function<void(ShardStore*)>;
  ShardStore(const Parts& parts, std::size_t index, std::size_t shards, async::Loop& loop, Gone gone);
  ~ShardStore() override;
  ShardStore(const ShardStore&) = delete;
  ShardStore& operator=(const ShardStore&) = delete;

  void write(const server::StoreRecord& record, Done<> done) override;
  void add_message(const RecipientId& queue, const MessagePtr& message, Done<> done) override;
  void remove_message(const RecipientId& queue, const server::StoredMessage& message, Done<> done) override;
  void load(const RecipientId& queue, Done<std::optional<server::LoadedQueue>> done) override;
  void load_messages(const RecipientId& queue, std::size_t max_octets, Done<std::vector<MessagePtr>> done) override;
  void load_link(const RecipientId& queue, Done<std::optional<server::LinkData>> done) override;
  void find(IdKind kind, const server::DirectoryId& id, Done<std::optional<RecipientId>> done) override;
  void service_queues(const ServiceId& service, ServiceParty party, std::optional<RecipientId> after, std::size_t limit,
                      Done<std::vector<server::ServiceQueue>> done) override;
  void expire(std::int64_t before, std::size_t limit, Done<std::vector<Expired>> done) override;
  void flush() override;
  [[nodiscard]] bool keeps_everything() const override { return true; }

  // After the loop, the committer and the readers have stopped: calls what is left to call, and what that asks for.
  void finish();
  // The committer gets what was collected.
  void submit();

 private:
  void change(decltype(Operation::what) what, std::size_t octets, Done<> done);
  void applied(std::uint64_t number, std::size_t octets);
  void mark_pending(const RecipientId& queue);
  [[nodiscard]] bool is_pending(const RecipientId& queue) const { return pending_.contains(queue); }
  [[nodiscard]] bool has_room(std::size_t octets) const;
  // Reads now; a snapshot, when `how` reads several keys.
  template <class T, class F>
  void read_now(F how, Done<T> done);
  // Reads at its place among the changes.
  template <class T, class F>
  void read_in_turn(F how, Done<T> done);
  template <class T, class F>
  void read_on_thread(F how, Done<T> done);
  // Goes on when all changes so far are applied.
  void after_changes(std::move_only_function<void()> then);
  void expire_next(std::int64_t before, std::size_t limit, Done<std::vector<Expired>> done);
  void expire_found(std::int64_t before, std::size_t limit, bool whole, Result<std::vector<TimeName>> found,
                    Done<std::vector<Expired>> done);

  Parts parts_;
  std::size_t index_;
  std::size_t shards_;
  std::shared_ptr<Channel> channel_;
  Gone gone_;
  Operations collected_;
  std::size_t collected_octets_ = 0;
  std::uint64_t last_number_ = 0;
  std::uint64_t applied_ = 0;
  std::uint64_t last_id_change_ = 0;
  std::size_t pending_octets_ = 0;
  // Queues that changes wait for, with the last of these; and the same in the order of the changes.
  std::unordered_map<RecipientId, std::uint64_t> pending_;
  std::deque<std::pair<std::uint64_t, RecipientId>> pending_order_;
  Bytes expiry_from_;  // where the sweep goes on
};

}  // namespace simplex::smp::stores::embedded
