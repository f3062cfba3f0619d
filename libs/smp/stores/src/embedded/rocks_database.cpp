// The tables in RocksDB: one column family each, one log of changes for all. The only file that sees its headers.
#include <fmt/format.h>
#include <rocksdb/advanced_options.h>
#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/listener.h>
#include <rocksdb/memtablerep.h>
#include <rocksdb/slice_transform.h>
#include <rocksdb/table.h>
#include <rocksdb/utilities/table_properties_collectors.h>
#include <rocksdb/utilities/write_batch_with_index.h>

#include <algorithm>
#include <array>
#include <mutex>
#include <shared_mutex>

#include "crc32c.hpp"
#include "database.hpp"

// Debian's build of the engine sums up its log without the processor's help, which costs more than writing it does. The
// dynamic linker prefers a program's function to that of a library, so it uses this one.
namespace rocksdb::crc32c {
std::uint32_t Extend(std::uint32_t before, const char* data, std::size_t size);
std::uint32_t Extend(std::uint32_t before, const char* data, std::size_t size) {
  return simplex::smp::stores::embedded::extend_crc32c(before, simplex::as_bytes(std::string_view(data, size)));
}
}  // namespace rocksdb::crc32c

namespace simplex::smp::stores::embedded {
namespace {

constexpr std::string_view needs_disk_text = "not in memory";
// Not shorter than any.
constexpr std::size_t longest_body_key = 256;
constexpr std::size_t body_buckets = 16'384;

// "default" has to exist.
constexpr std::array<const char*, table_count> table_names = {"default",  "queues", "ids",   "links",
                                                              "messages", "bodies", "times", "services"};

rocksdb::Slice slice(BytesView bytes) {
  // An empty one points to something all the same: RocksDB gives it to memcmp.
  return bytes.empty() ? rocksdb::Slice() : rocksdb::Slice(as_text(bytes).data(), bytes.size());
}
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

// Recovery from errors is ours: at the next commit, not by a thread that looks for room every few seconds.
class NoRecovery final : public rocksdb::EventListener {
 public:
  void OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason, rocksdb::Status, bool* automatic) override {
    *automatic = false;
  }
};

rocksdb::Options engine_options(const DatabaseSettings& settings, simplex::Logger& logger) {
  rocksdb::Options options;
  options.create_if_missing = settings.create;
  options.create_missing_column_families = settings.create;
  if (settings.disk != nullptr) options.env = settings.disk;
  options.info_log = std::make_shared<EngineLog>(logger);
  options.listeners.push_back(std::make_shared<NoRecovery>());
  options.max_bgerror_resume_count = 0;
  // What was being written when the power went ends the log; everything before it was whole.
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
  options.track_and_verify_wals_in_manifest = true;
  options.paranoid_checks = true;
  // One thread writes.
  options.allow_concurrent_memtable_write = false;
  options.db_write_buffer_size = settings.unwritten_octets;
  // All that a start may have to read again.
  options.max_total_wal_size = settings.unwritten_octets;
  options.max_background_jobs = 2;
  options.max_open_files = 512;
  options.keep_log_file_num = 2;
  options.stats_dump_period_sec = 0;
  options.bytes_per_sync = 1 << 20;
  return options;
}

// What lasts for years is written into its table soon: queues that nobody uses stay in no memory. Messages come and go, and
// one that has gone by then is not written at all.
std::size_t unwritten_octets_of(Table table, std::size_t all) {
  switch (table) {
    case Table::messages:
    case Table::bodies:
    case Table::times: return all;
    case Table::about:
    case Table::queues:
    case Table::ids:
    case Table::links:
    case Table::services: break;
  }
  return std::min<std::size_t>(all, 2 * 1'024 * 1'024);
}

rocksdb::ColumnFamilyOptions table_options(Table table, const rocksdb::Options& base,
                                           const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::ColumnFamilyOptions options(base);
  options.write_buffer_size = unwritten_octets_of(table, base.db_write_buffer_size);
  rocksdb::BlockBasedTableOptions blocks;
  blocks.block_cache = cache;
  // In parts, or those of a million keys are larger than a shard of the cache and are read again and again.
  blocks.index_type = rocksdb::BlockBasedTableOptions::kTwoLevelIndexSearch;
  blocks.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  blocks.partition_filters = true;
  blocks.cache_index_and_filter_blocks = true;
  blocks.pin_l0_filter_and_index_blocks_in_cache = true;
  blocks.format_version = 5;
  blocks.checksum = rocksdb::kXXH3;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(blocks));
  options.compression = rocksdb::kNoCompression;  // keys and ciphertext
  options.level_compaction_dynamic_level_bytes = true;
  if (table == Table::bodies) {
    // Found by their keys only. In the order of the keys each step on the way to a place for a new one would be a visit to
    // another page, because the values stand beside the keys.
    options.prefix_extractor.reset(rocksdb::NewCappedPrefixTransform(longest_body_key));
    options.memtable_factory.reset(rocksdb::NewHashSkipListRepFactory(body_buckets));
  }
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
  options.total_order_seek = true;
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

using Handles = std::array<rocksdb::ColumnFamilyHandle*, table_count>;

// An open database. Its views go before it.
class Opened {
 public:
  enum class Mode : std::uint8_t { read_write, read_only };
  static rocksdb::Status open(const std::filesystem::path& folder, const rocksdb::Options& options,
                              const std::vector<rocksdb::ColumnFamilyDescriptor>& tables, Mode mode,
                              std::unique_ptr<Opened>& made) {
    rocksdb::DB* db = nullptr;
    std::vector<rocksdb::ColumnFamilyHandle*> handles;
    // Or it complains that the folder of a new store is not there. What can't be made it says itself.
    if (options.create_if_missing) (void)options.env->CreateDirIfMissing(folder.string());
    auto status = mode == Mode::read_write
                      ? rocksdb::DB::Open(options, folder.string(), tables, &handles, &db)
                      : rocksdb::DB::OpenForReadOnly(options, folder.string(), tables, &handles, &db);
    if (status.ok()) made = std::make_unique<Opened>(std::unique_ptr<rocksdb::DB>(db), handles);
    return status;
  }
  Opened(std::unique_ptr<rocksdb::DB> db, const std::vector<rocksdb::ColumnFamilyHandle*>& handles)
      : db_(std::move(db)) {
    std::ranges::copy(handles, handles_.begin());
  }
  ~Opened() {
    for (auto* handle : handles_) db_->DestroyColumnFamilyHandle(handle);
    (void)db_->Close();
  }
  Opened(const Opened&) = delete;
  Opened& operator=(const Opened&) = delete;

