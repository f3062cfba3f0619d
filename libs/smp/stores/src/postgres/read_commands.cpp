#include "simplex/smp/server/shard.hpp"
#include "postgres/commands.hpp"

namespace simplex::smp::stores::postgres {

using namespace server;
using server::NotifierId;
using server::RecipientId;
using server::ServiceId;

namespace {

template <class T>
class Read : public Command {
 public:
  Read(const Statement& statement, Reply<T> reply) : statement_(&statement), reply_(std::move(reply)) {}
  const Statement& statement() const override { return *statement_; }
  const Values& values() const override { return values_; }
  void fail(Error error) override { reply_(std::unexpected(std::move(error))); }

  Values values_;

 protected:
  const Statement* statement_;
  Reply<T> reply_;
};

// A command whose answer is what this reads out of all the rows.
template <class T, Result<T> (*read)(const Rows&)>
class ReadRows final : public Read<T> {
 public:
  using Read<T>::Read;
  bool receive(const Rows& rows) override {
    this->reply_(read(rows));
    return true;
  }
};

Result<std::optional<LoadedQueue>> read_loaded(const Rows& rows) {
  if (rows.size() == 0) return std::nullopt;
  LoadedQueue made;
  SIMPLEX_ASSIGN(made.record, read_queue(rows, 0, 0));
  constexpr auto count = queue_columns;
  made.message_count = static_cast<std::uint32_t>(rows.int64(0, count));
  if (made.message_count == 0) return made;
  made.next_position = std::uint64_t{made.message_count} + 1;
  made.full = rows.boolean(0, count + 1);
  SIMPLEX_ASSIGN(auto oldest, read_message(rows, 0, count + 2, 1));
  made.messages.push_back(std::move(oldest));
  return made;
}

using Load = ReadRows<std::optional<LoadedQueue>, read_loaded>;

Result<std::vector<MessagePtr>> read_messages(const Rows& rows) {
  std::vector<MessagePtr> made;
  made.reserve(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    SIMPLEX_ASSIGN(auto message, read_message(rows, i, 0, i + 1));
    made.push_back(std::move(message));
  }
  return made;
}

using LoadMessages = ReadRows<std::vector<MessagePtr>, read_messages>;

Result<std::optional<LinkData>> read_link(const Rows& rows) {
  if (rows.size() == 0) return std::nullopt;
  LinkData made;
  SIMPLEX_ASSIGN(made.id, read_id<server::LinkId>(rows, 0, 0));
  made.fixed = to_bytes(rows.bytes(0, 1));
  made.user = to_bytes(rows.bytes(0, 2));
  return std::optional(std::move(made));
}

using LoadLink = ReadRows<std::optional<LinkData>, read_link>;

Result<std::optional<RecipientId>> read_found(const Rows& rows) {
  if (rows.size() == 0) return std::nullopt;
  SIMPLEX_ASSIGN(const auto id, read_id<RecipientId>(rows, 0, 0));
  return std::optional(id);
}

using Find = ReadRows<std::optional<RecipientId>, read_found>;

// The table does not know of shards: pages of the service's queues are read until enough of them are of this one.
class ServiceQueues final : public Read<std::vector<ServiceQueue>> {
 public:
  ServiceQueues(const ServiceId& service, ServiceParty party, std::optional<RecipientId> after, std::size_t limit,
                Home home, Reply<std::vector<ServiceQueue>> reply)
      : Read(party == ServiceParty::recipient ? statements::recipient_service_queues
                                              : statements::notifier_service_queues,
             std::move(reply)),
        service_(service),
        after_(after),
        limit_(limit),
        page_(std::min<std::size_t>(max_page, limit * home.shards + 1)),
        home_(home) {
    next_page();
  }
  bool receive(const Rows& rows) override {
    for (std::size_t i = 0; i < rows.size() && found_.size() < limit_; ++i) {
      auto id = read_id<RecipientId>(rows, i, 0);
      if (!id) {
        reply_(std::unexpected(std::move(id).error()));
        return true;
      }
      after_ = *id;
      if (!home_.has(*id)) continue;
      ServiceQueue found{*id, std::nullopt, rows.boolean(i, 2)};
      if (statement_ == &statements::notifier_service_queues) found.notifier = NotifierId::from(rows.bytes(i, 1));
      found_.push_back(std::move(found));
    }
    if (found_.size() >= limit_ || rows.size() < page_) {
      reply_(std::move(found_));
      return true;
    }
    next_page();
    return false;
  }

 private:
  static constexpr std::size_t max_page = 10'000;

