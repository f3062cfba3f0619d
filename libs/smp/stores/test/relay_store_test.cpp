#include "simplex/smp/stores/relay_store.hpp"

#include <gmock/gmock.h>
#include <unistd.h>

#include <fstream>
#include <map>

#include "simplex/smp/stores/renames.hpp"

namespace simplex::smp::stores {
namespace {

using ::testing::HasSubstr;
namespace fs = std::filesystem;

const fs::path samples = SIMPLEX_SOURCE_DIR "/tests/samples";

class FixedClock final : public Clock {
 public:
  [[nodiscard]] Instant now() const override { return {}; }
  [[nodiscard]] WallTime wall() const override { return from_seconds_since_epoch(1'795'392'000); }
};

// A durable store for these tests: the files of the relay in a folder of its own.
class FolderBackend final : public server::StoreBackend {
 public:
  explicit FolderBackend(fs::path folder) : folder_(std::move(folder)) { fs::create_directories(folder_); }
  std::unique_ptr<server::Store> shard(std::size_t, std::size_t, async::Loop&) override {
    return std::make_unique<server::MemoryStore>();
  }
  Result<std::vector<server::ServiceRecord>> services() override { return std::vector<server::ServiceRecord>(); }
  server::StoreTotals totals() override {
    const auto messages = server::read_messages(files().messages.value());
    std::uint64_t count = 0;
    for (const auto& queue : messages->queues) count += queue.messages.size();
    return {.queues = server::read_store_log(files().store_log)->queues.size(), .messages = count, .notifiers = 0};
  }
  Result<> close() override { return {}; }
  Result<server::StoreTotals> export_to(server::StateSink& sink, const Progress& progress) override {
    SIMPLEX_ASSIGN(const auto report, read_files(files(), sink, progress));
    return report.read;
  }
  Result<std::unique_ptr<server::StateSink>> import() override { return write_files(files()); }
  Result<> remove(Contents) override { return {}; }

 private:
  [[nodiscard]] RelayFiles files() const { return {folder_ / "queues", folder_ / "messages", {}}; }
  fs::path folder_;
};

class RelayStoreFiles : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("smp_relay_store_test_" + std::to_string(::getpid()));
    fs::remove_all(folder_);
    fs::create_directories(folder_);
    openers_.embedded = [this](EmbeddedSettings settings, Logger&) -> StoreOpeners::Backend {
      if (fail_after_ > 0 && --fail_after_ == 0) return fail(ErrorKind::storage, "the power went");
      return std::make_unique<FolderBackend>(settings.folder);
    };
    openers_.postgres = [this](PostgresSettings, Logger&) -> StoreOpeners::Backend {
      return std::make_unique<FolderBackend>(folder_ / "database");
    };
  }
  void TearDown() override { fs::remove_all(folder_); }

  RelayStores stores(server::StoreKind kind, bool journal = false) {
    RelayStores made{folder_ / "log", {}, openers_, clock_, logger_, {}};
    made.choice.kind = kind;
    made.choice.journal = journal;
    return made;
  }
  void take_sample(const std::string& name) {
    fs::copy(samples / name / "log", folder_ / "log", fs::copy_options::recursive);
  }
  // Everything in the relay's folder.
  std::map<std::string, std::string> content() {
    std::map<std::string, std::string> made;
    for (const auto& entry : fs::recursive_directory_iterator(folder_)) {
      if (!entry.is_regular_file()) continue;
      made[fs::relative(entry.path(), folder_).string()] = std::string(as_text(*server_kit::read_file(entry.path())));
    }
    return made;
  }
  void restore(const std::map<std::string, std::string>& files) {
    fs::remove_all(folder_);
    for (const auto& [name, text] : files) {
      fs::create_directories((folder_ / name).parent_path());
      std::ofstream(folder_ / name, std::ios::binary) << text;
    }
  }
  server::StoreTotals totals_of(const RelayStores& with) {
    auto opened = open_store(with);
    EXPECT_TRUE(opened) << opened.error().message;
    return opened && opened->backend ? opened->backend->totals() : server::StoreTotals();
  }