  [[nodiscard]] rocksdb::DB& db() const { return *db_; }
  [[nodiscard]] rocksdb::ColumnFamilyHandle* handle(Table table) const {
    return handles_[static_cast<std::size_t>(table)];
  }
  [[nodiscard]] Result<std::optional<Bytes>> get(Table table, BytesView key, const rocksdb::ReadOptions& how) const {
    rocksdb::PinnableSlice value;
    const auto status = db_->Get(how, handle(table), slice(key), &value);
    // Of a file that is not open yet the engine says without a look that the key is there, with nothing as its value.
    if (status.ok() && value.empty() && how.read_tier == rocksdb::kBlockCacheTier) {
      return fail(ErrorKind::cancelled, std::string(needs_disk_text));
    }
    return found(status, bytes_of(value));
  }
  [[nodiscard]] Result<> scan(Table table, BytesView prefix, BytesView from, const rocksdb::ReadOptions& how,
                              const View::Visit& visit) const {
    const std::unique_ptr<rocksdb::Iterator> at(db_->NewIterator(how, handle(table)));
    return visit_all(*at, prefix, from, visit);
  }

 private:
  std::unique_ptr<rocksdb::DB> db_;
  Handles handles_{};
};

// Many read; now and then one reopens, and is not kept waiting by those who come later.
class ReadGate {
 public:
  [[nodiscard]] std::shared_lock<std::shared_mutex> read() {
    const std::lock_guard turn(turn_);
    return std::shared_lock(mutex_);
  }
  [[nodiscard]] std::unique_lock<std::shared_mutex> replace() {
    const std::lock_guard turn(turn_);
    return std::unique_lock(mutex_);
  }

