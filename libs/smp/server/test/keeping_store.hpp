// A store that keeps everything, in memory, and answers when the test says so. What is asked takes effect at once, in
// the order of the calls; the answers come later, in that order.
#pragma once

#include <deque>
#include <map>

#include "simplex/smp/server/store.hpp"

namespace simplex::smp::server {

// What the stores of all shards keep together.
struct KeptQueues {
  struct Kept {
    QueueRecord record;
    std::vector<MessagePtr> messages;
    std::uint64_t next_position = 1;
  };
  std::map<RecipientId, Kept> queues;
  std::map<std::pair<IdKind, DirectoryId>, RecipientId> ids;
};

class KeepingStore final : public Store {
 public:
  KeepingStore(KeptQueues& kept, std::size_t index, std::size_t shards,
               std::size_t (*home_of)(BytesView, std::size_t) = nullptr)
      : kept_(kept), index_(index), shards_(shards), home_of_(home_of) {}

  void write(const StoreRecord& record, Done<> done) override {
    ++writes;
    later(std::move(done), fails ? Result<>(failure()) : applied(record));
  }
  void add_message(const RecipientId& queue, const MessagePtr& message, Done<> done) override {
    auto& kept = kept_.queues.at(queue);
    if (fails) return later(std::move(done), Result<>(failure()));
    EXPECT_GE(message->position, kept.next_position) << "positions grow";
    kept.next_position = message->position + 1;
    kept.messages.push_back(message);
    later(std::move(done), Result<>());
  }
  void remove_message(const RecipientId& queue, const StoredMessage& message, Done<> done) override {
    if (fails) return later(std::move(done), Result<>(failure()));
    if (const auto kept = kept_.queues.find(queue); kept != kept_.queues.end()) {
      auto& messages = kept->second.messages;
      const auto found = std::ranges::find(messages, message.id, [](const auto& each) { return each->id; });
      if (found != messages.end()) EXPECT_EQ((*found)->position, message.position);
      if (found != messages.end()) messages.erase(found);
    }
    later(std::move(done), Result<>());
  }

  void load(const RecipientId& queue, Done<std::optional<LoadedQueue>> done) override {
    ++loads;
    if (fails) return later(std::move(done), Result<std::optional<LoadedQueue>>(failure()));
    if (reads_late) {
      waiting.push_back([this, queue, done = std::move(done)]() mutable { done(read(queue)); });
      return;
    }
    later(std::move(done), Result<std::optional<LoadedQueue>>(read(queue)));
  }
  [[nodiscard]] std::optional<LoadedQueue> read(const RecipientId& queue) const {
    std::optional<LoadedQueue> loaded;
    if (const auto found = kept_.queues.find(queue); found != kept_.queues.end()) {
      const auto& kept = found->second;
      auto record = kept.record.clone();
      if (record.link) record.link = std::make_shared<const LinkData>(LinkData{record.link->id, {}, {}});
      loaded = LoadedQueue{std::move(record),
                           {},
                           static_cast<std::uint32_t>(kept.messages.size()),
                           kept.next_position,
                           !kept.messages.empty() && kept.messages.back()->quota};
      if (!kept.messages.empty()) loaded->messages.push_back(kept.messages.front());
    }
    return loaded;
  }
  void load_messages(const RecipientId& queue, std::size_t max_octets, Done<std::vector<MessagePtr>> done) override {
    ++message_loads;
    if (fails) return later(std::move(done), Result<std::vector<MessagePtr>>(failure()));
    if (reads_late) {
      waiting.push_back([this, queue, max_octets, done = std::move(done)]() mutable { done(read(queue, max_octets)); });
      return;
    }
    later(std::move(done), Result<std::vector<MessagePtr>>(read(queue, max_octets)));
  }
  [[nodiscard]] std::vector<MessagePtr> read(const RecipientId& queue, std::size_t max_octets) const {
    std::vector<MessagePtr> loaded;
    std::size_t octets = 0;
    for (const auto& message : kept_.queues.at(queue).messages) {
      octets += message->body.size();
      if (!loaded.empty() && octets > max_octets) break;
      loaded.push_back(message);
    }
    return loaded;
  }
  void load_link(const RecipientId& queue, Done<std::optional<LinkData>> done) override {
    ++link_loads;
    if (fails) return later(std::move(done), Result<std::optional<LinkData>>(failure()));
    const auto found = kept_.queues.find(queue);
    const bool has_link = found != kept_.queues.end() && found->second.record.link;
    later(std::move(done),
          Result<std::optional<LinkData>>(has_link ? std::optional(*found->second.record.link) : std::nullopt));
  }
  void find(IdKind kind, const DirectoryId& id, Done<std::optional<RecipientId>> done) override {
    ++finds;
    if (fails) return later(std::move(done), Result<std::optional<RecipientId>>(failure()));
    const auto found = kept_.ids.find({kind, id});
    later(std::move(done),
          Result<std::optional<RecipientId>>(found == kept_.ids.end() ? std::nullopt : std::optional(found->second)));
  }
  void service_queues(const ServiceId&, ServiceParty, std::optional<RecipientId>, std::size_t,
                      Done<std::vector<ServiceQueue>> done) override {
    later(std::move(done), Result<std::vector<ServiceQueue>>(std::vector<ServiceQueue>()));
  }
  void expire(std::int64_t before, std::size_t limit, Done<std::vector<Expired>> done) override {
    if (sweeps_apart) {
      sweep = Sweep{before, limit, std::move(done), {}};
    } else {
      later(std::move(done), Result<std::vector<Expired>>(removed_before(before, limit)));
    }
  }
  [[nodiscard]] std::vector<Expired> removed_before(std::int64_t before, std::size_t limit) {
    std::vector<Expired> expired;
    for (auto& [id, kept] : kept_.queues) {
      if (home_of_ != nullptr && home_of_(id.view(), shards_) != index_) continue;
      const auto removed = std::erase_if(kept.messages, [&](const MessagePtr& message) {
        if (limit == 0 || message->quota || message->sent_at >= before) return false;
        --limit;
        return true;
      });
      if (removed > 0) expired.push_back({id, static_cast<std::uint32_t>(removed)});
    }
    return expired;
  }
  void flush() override {}
  [[nodiscard]] bool keeps_everything() const override { return true; }