  void next_page() {
    values_ = Values();
    values_.bytes(service_.view()).bytes(after_ ? after_->view() : BytesView()).int64(static_cast<std::int64_t>(page_));
  }
  ServiceId service_;
  std::optional<RecipientId> after_;
  std::size_t limit_;
  std::size_t page_;
  Home home_;
  std::vector<ServiceQueue> found_;
};

// Looks through the messages page by page, in the order in which they came, until it has some to remove.
class Expire final : public Read<std::vector<Store::Expired>> {
 public:
  Expire(std::int64_t before, std::size_t limit, Home home, std::shared_ptr<std::atomic<std::int64_t>> from,
         Totals& totals, Reply<std::vector<Store::Expired>> reply)
      : Read(statements::old_messages, std::move(reply)),
        before_(before),
        limit_(limit),
        home_(home),
        from_(std::move(from)),
        totals_(totals),
        after_(from_->load()) {
    next_page();
  }
  bool receive(const Rows& rows) override {
    if (lost_) {
      fail({ErrorKind::storage, "what a sweep of expired messages removed was not told", Advice::retry});
      return true;
    }
    return statement_ == &statements::old_messages ? look(rows) : removed(rows);
  }
  // Some were removed, and whose they were is lost.
  void ask_only() override { lost_ = statement_ == &statements::remove_messages; }

 private:
  static constexpr std::int64_t page = 5'000;

  void next_page() {
    statement_ = &statements::old_messages;
    values_ = Values();
    values_.int64(after_).int64(before_).int64(page);
  }
  bool look(const Rows& rows) {
    if (rows.size() == 0 || rows.is_null(rows.size() - 1, 0)) {  // the end
      *from_ = 0;
      reply_(std::vector<Store::Expired>());
      return true;
    }
    std::vector<std::int64_t> old;
    for (std::size_t i = 0; i + 1 < rows.size() && old.size() < limit_; ++i) {
      const auto queue = RecipientId::from(rows.bytes(i, 1));
      if (queue && home_.has(*queue)) old.push_back(rows.int64(i, 0));
    }
    if (old.empty()) {
      after_ = rows.int64(rows.size() - 1, 0);
      next_page();
      return false;
    }
    after_ = old.size() < limit_ ? rows.int64(rows.size() - 1, 0) : old.back();
    statement_ = &statements::remove_messages;
    values_ = Values();
    values_.int64s(old);
    return false;
  }
  bool removed(const Rows& rows) {
    *from_ = after_;
    std::vector<Store::Expired> made;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const auto queue = RecipientId::from(rows.bytes(i, 0));
      const auto count = rows.int64(i, 1);
      totals_.messages -= count;
      if (queue) made.push_back({*queue, static_cast<std::uint32_t>(count)});
    }
    if (made.empty()) {  // they were removed in the meantime
      next_page();
      return false;
    }
    reply_(std::move(made));
    return true;
  }

  std::int64_t before_;
  std::size_t limit_;
  Home home_;
  std::shared_ptr<std::atomic<std::int64_t>> from_;
  Totals& totals_;
  std::int64_t after_;
  bool lost_ = false;
};

}  // namespace

bool Home::has(const RecipientId& queue) const { return Shard::home_of(queue.view(), shards) == shard; }

std::unique_ptr<Command> make_load(const RecipientId& queue, Reply<std::optional<LoadedQueue>> reply) {
  auto made = std::make_unique<Load>(statements::load, std::move(reply));
  made->values_.bytes(queue.view());
  return made;
}

std::unique_ptr<Command> make_load_messages(const RecipientId& queue, std::size_t max_octets,
                                            Reply<std::vector<MessagePtr>> reply) {
  auto made = std::make_unique<LoadMessages>(statements::load_messages, std::move(reply));
  made->values_.bytes(queue.view())
      .int64(static_cast<std::int64_t>(std::min<std::size_t>(max_octets, std::numeric_limits<std::int32_t>::max())));
  return made;
}

std::unique_ptr<Command> make_load_link(const RecipientId& queue, Reply<std::optional<LinkData>> reply) {
  auto made = std::make_unique<LoadLink>(statements::load_link, std::move(reply));
  made->values_.bytes(queue.view());
  return made;
}

std::unique_ptr<Command> make_find(IdKind kind, const DirectoryId& id, Reply<std::optional<RecipientId>> reply) {
  const auto& statement = kind == IdKind::sender ? statements::find_sender
                          : kind == IdKind::link ? statements::find_link
                                                 : statements::find_notifier;
  auto made = std::make_unique<Find>(statement, std::move(reply));
  made->values_.bytes(id.view());
  return made;
}

std::unique_ptr<Command> make_service_queues(const ServiceId& service, ServiceParty party,
                                             std::optional<RecipientId> after, std::size_t limit, Home home,
                                             Reply<std::vector<ServiceQueue>> reply) {
  return std::make_unique<ServiceQueues>(service, party, after, limit, home, std::move(reply));
}

std::unique_ptr<Command> make_expire(std::int64_t before, std::size_t limit, Home home,
                                     std::shared_ptr<std::atomic<std::int64_t>> from, Totals& totals,
                                     Reply<std::vector<Store::Expired>> reply) {
  return std::make_unique<Expire>(before, limit, home, std::move(from), totals, std::move(reply));
}

}  // namespace simplex::smp::stores::postgres
