// Compares engines for the relay's embedded store (docs/adr). Not part of the build:
//
//   clang++-19 -std=c++23 -O2 bench/engines/engines.cpp -o /tmp/engines -lrocksdb -llmdb -lsqlite3
//   for e in floor rocksdb lmdb sqlite; do /tmp/engines $e /var/tmp/engines-$e; done
//
// The work is the relay's: queues found by sender id, messages of 16 KB that come and are removed a while later, all
// changes of a group made durable together.
#include <fcntl.h>
#include <lmdb.h>
#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>
#include <sqlite3.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <filesystem>
#include <fstream>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;
enum Table { queues, ids, headers, bodies, tables };
constexpr std::size_t queue_count = 1'000'000;

void check(bool good, const char* what) {
  if (!good) throw std::runtime_error(what);
}

class Engine {
 public:
  virtual ~Engine() = default;
  virtual void begin() = 0;
  virtual void put(Table table, const std::string& key, const std::string& value) = 0;
  virtual void remove(Table table, const std::string& key) = 0;
  virtual bool get(Table table, const std::string& key, std::string& value) = 0;
  virtual void commit() = 0;
  virtual void settle() {}
};

class Rocks final : public Engine {
 public:
  explicit Rocks(const std::string& folder) {
    rocksdb::BlockBasedTableOptions table;
    // Whole filters of a million keys are larger than a shard of the cache, and would be read again and again.
    table.block_cache = rocksdb::NewLRUCache(64 << 20, 2);
    table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
    table.cache_index_and_filter_blocks = true;
    table.pin_l0_filter_and_index_blocks_in_cache = true;
    table.index_type = rocksdb::BlockBasedTableOptions::kTwoLevelIndexSearch;
    table.partition_filters = true;
    table.format_version = 5;
    rocksdb::Options options;
    options.create_if_missing = true;
    options.create_missing_column_families = true;
    options.compression = rocksdb::kNoCompression;
    options.db_write_buffer_size = 64 << 20;
    options.max_background_jobs = 2;
    options.max_open_files = 256;
    options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
    std::vector<rocksdb::ColumnFamilyDescriptor> families;
    for (const auto* name : {"default", "ids", "headers", "bodies"}) families.emplace_back(name, options);
    if (std::getenv("NO_BLOBS") == nullptr) {
      families[bodies].options.enable_blob_files = true;
      families[bodies].options.min_blob_size = 1024;
      families[bodies].options.enable_blob_garbage_collection = true;
    }
    check(rocksdb::DB::Open(options, folder, families, &handles_, &db_).ok(), "open");
  }
  ~Rocks() override {
    for (auto* handle : handles_) db_->DestroyColumnFamilyHandle(handle);
    db_->Close();
    delete db_;
  }
  void begin() override { batch_.Clear(); }
  void put(Table table, const std::string& key, const std::string& value) override {
    batch_.Put(handles_[table], key, value);
  }
  void remove(Table table, const std::string& key) override { batch_.Delete(handles_[table], key); }
  bool get(Table table, const std::string& key, std::string& value) override {
    return db_->Get({}, handles_[table], key, &value).ok();
  }
  void commit() override {
    rocksdb::WriteOptions options;
    options.sync = true;
    const auto s = db_->Write(options, &batch_);
    if (!s.ok()) throw std::runtime_error(s.ToString());
  }

 private:
  rocksdb::DB* db_ = nullptr;
  std::vector<rocksdb::ColumnFamilyHandle*> handles_;
  rocksdb::WriteBatch batch_;
};

class Lmdb final : public Engine {
 public:
  explicit Lmdb(const std::string& folder) {
    fs::create_directories(folder);
    check(mdb_env_create(&env_) == 0, "create");
    mdb_env_set_mapsize(env_, std::size_t{64} << 30);
    mdb_env_set_maxdbs(env_, tables);
    check(mdb_env_open(env_, folder.c_str(), MDB_NORDAHEAD, 0600) == 0, "open");
    begin();
    for (int i = 0; i < tables; ++i) {
      check(mdb_dbi_open(txn_, std::to_string(i).c_str(), MDB_CREATE, &dbis_[i]) == 0, "dbi");
    }
    commit();
  }
  ~Lmdb() override { mdb_env_close(env_); }
  void begin() override { check(mdb_txn_begin(env_, nullptr, 0, &txn_) == 0, "begin"); }
  void put(Table table, const std::string& key, const std::string& value) override {
    MDB_val k = val(key), v = val(value);
    check(mdb_put(txn_, dbis_[table], &k, &v, 0) == 0, "put");
  }
  void remove(Table table, const std::string& key) override {
    MDB_val k = val(key);
    mdb_del(txn_, dbis_[table], &k, nullptr);
  }
  bool get(Table table, const std::string& key, std::string& value) override {
    MDB_val k = val(key), v{};
    if (mdb_get(txn_, dbis_[table], &k, &v) != 0) return false;
    value.assign(static_cast<const char*>(v.mv_data), v.mv_size);
    return true;
  }
  void commit() override { check(mdb_txn_commit(txn_) == 0, "commit"); }

