// The tables in RocksDB: one column family each, one log of changes for all. The only file that sees its headers.
#include <fmt/format.h>
#include <rocksdb/advanced_options.h>
#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>
#include <rocksdb/utilities/table_properties_collectors.h>
#include <rocksdb/utilities/write_batch_with_index.h>

#include <array>

#include "database.hpp"

namespace simplex::smp::stores::embedded {
namespace {

constexpr std::string_view needs_disk_text = "not in memory";

// "default" has to exist.
constexpr std::array<const char*, table_count> table_names = {"default",  "queues", "ids",   "links",
                                                              "messages", "bodies", "times", "services"};

rocksdb::Slice slice(BytesView bytes) { return {as_text(bytes).data(), bytes.size()}; }
BytesView bytes_of(const rocksdb::Slice& slice) { return as_bytes(std::string_view(slice.data(), slice.size())); }

std::unexpected<Error> error_of(const rocksdb::Status& status) {
  if (status.IsIncomplete()) return fail(ErrorKind::cancelled, std::string(needs_disk_text));
  if (status.IsNoSpace() || status.subcode() == rocksdb::Status::kNoSpace) {
    return fail(ErrorKind::storage, "the disk of the queue store is full: make room on it", Advice::retry);
  }
  if (status.IsCorruption()) {
    return fail(ErrorKind::storage,
                "the queue store is damaged: stop the relay, and restore the store's folder from a backup (" +
                    status.ToString() + ")",
                Advice::ask_user);
  }
  return fail(ErrorKind::storage, "the queue store: " + status.ToString(), Advice::retry);
}

// What the engine writes about itself goes to the relay's log when it is a warning or worse. It names files and sizes.
class EngineLog final : public rocksdb::Logger {
 public:
  explicit EngineLog(simplex::Logger& logger) : rocksdb::Logger(rocksdb::WARN_LEVEL), logger_(logger) {}
  using rocksdb::Logger::Logv;
  void Logv(const rocksdb::InfoLogLevel level, const char* format, va_list arguments) override {
    if (level < rocksdb::WARN_LEVEL || level > rocksdb::FATAL_LEVEL) return;
    std::array<char, 512> text{};
    const int length = std::vsnprintf(text.data(), text.size(), format, arguments);
    if (length <= 0) return;
    const auto line = fmt::format("queue store: {}", text.data());
    if (level == rocksdb::WARN_LEVEL) return logger_.debug(line);
    logger_.warning(line);
  }

 private:
  simplex::Logger& logger_;
};

rocksdb::Options engine_options(const DatabaseSettings& settings, simplex::Logger& logger) {
  rocksdb::Options options;
  options.create_if_missing = settings.create;
  options.create_missing_column_families = settings.create;
  if (settings.disk != nullptr) options.env = settings.disk;
  options.info_log = std::make_shared<EngineLog>(logger);
  // What was being written when the power went ends the log; everything before it was whole.
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
  options.track_and_verify_wals_in_manifest = true;
  options.paranoid_checks = true;
  options.db_write_buffer_size = settings.unwritten_octets;
  // All that a start may have to read again.
  options.max_total_wal_size = 4 * settings.unwritten_octets;
  options.max_background_jobs = 2;
  options.max_open_files = 512;
  options.keep_log_file_num = 2;
  options.stats_dump_period_sec = 0;
  options.bytes_per_sync = 1 << 20;
  return options;
}

rocksdb::ColumnFamilyOptions table_options(Table table, const rocksdb::Options& base,
                                           const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::ColumnFamilyOptions options(base);
  rocksdb::BlockBasedTableOptions blocks;
  blocks.block_cache = cache;
  // In parts, or those of a million keys are larger than a shard of the cache and are read again and again.
  blocks.index_type = rocksdb::BlockBasedTableOptions::kTwoLevelIndexSearch;
  blocks.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  blocks.partition_filters = true;
  blocks.cache_index_and_filter_blocks = true;
  blocks.pin_l0_filter_and_index_blocks_in_cache = true;
  blocks.format_version = 5;
  // Debian's build computes CRC32C without the processor's help.
  blocks.checksum = rocksdb::kXXH3;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(blocks));
  options.compression = rocksdb::kNoCompression;  // keys and ciphertext
  options.level_compaction_dynamic_level_bytes = true;
  switch (table) {
    case Table::bodies:
    case Table::links:
      // Large values stand apart, so that merging the keys does not write them again.
      options.enable_blob_files = true;
      options.min_blob_size = 512;
      options.blob_file_size = 64 << 20;
      options.enable_blob_garbage_collection = true;
      options.blob_garbage_collection_age_cutoff = 0.5;
      options.blob_garbage_collection_force_threshold = 0.5;
      [[fallthrough]];
    case Table::messages:
    case Table::times:
      // What comes and goes: files of removals are merged soon, which gives the space back and keeps scans short.
      options.table_properties_collector_factories.push_back(
          rocksdb::NewCompactOnDeletionCollectorFactory(4'096, 1'024, 0.3));
      break;
    case Table::about:
    case Table::queues:
    case Table::ids:
    case Table::services: break;
  }
  return options;
}

rocksdb::ReadOptions read_options(Reach reach, const rocksdb::Snapshot* snapshot = nullptr) {
  rocksdb::ReadOptions options;
  options.snapshot = snapshot;
  if (reach == Reach::memory) options.read_tier = rocksdb::kBlockCacheTier;
  return options;
}

Result<std::optional<Bytes>> found(const rocksdb::Status& status, BytesView value) {
  if (status.IsNotFound()) return std::nullopt;
  if (!status.ok()) return error_of(status);
  return to_bytes(value);
}

Result<> visit_all(rocksdb::Iterator& at, BytesView prefix, BytesView from, const View::Visit& visit) {
  for (at.Seek(slice(from)); at.Valid() && at.key().starts_with(slice(prefix)); at.Next()) {
    SIMPLEX_ASSIGN(const bool more, visit(bytes_of(at.key()), bytes_of(at.value())));
    if (!more) return {};
  }
  if (!at.status().ok()) return error_of(at.status());
  return {};
}

class RocksDatabase final : public Database {
 public:
  using Handles = std::array<rocksdb::ColumnFamilyHandle*, table_count>;

