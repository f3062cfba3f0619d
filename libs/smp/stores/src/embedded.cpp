#include "simplex/smp/stores/embedded.hpp"

#include <algorithm>

#include "embedded/folder.hpp"
#include "embedded/open.hpp"
#include "embedded/shard_store.hpp"
#include "embedded/transfer.hpp"

namespace simplex::smp::stores {
namespace embedded {
namespace {

using server::ServiceRecord;
using server::StateSink;
using server::StoreBackend;
using server::StoreTotals;

StoreTotals counted(const Totals& totals) {
  const auto count = [](std::int64_t number) { return static_cast<std::uint64_t>(std::max<std::int64_t>(number, 0)); };
  return {count(totals.queues), count(totals.messages), count(totals.notifiers)};
}

class EmbeddedBackend final : public StoreBackend {
 public:
  EmbeddedBackend(const EmbeddedSettings& settings, Folder folder, std::unique_ptr<Database> database,
                  const Totals& totals, Logger& logger)
      : settings_(settings),
        folder_(std::move(folder)),
        database_(std::move(database)),
        committer_(std::make_unique<Committer>(
            *database_, CommitSettings{settings.commit_delay, settings.commit_octets}, totals, logger)),
        readers_(settings.reader_threads) {}
  ~EmbeddedBackend() override { (void)close(); }

  std::unique_ptr<Store> shard(std::size_t index, std::size_t shards, async::Loop& loop) override {
    auto made = std::make_unique<ShardStore>(
        Parts{*database_, *committer_, readers_, settings_.pending_octets / std::max<std::size_t>(shards, 1),
              settings_.commit_octets},
        index, shards, loop, [this](ShardStore* store) { forget(store); });
    stores_.push_back(made.get());
    return made;
  }

  Result<std::vector<ServiceRecord>> services() override {
    SIMPLEX_TRY(opened());
    std::vector<ServiceRecord> made;
    SIMPLEX_TRY(scan_services(*database_, [&](ServiceRecord service) -> Result<> {
      made.push_back(std::move(service));
      return {};
    }));
    return made;
  }
  StoreTotals totals() override { return counted(committer_->totals()); }

  Result<> close() override {
    if (!database_) return {};
    readers_.stop();
    committer_->stop();
    for (auto* store : stores_) store->finish();
    // What can't be written is in the log all the same, and the next start reads it.
    (void)database_->write_out();
    database_.reset();
    return {};
  }

  Result<StoreTotals> export_to(StateSink& sink, const Progress& progress) override {
    SIMPLEX_TRY(opened());
    return export_all(*database_->snapshot(), sink, progress);
  }
  Result<std::unique_ptr<StateSink>> import() override {
    SIMPLEX_TRY(opened());
    if (committer_->totals().queues != 0) {
      return fail(ErrorKind::conflict, "the queue store has queues already: nothing can be imported into it",
                  Advice::ask_user);
    }
    return begin_import(*database_, [this](const Totals& totals) { committer_->set_totals(totals); });
  }
  Result<> remove(Contents contents) override {
    SIMPLEX_TRY(opened());
    auto left = committer_->totals();
    switch (contents) {
      case Contents::messages:
        left.messages = 0;
        SIMPLEX_TRY(remove_messages(*database_, left));
        break;
      case Contents::queues:
        if (left.messages != 0) {
          return fail(ErrorKind::conflict, "the queue store has messages: remove them first, or everything",
                      Advice::ask_user);
        }
        left = {};
        SIMPLEX_TRY(remove_queues(*database_, left));
        break;
      case Contents::all:
        left = {};
        SIMPLEX_TRY(remove_everything(*database_));
        break;
    }
    committer_->set_totals(left);
    return {};
  }

 private:
  [[nodiscard]] Result<> opened() const {
    if (!database_) return fail(ErrorKind::internal, "the queue store is closed");
    return {};
  }
  void forget(ShardStore* store) {
    // What it was given is written, and answered to nobody.
    if (database_) store->submit();
    std::erase(stores_, store);
  }

  EmbeddedSettings settings_;
  Folder folder_;
  std::unique_ptr<Database> database_;
  std::unique_ptr<Committer> committer_;
  Readers readers_;
  std::vector<ShardStore*> stores_;
};

}  // namespace

Result<std::unique_ptr<StoreBackend>> open_on(EmbeddedSettings settings, rocksdb::Env* disk, Logger& logger) {
  const auto where = "queue store " + settings.folder.string();
  SIMPLEX_ASSIGN(auto folder, Folder::open(settings.folder));
  DatabaseSettings of_database;
  of_database.folder = folder.data();
  of_database.create = folder.is_new();
  of_database.cache_octets = settings.cache_octets;
  of_database.unwritten_octets = settings.unwritten_octets;
  of_database.disk = disk;
  auto database = Database::open(of_database, logger);
  if (!database) return fail_in(where, std::move(database).error());
  SIMPLEX_TRY(folder.made());
  SIMPLEX_ASSIGN(const bool cut_short, import_was_cut_short(**database));
  if (cut_short) {
    // Nothing of it was ever served, and what it was read from is still there.
    logger.warning(where + " held a part of an import that was cut short: it was removed, import again");
    SIMPLEX_TRY(remove_everything(**database));
  }
  SIMPLEX_ASSIGN(const auto totals, read_totals(**database));
  return std::make_unique<EmbeddedBackend>(settings, std::move(folder), std::move(*database), totals, logger);
}

}  // namespace embedded

Result<std::unique_ptr<server::StoreBackend>> open_embedded(EmbeddedSettings settings, Logger& logger) {
  return embedded::open_on(std::move(settings), nullptr, logger);
}

}  // namespace simplex::smp::stores
