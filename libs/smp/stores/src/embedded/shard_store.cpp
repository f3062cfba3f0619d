#include "shard_store.hpp"

#include <fmt/format.h>

#include "simplex/smp/server/shard.hpp"

namespace simplex::smp::stores::embedded {
namespace {

template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};

// Of bodies that come with a queue: what its reader gets at once.
constexpr std::size_t loaded_octets = 64 * 1'024;
// What an operation takes in memory beside what it carries.
constexpr std::size_t operation_octets = 512;

server::StoreRecord copy_of(const server::StoreRecord& record) {
  return std::visit(Overloaded{
                        [](const server::CreateQueue& create) -> server::StoreRecord {
                          return server::CreateQueue{create.queue.clone()};
                        },
                        [](const server::AddNotifier& add) -> server::StoreRecord {
                          return server::AddNotifier{add.queue, add.notifier.clone()};
                        },
                        [](const auto& other) -> server::StoreRecord { return other; },
                    },
                    record);
}

std::size_t octets_of(const server::LinkData& link) { return link.fixed.size() + link.user.size(); }

std::size_t octets_of(const server::StoreRecord& record) {
  return operation_octets + std::visit(Overloaded{
                                           [](const server::CreateQueue& create) {
                                             return create.queue.link ? octets_of(*create.queue.link) : 0;
                                           },
                                           [](const server::CreateLink& create) { return octets_of(create.link); },
                                           [](const auto&) { return std::size_t{0}; },
                                       },
                                       record);
}

// Not what deletes or removes: it makes room.
bool takes_room(const server::StoreRecord& record) {
  return std::holds_alternative<server::CreateQueue>(record) || std::holds_alternative<server::CreateLink>(record) ||
         std::holds_alternative<server::AddNotifier>(record) || std::holds_alternative<server::NewService>(record);
}

bool changes_ids(const server::StoreRecord& record) {
  return takes_room(record) || std::holds_alternative<server::DeleteLink>(record) ||
         std::holds_alternative<server::DeleteNotifier>(record) || std::holds_alternative<server::DeleteQueue>(record);
}

}  // namespace

ShardStore::ShardStore(const Parts& parts, std::size_t index, std::size_t shards, async::Loop& loop, Gone gone)
    : parts_(parts), index_(index), shards_(shards), channel_(std::make_shared<Channel>(loop)), gone_(std::move(gone)) {
  channel_->on_applied = [this](std::uint64_t number, std::size_t octets) { applied(number, octets); };
  channel_->on_end_of_pass = [this] { submit(); };
}

ShardStore::~ShardStore() {
  gone_(this);
  channel_->detach();
}

// ---- changes

bool ShardStore::has_room(std::size_t octets) const { return pending_octets_ + octets <= parts_.pending_octets; }

void ShardStore::change(decltype(Operation::what) what, std::size_t octets, Done<> done) {
  pending_octets_ += octets;
  collected_octets_ += octets;
  collected_.push_back({std::move(what), std::move(done), octets, ++last_number_, {}});
}

void ShardStore::mark_pending(const RecipientId& queue) {
  pending_[queue] = last_number_;
  pending_order_.emplace_back(last_number_, queue);
}

void ShardStore::applied(std::uint64_t number, std::size_t octets) {
  applied_ = number;
  pending_octets_ -= octets;
  while (!pending_order_.empty() && pending_order_.front().first <= number) {
    const auto found = pending_.find(pending_order_.front().second);
    if (found != pending_.end() && found->second == pending_order_.front().first) pending_.erase(found);
    pending_order_.pop_front();
  }
}

namespace {

Refused refused() {
  return {{ErrorKind::limit, "too much waits to be written: the disk of the queue store is too slow for what comes in",
           Advice::retry}};
}

}  // namespace

void ShardStore::write(const server::StoreRecord& record, Done<> done) {
  const auto octets = octets_of(record);
  if (takes_room(record) && !has_room(octets)) return change(refused(), operation_octets, std::move(done));
  change(copy_of(record), octets, std::move(done));
  if (changes_ids(record)) last_id_change_ = last_number_;
  if (const auto* queue = server::queue_of(record)) mark_pending(*queue);
}

void ShardStore::add_message(const RecipientId& queue, const MessagePtr& message, Done<> done) {
  const auto octets = operation_octets + message->body.size();
  if (!has_room(octets)) return change(refused(), operation_octets, std::move(done));
  change(AddMessage{queue, message}, octets, std::move(done));
  mark_pending(queue);
}

void ShardStore::remove_message(const RecipientId& queue, const server::StoredMessage& message, Done<> done) {
  change(RemoveMessage{queue, message.position, message.id}, operation_octets, std::move(done));
  mark_pending(queue);
}

// Each connection that has sent something has a turn of its own. What all of them ask for that are read in one pass of the
// loop is one group: the committer is woken once, and the disk waits for nothing but work that is there.
void ShardStore::flush() {
  if (collected_.empty()) return;
  if (collected_octets_ >= parts_.commit_octets) return submit();
  channel_->ask_end_of_pass();
}

void ShardStore::submit() {
  collected_octets_ = 0;
  if (!collected_.empty()) parts_.committer.submit(channel_, std::exchange(collected_, {}));
}

void ShardStore::finish() {
  do {
    submit();
    channel_->deliver();
  } while (!collected_.empty() || !channel_->empty());
}

// ---- reads

template <class T, class F>
void ShardStore::read_in_turn(F how, Done<T> done) {
  const auto got = std::make_shared<Result<T>>(fail(ErrorKind::cancelled, "not read"));
  change(Read{[got, how = std::move(how)](const View& view) { *got = how(view, Reach::disk); }}, operation_octets,
         [got, done = std::move(done)](const Result<>&) mutable { done(std::move(*got)); });
}