  RocksDatabase(std::unique_ptr<rocksdb::DB> db, const Handles& handles) : db_(std::move(db)), handles_(handles) {}
  ~RocksDatabase() override {
    for (auto* handle : handles_) db_->DestroyColumnFamilyHandle(handle);
    (void)db_->Close();
  }
  RocksDatabase(const RocksDatabase&) = delete;
  RocksDatabase& operator=(const RocksDatabase&) = delete;

  Result<std::optional<Bytes>> get(Table table, BytesView key, Reach reach) const override {
    rocksdb::PinnableSlice value;
    const auto status = db_->Get(read_options(reach), handle(table), slice(key), &value);
    return found(status, bytes_of(value));
  }
  Result<> scan(Table table, BytesView prefix, BytesView from, Reach reach, const Visit& visit) const override {
    const std::unique_ptr<rocksdb::Iterator> at(db_->NewIterator(read_options(reach), handle(table)));
    return visit_all(*at, prefix, from, visit);
  }

  std::unique_ptr<View> snapshot() const override;
  std::unique_ptr<Change> begin() override;
  Result<> commit(Change& change, Durability durability) override;
  Result<> compact(Table table) override {
    rocksdb::CompactRangeOptions whole;
    whole.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForce;
    auto status = db_->Flush(rocksdb::FlushOptions(), handle(table));
    if (status.ok()) status = db_->CompactRange(whole, handle(table), nullptr, nullptr);
    if (!status.ok()) return error_of(status);
    return {};
  }

  [[nodiscard]] rocksdb::ColumnFamilyHandle* handle(Table table) const {
    return handles_[static_cast<std::size_t>(table)];
  }
  [[nodiscard]] rocksdb::DB& db() const { return *db_; }

 private:
  std::unique_ptr<rocksdb::DB> db_;
  Handles handles_;
  bool failed_ = false;  // the last commit
};

class RocksSnapshot final : public View {
 public:
  explicit RocksSnapshot(const RocksDatabase& database) : database_(database), snapshot_(database.db().GetSnapshot()) {}
  ~RocksSnapshot() override { database_.db().ReleaseSnapshot(snapshot_); }
  RocksSnapshot(const RocksSnapshot&) = delete;
  RocksSnapshot& operator=(const RocksSnapshot&) = delete;

  Result<std::optional<Bytes>> get(Table table, BytesView key, Reach reach) const override {
    rocksdb::PinnableSlice value;
    const auto status = database_.db().Get(read_options(reach, snapshot_), database_.handle(table), slice(key), &value);
    return found(status, bytes_of(value));
  }
  Result<> scan(Table table, BytesView prefix, BytesView from, Reach reach, const Visit& visit) const override {
    const std::unique_ptr<rocksdb::Iterator> at(
        database_.db().NewIterator(read_options(reach, snapshot_), database_.handle(table)));
    return visit_all(*at, prefix, from, visit);
  }