 private:
  static MDB_val val(const std::string& text) { return {text.size(), const_cast<char*>(text.data())}; }
  MDB_env* env_ = nullptr;
  MDB_txn* txn_ = nullptr;
  MDB_dbi dbis_[tables]{};
};

class Sqlite final : public Engine {
 public:
  explicit Sqlite(const std::string& folder) {
    fs::create_directories(folder);
    check(sqlite3_open((folder + "/store.db").c_str(), &db_) == SQLITE_OK, "open");
    run("PRAGMA journal_mode=WAL");
    run("PRAGMA synchronous=FULL");
    run("PRAGMA cache_size=-65536");
    for (int i = 0; i < tables; ++i) {
      const auto t = "t" + std::to_string(i);
      run(("CREATE TABLE IF NOT EXISTS " + t + "(k BLOB PRIMARY KEY, v BLOB NOT NULL) STRICT" +
           (i == bodies ? "" : ", WITHOUT ROWID"))
              .c_str());
      prepare("INSERT OR REPLACE INTO " + t + " VALUES(?,?)", put_[i]);
      prepare("DELETE FROM " + t + " WHERE k=?", remove_[i]);
      prepare("SELECT v FROM " + t + " WHERE k=?", get_[i]);
    }
  }
  ~Sqlite() override {
    for (int i = 0; i < tables; ++i) {
      for (auto* s : {put_[i], remove_[i], get_[i]}) sqlite3_finalize(s);
    }
    sqlite3_close(db_);
  }
  void begin() override { run("BEGIN IMMEDIATE"); }
  void put(Table table, const std::string& key, const std::string& value) override {
    auto* s = put_[table];
    bind(s, 1, key);
    bind(s, 2, value);
    check(sqlite3_step(s) == SQLITE_DONE, "put");
    sqlite3_reset(s);
  }
  void remove(Table table, const std::string& key) override {
    auto* s = remove_[table];
    bind(s, 1, key);
    check(sqlite3_step(s) == SQLITE_DONE, "remove");
    sqlite3_reset(s);
  }
  bool get(Table table, const std::string& key, std::string& value) override {
    auto* s = get_[table];
    bind(s, 1, key);
    const bool found = sqlite3_step(s) == SQLITE_ROW;
    if (found) {
      value.assign(static_cast<const char*>(sqlite3_column_blob(s, 0)),
                   static_cast<std::size_t>(sqlite3_column_bytes(s, 0)));
    }
    sqlite3_reset(s);
    return found;
  }
  void commit() override { run("COMMIT"); }

 private:
  void run(const char* sql) {
    if (sqlite3_exec(db_, sql, nullptr, nullptr, nullptr) != SQLITE_OK) throw std::runtime_error(sqlite3_errmsg(db_));
  }
  void prepare(const std::string& sql, sqlite3_stmt*& to) {
    if (sqlite3_prepare_v2(db_, sql.c_str(), -1, &to, nullptr) != SQLITE_OK)
      throw std::runtime_error(sqlite3_errmsg(db_));
  }
  static void bind(sqlite3_stmt* s, int at, const std::string& value) {
    sqlite3_bind_blob(s, at, value.data(), static_cast<int>(value.size()), SQLITE_STATIC);
  }
  sqlite3* db_ = nullptr;
  sqlite3_stmt* put_[tables]{};
  sqlite3_stmt* remove_[tables]{};
  sqlite3_stmt* get_[tables]{};
};

// What no store can beat: the octets of the bodies appended to one file.
class Floor final : public Engine {
 public:
  explicit Floor(const std::string& folder) {
    fs::create_directories(folder);
    file_ = ::open((folder + "/log").c_str(), O_CREAT | O_WRONLY | O_APPEND, 0600);
  }
  ~Floor() override { ::close(file_); }
  void begin() override { octets_.clear(); }
  void put(Table table, const std::string&, const std::string& value) override {
    if (table == bodies) octets_ += value;
  }
  void remove(Table, const std::string&) override {}
  bool get(Table, const std::string&, std::string&) override { return true; }
  void commit() override {
    check(::write(file_, octets_.data(), octets_.size()) == static_cast<ssize_t>(octets_.size()), "write");
    check(::fdatasync(file_) == 0, "sync");
  }

 private:
  int file_;
  std::string octets_;
};

std::unique_ptr<Engine> open(const std::string& name, const std::string& folder) {
  if (name == "rocksdb") return std::make_unique<Rocks>(folder);
  if (name == "lmdb") return std::make_unique<Lmdb>(folder);
  if (name == "sqlite") return std::make_unique<Sqlite>(folder);
  return std::make_unique<Floor>(folder);
}