 private:
  std::mutex turn_;
  std::shared_mutex mutex_;
};

std::unexpected<Error> not_open() {
  return fail(ErrorKind::storage, "the queue store cannot be opened again after a failure of its disk", Advice::retry);
}

class RocksSnapshot final : public View {
 public:
  RocksSnapshot(std::shared_lock<std::shared_mutex> lock, const Opened* opened)
      : lock_(std::move(lock)), opened_(opened), snapshot_(opened ? opened->db().GetSnapshot() : nullptr) {}
  ~RocksSnapshot() override {
    if (opened_ != nullptr) opened_->db().ReleaseSnapshot(snapshot_);
  }
  RocksSnapshot(const RocksSnapshot&) = delete;
  RocksSnapshot& operator=(const RocksSnapshot&) = delete;

  Result<std::optional<Bytes>> get(Table table, BytesView key, Reach reach) const override {
    if (opened_ == nullptr) return not_open();
    return opened_->get(table, key, read_options(reach, snapshot_));
  }
  Result<> scan(Table table, BytesView prefix, BytesView from, Reach reach, const Visit& visit) const override {
    if (opened_ == nullptr) return not_open();
    return opened_->scan(table, prefix, from, read_options(reach, snapshot_), visit);
  }

 private:
  std::shared_lock<std::shared_mutex> lock_;
  const Opened* opened_;
  const rocksdb::Snapshot* snapshot_;
};

// Of the thread that commits, which is also the one that reopens: it needs no lock.
class RocksChange final : public Change {
 public:
  RocksChange(const Opened& opened, std::size_t octets)
      : opened_(opened), batch_(rocksdb::BytewiseComparator(), octets, true) {}

  Result<std::optional<Bytes>> get(Table table, BytesView key, Reach reach) const override {
    rocksdb::PinnableSlice value;
    const auto status =
        batch_.GetFromBatchAndDB(&opened_.db(), reading(reach), opened_.handle(table), slice(key), &value);
    return found(status, bytes_of(value));
  }
  Result<> scan(Table table, BytesView prefix, BytesView from, Reach reach, const Visit& visit) const override {
    auto* handle = opened_.handle(table);
    const std::unique_ptr<rocksdb::Iterator> at(
        batch_.NewIteratorWithBase(handle, opened_.db().NewIterator(reading(reach), handle)));
    return visit_all(*at, prefix, from, visit);
  }
  void put(Table table, BytesView key, BytesView value) override {
    must(batch_.Put(opened_.handle(table), slice(key), slice(value)));
  }
  void remove(Table table, BytesView key) override { must(batch_.Delete(opened_.handle(table), slice(key))); }
  void remove_range(Table table, BytesView from, BytesView end) override {
    must(batch_.GetWriteBatch()->DeleteRange(opened_.handle(table), slice(from), slice(end)));
  }
  void mark() override { batch_.SetSavePoint(); }
  void undo() override { must(batch_.RollbackToSavePoint()); }
  void forget_mark() override { must(batch_.PopSavePoint()); }
  bool empty() const override { return batch_.GetWriteBatch()->Count() == 0; }
  std::size_t octets() const override { return batch_.GetWriteBatch()->GetDataSize(); }

  rocksdb::WriteBatch* batch() { return batch_.GetWriteBatch(); }
  void clear() { batch_.Clear(); }

 private:
  // Mostly that a new id is nobody's yet: what a filter takes for it is not worth a place in the cache.
  static rocksdb::ReadOptions reading(Reach reach) {
    auto options = read_options(reach);
    options.fill_cache = false;
    return options;
  }
  static void must(const rocksdb::Status& status) {
    if (!status.ok()) throw std::logic_error("a change of the store was put together wrongly: " + status.ToString());
  }

  const Opened& opened_;
  mutable rocksdb::WriteBatchWithIndex batch_;
};

class RocksDatabase final : public Database {
 public:
  RocksDatabase(const DatabaseSettings& settings, Logger& logger)
      : folder_(settings.folder), options_(engine_options(settings, logger)) {
    // Few shards: each has to hold blocks of several tables.
    const auto cache = rocksdb::NewLRUCache(settings.cache_octets, 2);
    for (std::size_t i = 0; i < table_count; ++i) {
      tables_.emplace_back(table_names[i], table_options(static_cast<Table>(i), options_, cache));
    }
  }