  fs::path folder_;
  StoreOpeners openers_;
  int fail_after_ = 0;
  FixedClock clock_;
  NullLogger logger_;
};

TEST_F(RelayStoreFiles, TheReferencesFilesAreImportedOnce) {
  for (const auto* sample : {"smp-memory", "smp-journal"}) {
    fs::remove_all(folder_);
    fs::create_directories(folder_);
    take_sample(sample);
    const auto with = stores(server::StoreKind::embedded, true);
    for (int start = 0; start < 2; ++start) {
      const auto totals = totals_of(with);
      EXPECT_EQ(totals.queues, 2u);
      EXPECT_EQ(totals.messages, 3u);
    }
    EXPECT_FALSE(fs::exists(with.store_log()));
    EXPECT_TRUE(fs::exists(with.store_log().string() + ".imported-2026-11-23T00:00:00Z"));
    EXPECT_FALSE(fs::exists(with.journal()));
    EXPECT_FALSE(fs::exists(with.messages()));
  }
}

// Whatever an interrupted import leaves, the next start ends where an uninterrupted one does.
TEST_F(RelayStoreFiles, AnInterruptedImportEndsTheSame) {
  take_sample("smp-journal");
  const auto before = content();
  const auto with = stores(server::StoreKind::embedded, true);
  (void)totals_of(with);
  const auto after = content();

  // The store could not be opened, or only the copy was made.
  for (const int failing : {1, 2}) {
    restore(before);
    fail_after_ = failing;
    EXPECT_FALSE(open_store(with));
    fail_after_ = 0;
    EXPECT_EQ(totals_of(with).messages, 3u);
    EXPECT_EQ(content(), after);
  }
  // Half of a copy.
  restore(before);
  fs::create_directories(folder_ / "log/store.new");
  std::ofstream(folder_ / "log/store.new/queues") << "half of";
  EXPECT_EQ(totals_of(with).messages, 3u);
  EXPECT_EQ(content(), after);

  // The copy is whole, and some of the renames were made.
  const std::string time = ".imported-2026-11-23T00:00:00Z";
  const auto log = (folder_ / "log").string();
  const std::vector<Rename> renames{{log + "/smp-server-store.log", log + "/smp-server-store.log" + time},
                                    {log + "/messages", log + "/messages" + time},
                                    {log + "/store.new", log + "/store"}};
  std::string pending;
  for (const auto& [from, to] : renames) pending += from + "\t" + to + "\n";
  for (std::size_t made = 0; made <= renames.size(); ++made) {
    restore(after);
    for (auto i = made; i < renames.size(); ++i) fs::rename(renames[i].to, renames[i].from);
    std::ofstream(folder_ / "log" / renames_file) << pending << "end\n";
    EXPECT_EQ(totals_of(with).messages, 3u) << made;
    EXPECT_EQ(content(), after) << made;
  }
}

TEST_F(RelayStoreFiles, TwoStatesAreRefusedAndLeftAlone) {
  take_sample("smp-memory");
  const auto with = stores(server::StoreKind::embedded);
  (void)totals_of(with);
  // The reference ran here once more.
  fs::copy(samples / "smp-memory/log/smp-server-store.log", with.store_log());
  const auto before = content();
  const auto both = open_store(with);
  ASSERT_FALSE(both);
  EXPECT_THAT(both.error().message, HasSubstr("two states"));
  const auto memory = open_store(stores(server::StoreKind::memory));
  ASSERT_FALSE(memory);
  EXPECT_THAT(memory.error().message, HasSubstr("smp-server store copy --from embedded --to files"));
  const auto database = open_store(stores(server::StoreKind::database));
  ASSERT_FALSE(database);
  EXPECT_EQ(content(), before);
}

TEST_F(RelayStoreFiles, TheMemoryStoreDoesNotStartBesideAJournal) {
  take_sample("smp-journal");
  const auto opened = open_store(stores(server::StoreKind::memory));
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error().message, HasSubstr("smp-server journal export"));
}

TEST_F(RelayStoreFiles, NoRelayStartsEmptyWhenItsQueuesWereTakenElsewhere) {
  take_sample("smp-memory");
  fs::create_directories(folder_ / "database");
  const auto with = stores(server::StoreKind::database);
  ASSERT_TRUE(copy_store(with, StoreName::files, StoreName::database));
  const auto before = content();
  for (const auto kind : {server::StoreKind::memory, server::StoreKind::embedded}) {
    const auto empty = open_store(stores(kind));
    ASSERT_FALSE(empty);
    EXPECT_THAT(empty.error().message, HasSubstr("smp-server-store.log.imported-2026-11-23T00:00:00Z"));
    EXPECT_THAT(empty.error().message, HasSubstr("smp-server store copy --from database --to "));
    EXPECT_EQ(content(), before);
  }
  EXPECT_EQ(totals_of(with).queues, 2u);
  // A store of its own that was taken elsewhere is no reason to begin anew, either.
  ASSERT_TRUE(copy_store(with, StoreName::database, StoreName::embedded));
  fs::rename(folder_ / "log/store", folder_ / "log/store.exported-2026-11-24T00:00:00Z");
  const auto embedded = open_store(stores(server::StoreKind::embedded));
  ASSERT_FALSE(embedded);
  // Who wants to begin anew, does.
  for (const auto& entry : fs::directory_iterator(folder_ / "log")) {
    if (entry.path().filename().string().find("orted-") == std::string::npos) continue;
    fs::rename(entry.path(), folder_ / entry.path().filename());
  }
  EXPECT_TRUE(open_store(stores(server::StoreKind::memory)));
}

TEST_F(RelayStoreFiles, TheMemoryStoreLeavesTheLockToTheServer) {
  take_sample("smp-memory");
  const auto opened = open_store(stores(server::StoreKind::memory));
  ASSERT_TRUE(opened) << opened.error().message;
  EXPECT_EQ(opened->backend, nullptr);
  EXPECT_TRUE(server_kit::DirectoryLock::take(folder_ / "log"));
}

TEST_F(RelayStoreFiles, ARelayThatRunsKeepsOthersAway) {
  take_sample("smp-memory");
  const auto with = stores(server::StoreKind::embedded);
  const auto running = open_store(with);
  ASSERT_TRUE(running) << running.error().message;
  for (const auto& [from, to] : {std::pair{StoreName::embedded, StoreName::files}}) {
    const auto copied = copy_store(with, from, to);
    ASSERT_FALSE(copied);
    EXPECT_THAT(copied.error().message, HasSubstr("in use"));
  }
  EXPECT_FALSE(open_store(with));
}

TEST_F(RelayStoreFiles, TheStateGoesAroundThroughEveryStore) {
  take_sample("smp-memory");
  const auto with = stores(server::StoreKind::embedded);
  const auto messages = content().at("log/smp-server-messages.log");
  const auto queues = server::read_store_log(with.store_log())->queues.size();
  fs::create_directories(folder_ / "database");
  for (const auto& [from, to] : {std::pair{StoreName::files, StoreName::journal},
                                 {StoreName::journal, StoreName::embedded},
                                 {StoreName::embedded, StoreName::journal},
                                 {StoreName::journal, StoreName::files},
                                 {StoreName::files, StoreName::database},
                                 {StoreName::database, StoreName::embedded},
                                 {StoreName::embedded, StoreName::files}}) {
    const auto copied = copy_store(with, from, to);
    ASSERT_TRUE(copied) << copied.error().message;
    EXPECT_EQ(copied->read.read.queues, queues);
    EXPECT_EQ(copied->read.read.messages, 3u);
    EXPECT_FALSE(copy_store(with, from, from));
  }
  EXPECT_EQ(content().at("log/smp-server-messages.log"), messages);
}

TEST_F(RelayStoreFiles, NothingIsOverwritten) {
  take_sample("smp-memory");
  const auto with = stores(server::StoreKind::embedded);
  fs::create_directories(folder_ / "log/messages");
  const auto journal = copy_store(with, StoreName::files, StoreName::journal);
  ASSERT_FALSE(journal);
  EXPECT_THAT(journal.error().message, HasSubstr("exists already"));
  EXPECT_FALSE(copy_store(with, StoreName::embedded, StoreName::files)) << "there is no such store";
}

TEST_F(RelayStoreFiles, AJournalIsNotLeftBehind) {
  take_sample("smp-journal");
  const auto copied = copy_store(stores(server::StoreKind::embedded), StoreName::files, StoreName::embedded);
  ASSERT_FALSE(copied);
  EXPECT_THAT(copied.error().message, HasSubstr("--from journal"));
  EXPECT_TRUE(fs::exists(folder_ / "log/smp-server-store.log"));
}

TEST_F(RelayStoreFiles, APendingChangeThatIsDamagedIsRefused) {
  take_sample("smp-memory");
  std::ofstream(folder_ / "log" / renames_file) << "a\tb\n";
  EXPECT_FALSE(open_store(stores(server::StoreKind::embedded)));
}

}  // namespace
}  // namespace simplex::smp::stores
