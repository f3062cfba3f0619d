// The PostgreSQL store as a whole. Tests open it here to see its traffic.
#pragma once

#include "postgres/keeper.hpp"

namespace simplex::smp::stores::postgres {

class ShardStore;

class Backend final : public server::StoreBackend {
 public:
  [[nodiscard]] static Result<std::unique_ptr<Backend>> open(const PostgresSettings& settings, Logger& logger);
  ~Backend() override;

  std::unique_ptr<server::Store> shard(std::size_t index, std::size_t shards, async::Loop& loop) override;
  Result<std::vector<server::ServiceRecord>> services() override { return keeper_->services(); }
  server::StoreTotals totals() override { return totals_.read(); }
  Result<> close() override;
  Result<server::StoreTotals> export_to(server::StateSink& sink, const Progress& progress) override;
  Result<std::unique_ptr<server::StateSink>> import() override;
  Result<> remove(Contents contents) override;

  [[nodiscard]] const Traffic& traffic() const { return traffic_; }

 private:
  friend class ShardStore;
  friend class ImportSink;
  Backend(LaneSettings lane, Logger& logger) : lane_settings_(std::move(lane)), health_(logger) {}
  [[nodiscard]] Result<> count();

  LaneSettings lane_settings_;
  int lanes_allowed_ = 1;
  Health health_;
  Traffic traffic_;
  Totals totals_;
  std::unique_ptr<Keeper> keeper_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Lane>> lanes_;
  std::vector<ShardStore*> stores_;
  bool closed_ = false;
};

// A shard's part.
class ShardStore final : public server::Store {
 public:
  ShardStore(Backend& backend, Lane& lane, Home home, async::Loop& loop);
  ~ShardStore() override;

  void write(const server::StoreRecord& record, Done<> done) override;
  void add_message(const server::RecipientId& queue, const server::MessagePtr& message, Done<> done) override;
  void remove_message(const server::RecipientId& queue, const server::StoredMessage& message, Done<> done) override;
  void load(const server::RecipientId& queue, Done<std::optional<server::LoadedQueue>> done) override;
  void load_messages(const server::RecipientId& queue, std::size_t max_octets,
                     Done<std::vector<server::MessagePtr>> done) override;
  void load_link(const server::RecipientId& queue, Done<std::optional<server::LinkData>> done) override;
  void find(server::IdKind kind, const server::DirectoryId& id, Done<std::optional<server::RecipientId>> done) override;
  void service_queues(const server::ServiceId& service, server::ServiceParty party,
                      std::optional<server::RecipientId> after, std::size_t limit,
                      Done<std::vector<server::ServiceQueue>> done) override;
  void expire(std::int64_t before, std::size_t limit, Done<std::vector<Expired>> done) override;
  void flush() override;
  [[nodiscard]] bool keeps_everything() const override { return true; }

 private:
  friend class Backend;
  Backend& backend_;
  Lane& lane_;
  Home home_;
  async::Loop& loop_;
  std::shared_ptr<Mailbox> mailbox_;
  std::shared_ptr<std::atomic<std::int64_t>> expired_until_ = std::make_shared<std::atomic<std::int64_t>>(0);
  std::vector<std::unique_ptr<Command>> collected_;
};

}  // namespace simplex::smp::stores::postgres