template <class T, class F>
void ShardStore::read_on_thread(F how, Done<T> done) {
  parts_.readers.run(
      [&database = parts_.database, channel = channel_, how = std::move(how), done = std::move(done)]() mutable {
        const auto snapshot = database.snapshot();
        channel->post([got = how(*snapshot, Reach::disk), done = std::move(done)]() mutable { done(std::move(got)); });
      });
}

template <class T, class F>
void ShardStore::read_now(F how, Done<T> done) {
  auto got = how(*parts_.database.snapshot(), Reach::memory);
  if (got || !needs_disk(got.error())) return done(std::move(got));
  read_on_thread<T>(std::move(how), std::move(done));
}

void ShardStore::load(const RecipientId& queue, Done<std::optional<server::LoadedQueue>> done) {
  const auto how = [queue](const View& view, Reach reach) { return load_queue(view, queue, loaded_octets, reach); };
  using Found = std::optional<server::LoadedQueue>;
  if (is_pending(queue)) return read_in_turn<Found>(how, std::move(done));
  read_now<Found>(how, std::move(done));
}

void ShardStore::load_messages(const RecipientId& queue, std::size_t max_octets, Done<std::vector<MessagePtr>> done) {
  const auto how = [queue, max_octets](const View& view, Reach reach) {
    return embedded::load_messages(view, queue, max_octets, reach);
  };
  if (is_pending(queue)) return read_in_turn<std::vector<MessagePtr>>(how, std::move(done));
  read_now<std::vector<MessagePtr>>(how, std::move(done));
}

void ShardStore::load_link(const RecipientId& queue, Done<std::optional<server::LinkData>> done) {
  const auto how = [queue](const View& view, Reach reach) { return embedded::load_link(view, queue, reach); };
  using Found = std::optional<server::LinkData>;
  if (is_pending(queue)) return read_in_turn<Found>(how, std::move(done));
  read_now<Found>(how, std::move(done));
}

void ShardStore::find(IdKind kind, const server::DirectoryId& id, Done<std::optional<RecipientId>> done) {
  const auto how = [kind, id](const View& view, Reach reach) { return find_queue(view, kind, id.view(), reach); };
  if (last_id_change_ > applied_) return read_in_turn<std::optional<RecipientId>>(how, std::move(done));
  auto got = how(parts_.database, Reach::memory);
  if (got || !needs_disk(got.error())) return done(std::move(got));
  read_on_thread<std::optional<RecipientId>>(how, std::move(done));
}

void ShardStore::after_changes(std::move_only_function<void()> then) {
  if (applied_ == last_number_) return then();
  change(Read{[](const View&) {}}, operation_octets, [then = std::move(then)](const Result<>&) mutable { then(); });
}

void ShardStore::service_queues(const ServiceId& service, ServiceParty party, std::optional<RecipientId> after,
                                std::size_t limit, Done<std::vector<server::ServiceQueue>> done) {
  auto how = [=, index = index_, shards = shards_](const View& view, Reach reach) {
    const auto is_ours = [&](const RecipientId& queue) {
      return server::Shard::home_of(queue.view(), shards) == index;
    };
    return list_service_queues(view, service, party, after, limit, is_ours, reach);
  };
  after_changes([this, how, done = std::move(done)]() mutable {
    read_on_thread<std::vector<server::ServiceQueue>>(std::move(how), std::move(done));
  });
}

// ---- expiry

void ShardStore::expire(std::int64_t before, std::size_t limit, Done<std::vector<Expired>> done) {
  after_changes(
      [this, before, limit, done = std::move(done)]() mutable { expire_next(before, limit, std::move(done)); });
}

void ShardStore::expire_next(std::int64_t before, std::size_t limit, Done<std::vector<Expired>> done) {
  const auto from = std::make_shared<Bytes>(expiry_from_);
  const bool whole = expiry_from_.empty();
  const auto how = [=, index = index_, shards = shards_](const View& view, Reach) {
    const auto is_ours = [&](const RecipientId& queue) {
      return server::Shard::home_of(queue.view(), shards) == index;
    };
    return find_expired(view, before, limit, is_ours, *from);
  };
  read_on_thread<std::vector<TimeName>>(
      how, [this, from, before, limit, whole, done = std::move(done)](Result<std::vector<TimeName>> found) mutable {
        expiry_from_ = std::move(*from);
        expire_found(before, limit, whole, std::move(found), std::move(done));
      });
}

void ShardStore::expire_found(std::int64_t before, std::size_t limit, bool whole, Result<std::vector<TimeName>> found,
                              Done<std::vector<Expired>> done) {
  if (!found || found->empty()) {
    expiry_from_.clear();
    if (!found) return done(std::unexpected(std::move(found).error()));
    // What was added behind the sweep, or could not be removed: looked for before it is said that nothing is left.
    if (!whole) return expire_next(before, limit, std::move(done));
    return done(std::vector<Expired>());
  }
  const auto removed = std::make_shared<std::vector<Expired>>();
  std::vector<RecipientId> queues;
  for (const auto& name : *found) queues.push_back(name.message.queue);
  change(RemoveExpired{std::move(*found), removed}, operation_octets + 64 * queues.size(),
         [this, before, limit, removed, done = std::move(done)](const Result<>& stored) mutable {
           if (!stored) {
             expiry_from_.clear();
             return done(std::unexpected(stored.error()));
           }
           // All of them were removed by others meanwhile: that does not mean that nothing is left.
           if (removed->empty()) return expire_next(before, limit, std::move(done));
           done(std::move(*removed));
         });
  for (const auto& queue : queues) mark_pending(queue);
  flush();
}

}  // namespace simplex::smp::stores::embedded