std::string id_of(std::size_t number, char kind) {
  std::mt19937_64 draw(number * 8 + static_cast<unsigned char>(kind));
  std::string made(24, '\0');
  for (int i = 0; i < 3; ++i) {
    const auto word = draw();
    std::memcpy(made.data() + 8 * i, &word, 8);
  }
  return made;
}

double seconds() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }
double field(const char* file, const std::string& name) {
  std::ifstream in(file);
  std::string word;
  double value = 0;
  while (in >> word) {
    if (word == name) in >> value;
  }
  return value;
}
double disk_mb(const std::string& folder) {
  double sum = 0;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) sum += static_cast<double>(entry.file_size());
  }
  return sum / 1e6;
}
void memory(const char* what, const std::string& folder) {
  std::printf("  %-28s anonymous %6.0f MB, file pages %6.0f MB, folder %7.0f MB\n", what,
              field("/proc/self/status", "RssAnon:") / 1e3, field("/proc/self/status", "RssFile:") / 1e3,
              disk_mb(folder));
}

struct Message {
  std::size_t queue;
  std::string key;
};

void add(Engine& engine, std::mt19937_64& draw, std::size_t number, const std::string& body,
         std::deque<Message>& kept) {
  const auto queue = draw() % queue_count;
  std::string found, record;
  check(engine.get(ids, id_of(queue, 's'), found), "sender id");
  check(engine.get(queues, id_of(queue, 'r'), record), "queue");
  auto key = id_of(queue, 'r') + std::string(8, '\0');
  for (int i = 0; i < 8; ++i) key[24 + i] = static_cast<char>(number >> (56 - 8 * i));
  engine.put(headers, key, std::string(40, 'h'));
  engine.put(bodies, key, body);
  kept.push_back({queue, key});
}
void drop(Engine& engine, std::deque<Message>& kept) {
  engine.remove(headers, kept.front().key);
  engine.remove(bodies, kept.front().key);
  kept.pop_front();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const std::string name = argv[1];
  const std::string folder = argv[2];
  fs::remove_all(folder);
  std::mt19937_64 draw(1);
  std::string body(16'064, '\0');
  for (auto& octet : body) octet = static_cast<char>(draw());
  std::printf("%s\n", name.c_str());
  auto start = seconds();
  {
    auto engine = open(name, folder);
    for (std::size_t i = 0; i < queue_count && name != "floor";) {
      engine->begin();
      for (std::size_t j = 0; j < 10'000; ++j, ++i) {
        engine->put(ids, id_of(i, 's'), id_of(i, 'r'));
        engine->put(queues, id_of(i, 'r'), body.substr(i % 10'000, 170));
      }
      engine->commit();
    }
  }
  std::printf("  1,000,000 queues written in  %.1f s\n", seconds() - start);
  start = seconds();
  auto engine = open(name, folder);
  std::printf("  opened in                    %.3f s\n", seconds() - start);
  memory("after opening", folder);

  std::deque<Message> kept;
  std::size_t number = 0;
  for (const std::size_t group : {1, 8, 64}) {
    const auto written = field("/proc/self/io", "write_bytes:");
    start = seconds();
    std::size_t messages = 0;
    while (seconds() - start < 6) {
      engine->begin();
      for (std::size_t i = 0; i < group; ++i) {
        add(*engine, draw, ++number, body, kept);
        if (kept.size() > 2'000) drop(*engine, kept);
        ++messages;
      }
      engine->commit();
    }
    const auto took = seconds() - start;
    std::printf(
        "  groups of %-2zu                 %6.0f messages/s, %6.0f commits/s, octets written per octet of a body "
        "%.2f\n",
        group, static_cast<double>(messages) / took, static_cast<double>(messages / group) / took,
        (field("/proc/self/io", "write_bytes:") - written) / static_cast<double>(messages * body.size()));
  }
  memory("after this", folder);
  for (const auto* round : {"first", "second"}) {
    for (std::size_t i = 0; i < 40'000;) {
      engine->begin();
      for (std::size_t j = 0; j < 100; ++j, ++i) add(*engine, draw, ++number, body, kept);
      engine->commit();
    }
    memory((std::string(round) + ": 40,000 more").c_str(), folder);
    while (!kept.empty()) {
      engine->begin();
      for (std::size_t j = 0; j < 100 && !kept.empty(); ++j) drop(*engine, kept);
      engine->commit();
    }
    ::sleep(5);
    memory((std::string(round) + ": all removed, 5 s").c_str(), folder);
  }
  start = seconds();
  engine->begin();
  for (int i = 0; i < 20'000; ++i) {
    std::string found;
    (void)engine->get(ids, id_of(draw() % queue_count, 's'), found);
  }
  engine->commit();
  std::printf("  a lookup by sender id        %.1f us\n", (seconds() - start) / 20'000 * 1e6);
  std::fflush(stdout);
}
