#include "postgres/backend.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "simplex/base/random.hpp"
#include "simplex/encoding/base64.hpp"

namespace simplex::smp::stores {
namespace postgres {

using namespace server;
using server::RecipientId;
using server::ServiceId;

Result<std::unique_ptr<Backend>> Backend::open(const PostgresSettings& settings, Logger& logger) {
  SIMPLEX_ASSIGN(auto connection, ConnectionString::parse(settings.connection));
  SystemRandom random;
  LaneSettings lane{std::move(connection), settings.schema, "smp-server " + hex(random.bytes(8)),
                    settings.operation_timeout, settings.waiting_octets};
  std::unique_ptr<Backend> made(new Backend(lane, logger));
  made->lanes_allowed_ = static_cast<int>(std::clamp<std::size_t>(settings.pool_size, 2, 1'000)) - 1;
  SIMPLEX_ASSIGN(made->keeper_, Keeper::open(settings, std::move(lane), made->lanes_allowed_, made->health_, logger));
  SIMPLEX_TRY(made->count());
  return made;
}

Backend::~Backend() {
  // Who wants to know whether everything was written has called close().
  static_cast<void>(close());
}

Result<> Backend::count() {
  SIMPLEX_ASSIGN(const auto counted, keeper_->totals());
  totals_.queues = static_cast<std::int64_t>(counted.queues);
  totals_.messages = static_cast<std::int64_t>(counted.messages);
  totals_.notifiers = static_cast<std::int64_t>(counted.notifiers);
  return {};
}

std::unique_ptr<Store> Backend::shard(std::size_t index, std::size_t shards, async::Loop& loop) {
  const std::lock_guard lock(mutex_);
  const auto lanes = std::min<std::size_t>(shards, static_cast<std::size_t>(lanes_allowed_));
  while (lanes_.size() < lanes) {
    lanes_.push_back(std::make_unique<Lane>(static_cast<int>(lanes_.size()), lane_settings_, health_, traffic_));
  }
  keeper_->watch();
  auto made = std::make_unique<ShardStore>(*this, *lanes_[index % lanes], Home{index, shards}, loop);
  stores_.push_back(made.get());
  return made;
}

Result<> Backend::close() {
  if (std::exchange(closed_, true) || !keeper_) return {};
  std::vector<std::shared_ptr<Mailbox>> mailboxes;
  {
    const std::lock_guard lock(mutex_);
    for (auto* store : stores_) {
      store->flush();
      mailboxes.push_back(store->mailbox_);
    }
  }
  std::uint64_t given_up = 0;
  for (auto& lane : lanes_) given_up += lane->stop();
  for (auto& mailbox : mailboxes) mailbox->run_all();
  keeper_->stop();
  keeper_.reset();
  if (given_up > 0 && !lanes_.empty() && health_.lease_lost()) {
    return fail(ErrorKind::conflict, "another relay process has taken over the database");
  }
  return {};
}

// ---- ShardStore

ShardStore::ShardStore(Backend& backend, Lane& lane, Home home, async::Loop& loop)
    : backend_(backend), lane_(lane), home_(home), loop_(loop), mailbox_(std::make_shared<Mailbox>(loop)) {}

ShardStore::~ShardStore() {
  mailbox_->close();
  const std::lock_guard lock(backend_.mutex_);
  std::erase(backend_.stores_, this);
}

void ShardStore::write(const StoreRecord& record, Done<> done) {
  collected_.push_back(
      make_change(record, seconds_since_epoch(loop_.wall()), backend_.totals_, Reply<void>(mailbox_, std::move(done))));
}

void ShardStore::add_message(const RecipientId& queue, const MessagePtr& message, Done<> done) {
  collected_.push_back(make_add(queue, message, backend_.totals_, Reply<void>(mailbox_, std::move(done))));
}

void ShardStore::remove_message(const RecipientId& queue, const StoredMessage& message, Done<> done) {
  collected_.push_back(make_remove(queue, message.id, backend_.totals_, Reply<void>(mailbox_, std::move(done))));
}

void ShardStore::load(const RecipientId& queue, Done<std::optional<LoadedQueue>> done) {
  collected_.push_back(make_load(queue, Reply<std::optional<LoadedQueue>>(mailbox_, std::move(done))));
}

void ShardStore::load_messages(const RecipientId& queue, std::size_t max_octets, Done<std::vector<MessagePtr>> done) {
  collected_.push_back(
      make_load_messages(queue, max_octets, Reply<std::vector<MessagePtr>>(mailbox_, std::move(done))));
}

void ShardStore::load_link(const RecipientId& queue, Done<std::optional<LinkData>> done) {
  collected_.push_back(make_load_link(queue, Reply<std::optional<LinkData>>(mailbox_, std::move(done))));
}

void ShardStore::find(IdKind kind, const DirectoryId& id, Done<std::optional<RecipientId>> done) {
  collected_.push_back(make_find(kind, id, Reply<std::optional<RecipientId>>(mailbox_, std::move(done))));
}

void ShardStore::service_queues(const ServiceId& service, ServiceParty party, std::optional<RecipientId> after,
                                std::size_t limit, Done<std::vector<ServiceQueue>> done) {
  collected_.push_back(make_service_queues(service, party, after, limit, home_,
                                           Reply<std::vector<ServiceQueue>>(mailbox_, std::move(done))));
}

void ShardStore::expire(std::int64_t before, std::size_t limit, Done<std::vector<Expired>> done) {
  collected_.push_back(make_expire(before, limit, home_, expired_until_, backend_.totals_,
                                   Reply<std::vector<Expired>>(mailbox_, std::move(done), false)));
}

void ShardStore::flush() {
  if (!collected_.empty()) lane_.post(std::exchange(collected_, {}));
}

}  // namespace postgres

Result<std::unique_ptr<server::StoreBackend>> open_postgres(PostgresSettings settings, Logger& logger) {
  SIMPLEX_ASSIGN(auto made, postgres::Backend::open(settings, logger));
  return std::unique_ptr<server::StoreBackend>(std::move(made));
}

}  // namespace simplex::smp::stores