 private:
  const RocksDatabase& database_;
  const rocksdb::Snapshot* snapshot_;
};

class RocksChange final : public Change {
 public:
  explicit RocksChange(const RocksDatabase& database) : database_(database) {}

  Result<std::optional<Bytes>> get(Table table, BytesView key, Reach reach) const override {
    rocksdb::PinnableSlice value;
    const auto status =
        batch_.GetFromBatchAndDB(&database_.db(), read_options(reach), database_.handle(table), slice(key), &value);
    return found(status, bytes_of(value));
  }
  Result<> scan(Table table, BytesView prefix, BytesView from, Reach reach, const Visit& visit) const override {
    auto* handle = database_.handle(table);
    const std::unique_ptr<rocksdb::Iterator> at(
        batch_.NewIteratorWithBase(handle, database_.db().NewIterator(read_options(reach), handle)));
    return visit_all(*at, prefix, from, visit);
  }
  void put(Table table, BytesView key, BytesView value) override {
    must(batch_.Put(database_.handle(table), slice(key), slice(value)));
  }
  void remove(Table table, BytesView key) override { must(batch_.Delete(database_.handle(table), slice(key))); }
  void remove_range(Table table, BytesView from, BytesView end) override {
    must(batch_.GetWriteBatch()->DeleteRange(database_.handle(table), slice(from), slice(end)));
  }
  void mark() override { batch_.SetSavePoint(); }
  void undo() override { must(batch_.RollbackToSavePoint()); }
  void forget_mark() override { must(batch_.PopSavePoint()); }
  bool empty() const override { return batch_.GetWriteBatch()->Count() == 0; }
  std::size_t octets() const override { return batch_.GetWriteBatch()->GetDataSize(); }

  rocksdb::WriteBatch* batch() { return batch_.GetWriteBatch(); }
  void clear() { batch_.Clear(); }

 private:
  using Batch = rocksdb::WriteBatchWithIndex;
  static void must(const rocksdb::Status& status) {
    if (!status.ok()) throw std::logic_error("a change of the store was put together wrongly: " + status.ToString());
  }

  const RocksDatabase& database_;
  mutable Batch batch_{rocksdb::BytewiseComparator(), 0, true};
};

std::unique_ptr<View> RocksDatabase::snapshot() const { return std::make_unique<RocksSnapshot>(*this); }

std::unique_ptr<Change> RocksDatabase::begin() { return std::make_unique<RocksChange>(*this); }

Result<> RocksDatabase::commit(Change& change, Durability durability) {
  auto& own = static_cast<RocksChange&>(change);
  // After a failed write the engine takes no other before it was told that the disk may be usable again.
  auto status = failed_ ? db_->Resume() : rocksdb::Status::OK();
  if (status.ok()) {
    rocksdb::WriteOptions options;
    options.sync = durability == Durability::now;
    status = db_->Write(options, own.batch());
  }
  own.clear();
  failed_ = !status.ok();
  if (failed_) return error_of(status);
  return {};
}

}  // namespace

bool needs_disk(const Error& error) noexcept {
  return error.kind == ErrorKind::cancelled && error.message == needs_disk_text;
}

Result<std::unique_ptr<Database>> Database::open(const DatabaseSettings& settings, Logger& logger) {
  auto options = engine_options(settings, logger);
  // Few shards: each has to hold blocks of several tables.
  const auto cache = rocksdb::NewLRUCache(settings.cache_octets, 2);
  std::vector<rocksdb::ColumnFamilyDescriptor> families;
  for (std::size_t i = 0; i < table_count; ++i) {
    families.emplace_back(table_names[i], table_options(static_cast<Table>(i), options, cache));
  }
  std::vector<rocksdb::ColumnFamilyHandle*> opened;
  rocksdb::DB* db = nullptr;
  const auto status = rocksdb::DB::Open(options, settings.folder.string(), families, &opened, &db);
  if (!status.ok()) return error_of(status);
  RocksDatabase::Handles handles{};
  std::ranges::copy(opened, handles.begin());
  return std::make_unique<RocksDatabase>(std::unique_ptr<rocksdb::DB>(db), handles);
}

}  // namespace simplex::smp::stores::embedded