  // The oldest answer; false: there is none.
  bool answer_one() {
    if (waiting.empty()) return false;
    auto next = std::move(waiting.front());
    waiting.pop_front();
    next();
    return true;
  }
  void answer_all() {
    while (answer_one()) {
    }
  }

  // A sweep that the test lets take effect, and then be answered.
  struct Sweep {
    std::int64_t before;
    std::size_t limit;
    Done<std::vector<Expired>> done;
    std::optional<std::vector<Expired>> removed;
  };
  std::optional<Sweep> sweep;
  void take_effect() {
    if (sweep && !sweep->removed) sweep->removed = removed_before(sweep->before, sweep->limit);
  }
  void answer_sweep(bool says_what = true) {
    if (!sweep || !sweep->removed) return;
    auto ended = std::move(*sweep);
    sweep.reset();
    ended.done(says_what ? Result<std::vector<Expired>>(std::move(*ended.removed)) : failure());
  }

  bool sweeps_apart = false;
  bool reads_late = false;  // load and load_messages see what is there when they are answered
  bool answers_at_once = false;
  bool fails = false;
  std::deque<std::move_only_function<void()>> waiting;
  int loads = 0;
  int message_loads = 0;
  int link_loads = 0;
  int finds = 0;
  int writes = 0;

 private:
  static std::unexpected<Error> failure() { return fail(ErrorKind::storage, "no space left"); }

  template <class T>
  void later(Done<T> done, Result<T> result) {
    if (answers_at_once && waiting.empty()) return done(std::move(result));
    waiting.push_back([done = std::move(done), result = std::move(result)]() mutable { done(std::move(result)); });
  }
  Result<> applied(const StoreRecord& record) {
    if (const auto* create = std::get_if<CreateQueue>(&record)) {
      const auto& made = create->queue;
      if (kept_.ids.contains({IdKind::sender, *DirectoryId::from(made.sender_id.view())})) {
        return fail(ErrorKind::conflict, "another queue has this id");
      }
      auto& kept = kept_.queues[made.recipient_id];
      kept.record = made.clone();
      name(kept.record, true);
      return {};
    }
    const auto found = kept_.queues.find(*queue_of(record));
    if (found == kept_.queues.end()) return fail(ErrorKind::not_found, "no such queue");
    auto& kept = found->second.record;
    name(kept, false);
    if (std::holds_alternative<DeleteQueue>(record)) {
      kept_.queues.erase(found);
      return {};
    }
    auto changed = apply_change(record, kept);
    name(kept, true);
    return changed;
  }
  void name(const QueueRecord& record, bool exists) {
    const auto set = [&](IdKind kind, BytesView id) {
      if (exists) {
        kept_.ids[{kind, *DirectoryId::from(id)}] = record.recipient_id;
      } else {
        kept_.ids.erase({kind, *DirectoryId::from(id)});
      }
    };
    set(IdKind::sender, record.sender_id.view());
    if (record.link) set(IdKind::link, record.link->id.view());
    if (record.notifier) set(IdKind::notifier, record.notifier->id.view());
  }

  KeptQueues& kept_;
  std::size_t index_;
  std::size_t shards_;
  std::size_t (*home_of_)(BytesView, std::size_t);
};

}  // namespace simplex::smp::server