  Result<> open() {
    const auto status = Opened::open(folder_, options_, tables_, Opened::Mode::read_write, opened_);
    if (!status.ok()) return error_of(status);
    options_.create_if_missing = false;
    options_.create_missing_column_families = false;
    return {};
  }

  Result<std::optional<Bytes>> get(Table table, BytesView key, Reach reach) const override {
    const auto lock = gate_.read();
    if (!opened_) return not_open();
    return opened_->get(table, key, read_options(reach));
  }
  Result<> scan(Table table, BytesView prefix, BytesView from, Reach reach, const Visit& visit) const override {
    const auto lock = gate_.read();
    if (!opened_) return not_open();
    return opened_->scan(table, prefix, from, read_options(reach), visit);
  }
  std::unique_ptr<View> snapshot() const override {
    auto lock = gate_.read();
    return std::make_unique<RocksSnapshot>(std::move(lock), opened_.get());
  }

  Result<bool> recover() override;
  std::unique_ptr<Change> begin(std::size_t octets) override { return std::make_unique<RocksChange>(*opened_, octets); }
  Result<> commit(Change& change, Durability durability) override {
    auto& own = static_cast<RocksChange&>(change);
    rocksdb::WriteOptions options;
    options.sync = durability == Durability::now;
    const auto status = opened_->db().Write(options, own.batch());
    own.clear();
    if (status.ok()) return {};
    failed_ = true;
    return error_of(status);
  }
  Result<> write_out() override {
    if (failed_ || !opened_) return not_open();
    std::vector<rocksdb::ColumnFamilyHandle*> handles;
    for (std::size_t i = 0; i < table_count; ++i) handles.push_back(opened_->handle(static_cast<Table>(i)));
    const auto status = opened_->db().Flush(rocksdb::FlushOptions(), handles);
    if (!status.ok()) return error_of(status);
    return {};
  }
  Result<> compact(Table table) override {
    rocksdb::CompactRangeOptions whole;
    whole.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForce;
    auto* handle = opened_->handle(table);
    auto status = opened_->db().Flush(rocksdb::FlushOptions(), handle);
    if (status.ok()) status = opened_->db().CompactRange(whole, handle, nullptr, nullptr);
    if (!status.ok()) return error_of(status);
    return {};
  }

 private:
  [[nodiscard]] rocksdb::Status probe() const;

  std::filesystem::path folder_;
  rocksdb::Options options_;
  std::vector<rocksdb::ColumnFamilyDescriptor> tables_;
  mutable ReadGate gate_;
  std::unique_ptr<Opened> opened_;  // null: a failure of the disk lasts, and it could not even be read
  bool failed_ = false;             // a commit: nothing can be written before it is opened again
};

// A little more than what opening has to write.
rocksdb::Status RocksDatabase::probe() const {
  const auto name = (folder_ / "probe").string();
  const std::string zeros(256 * 1'024, '\0');
  auto status = rocksdb::WriteStringToFile(options_.env, zeros, name, true);
  (void)options_.env->DeleteFile(name);
  return status;
}

// The engine's own way back from a failed write of its log does not work in this version (a writer that failed once
// refuses everything after); opening it again does.
Result<bool> RocksDatabase::recover() {
  if (!failed_) return false;
  if (const auto usable = probe(); !usable.ok()) return error_of(usable);
  const auto lock = gate_.replace();
  opened_.reset();
  const auto status = Opened::open(folder_, options_, tables_, Opened::Mode::read_write, opened_);
  if (!status.ok()) {
    // Reading goes on.
    (void)Opened::open(folder_, options_, tables_, Opened::Mode::read_only, opened_);
    return error_of(status);
  }
  failed_ = false;
  return true;
}

}  // namespace

bool needs_disk(const Error& error) noexcept {
  return error.kind == ErrorKind::cancelled && error.message == needs_disk_text;
}

Result<std::unique_ptr<Database>> Database::open(const DatabaseSettings& settings, Logger& logger) {
  auto made = std::make_unique<RocksDatabase>(settings, logger);
  SIMPLEX_TRY(made->open());
  return made;
}

}  // namespace simplex::smp::stores::embedded
