// The agent's database as a file: copies, imports, another passphrase.
#include <gtest/gtest.h>

#include <filesystem>

#include "simplex/agent/agent.hpp"
#include "desk.hpp"

namespace simplex::agent {
namespace {

namespace fs = std::filesystem;

SecretBytes secret(std::string_view text) { return SecretBytes(as_bytes(text)); }

class DatabaseCopiesTest : public ::testing::Test {
 protected:
  DatabaseCopiesTest() {
    std::string name = fs::temp_directory_path() / "simplex-test-XXXXXX";
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  ~DatabaseCopiesTest() override {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }
  [[nodiscard]] fs::path at(std::string_view name) const { return folder_ / name; }

  Result<std::unique_ptr<Agent>> open(std::string_view name, std::string_view passphrase) {
    Config config;
    config.database = at(name);
    config.passphrase = secret(passphrase);
    config.servers = {relay_address};
    return Agent::open({loop_, random_, log_, network_}, std::move(config));
  }
  // With a user and an invitation.
  std::unique_ptr<Agent> filled(std::string_view name, std::string_view passphrase) {
    auto agent = open(name, passphrase);
    EXPECT_TRUE(agent && (*agent)->create_connection(*(*agent)->create_user(), true) && (*agent)->flush());
    return std::move(*agent);
  }
  Result<> copied(const std::function<Result<>(Agent::Done)>& copy) {
    std::optional<Result<>> outcome;
    const auto begun = copy([&](Result<> done) { outcome = std::move(done); });
    EXPECT_FALSE(outcome) << "not inside of the call";
    if (!begun) return begun;
    loop_.run();
    EXPECT_TRUE(outcome);
    return outcome.value_or(Result<>());
  }
  // How often an agent that opens it says that it is an old copy.
  std::ptrdiff_t times_restored(std::string_view name, std::string_view passphrase) {
    auto agent = open(name, passphrase);
    EXPECT_TRUE(agent) << agent.error().message;
    if (!agent) return -1;
    std::ptrdiff_t times = 0;
    (*agent)->start([&](const Event& event) {
      if (!std::holds_alternative<DatabaseRestored>(event.body)) return;
      ++times;
      (*agent)->handled(*event.id);
    });
    loop_.run();
    (*agent)->stop();
    return times;
  }
  Result<> import(std::string_view file, std::string_view file_passphrase, std::string_view passphrase) {
    return Agent::import_database({.file = at(file),
                                   .file_passphrase = secret(file_passphrase),
                                   .database = at("agent.db"),
                                   .passphrase = secret(passphrase)},
                                  loop_);
  }

  fs::path folder_;
  ByHandLoop loop_;
  testing::SeededRandom random_{1};
  NullLogger log_;
  NoNetwork network_;
};

TEST_F(DatabaseCopiesTest, ABackupIsMadeWhileTheAgentWorksAndIsKnownForOne) {
  auto agent = filled("agent.db", "secret");
  ASSERT_TRUE(copied([&](Agent::Done done) {
    auto begun = agent->back_up(at("backup.db"), std::move(done));
    EXPECT_TRUE(agent->create_user());  // in a turn that is still open
    return begun;
  }));
  agent.reset();
  EXPECT_EQ(open("backup.db", "wrong").error().kind, ErrorKind::authentication);
  EXPECT_EQ((*open("agent.db", "secret"))->users()->size(), 2u);
  EXPECT_EQ(times_restored("agent.db", "secret"), 0);
  EXPECT_EQ(times_restored("backup.db", "secret"), 1);
  EXPECT_EQ(times_restored("backup.db", "secret"), 0) << "once";
}

TEST_F(DatabaseCopiesTest, AnExportHasAPassphraseOfItsOwnAndIsPlainOnlyWhenAsked) {
  const auto agent = filled("agent.db", "secret");
  EXPECT_EQ(agent->export_database(at("no"), secret(""), [](Result<>) {}).error().kind, ErrorKind::authentication);
  ASSERT_TRUE(
      copied([&](Agent::Done done) { return agent->export_database(at("1"), secret("other"), std::move(done)); }));
  ASSERT_TRUE(
      copied([&](Agent::Done done) { return agent->export_database(at("2"), NotEncrypted{}, std::move(done)); }));
  EXPECT_EQ(times_restored("1", "other"), 1);
  EXPECT_EQ(times_restored("2", ""), 1);
  const auto refused =
      copied([&](Agent::Done done) { return agent->back_up(at("no folder") / "backup.db", std::move(done)); });
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::not_found);
  EXPECT_FALSE(fs::exists(at("no")));
}

TEST_F(DatabaseCopiesTest, AnImportIsCheckedAndTheDatabaseBeforeItIsKeptForARun) {
  {
    const auto agent = filled("agent.db", "secret");
    ASSERT_TRUE(
        copied([&](Agent::Done done) { return agent->export_database(at("copy"), secret("c"), std::move(done)); }));
    ASSERT_TRUE(agent->create_user() && agent->flush());
    EXPECT_EQ(import("copy", "c", "new").error().kind, ErrorKind::conflict);
  }
  EXPECT_EQ(import("copy", "wrong", "new").error().kind, ErrorKind::authentication);
  {
    (void)filled("future", "f");
    auto database = store::Database::open({.path = at("future"), .passphrase = secret("f")});
    ASSERT_TRUE(
        database->run("INSERT INTO schema_migrations (number, name, down, applied_at) VALUES (99, 'of the future', "
                      "'', 0)"));
  }
  EXPECT_EQ(import("future", "f", "new").error().kind, ErrorKind::version);
  {
    ASSERT_TRUE(store::Database::open({.path = at("empty"), .passphrase = secret("e")}));
  }
  EXPECT_EQ(import("empty", "e", "new").error().kind, ErrorKind::malformed);
  EXPECT_EQ((*open("agent.db", "secret"))->users()->size(), 2u) << "what fails changes nothing";

  ASSERT_TRUE(import("copy", "c", "new"));
  EXPECT_TRUE(fs::exists(at("agent.db.before-import")));
  EXPECT_EQ(times_restored("agent.db", "new"), 1);
  EXPECT_TRUE(fs::exists(at("agent.db.before-import")));
  EXPECT_EQ((*open("agent.db", "new"))->users()->size(), 1u);
  EXPECT_FALSE(fs::exists(at("agent.db.before-import")));
}

// The file comes from somebody else. What it would do by itself never ends.
TEST_F(DatabaseCopiesTest, AnImportDoesNothingByItself) {
  const std::string endless = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
  int number = 0;
  for (const auto& sql : std::vector<std::string>{
           "CREATE TRIGGER work AFTER UPDATE ON lineage BEGIN SELECT (" + endless + "); END",
           "CREATE TRIGGER work AFTER INSERT ON users BEGIN DELETE FROM events; END",
           "ALTER TABLE users RENAME TO others; CREATE VIEW users AS " + endless, "CREATE VIEW users_2 AS SELECT 1"}) {
    const auto name = "hostile" + std::to_string(++number);
    (void)filled(name, "h");
    {
      auto database = store::Database::open({.path = at(name), .passphrase = secret("h")});
      ASSERT_TRUE(database && database->execute(sql)) << sql;
    }
    const auto imported = import(name, "h", "new");
    ASSERT_FALSE(imported) << sql;
    EXPECT_EQ(imported.error().kind, ErrorKind::malformed);
    EXPECT_FALSE(fs::exists(at("agent.db")));
  }
}

TEST_F(DatabaseCopiesTest, AnImportedCountAtItsEndIsNoCount) {
  for (const auto* count : {"9223372036854775807", "-9223372036854775808"}) {
    fs::remove(at("agent.db"));
    fs::remove(at("agent.db.generation"));
    (void)filled("far", "f");
    {
      auto database = store::Database::open({.path = at("far"), .passphrase = secret("f")});
      ASSERT_TRUE(database && database->execute("UPDATE lineage SET generation = " + std::string(count)));
    }
    ASSERT_TRUE(import("far", "f", "new"));
    EXPECT_EQ(times_restored("agent.db", "new"), 1);
    EXPECT_EQ(times_restored("agent.db", "new"), 0);
    fs::remove(at("far"));
    fs::remove(at("far.generation"));
  }
}

TEST_F(DatabaseCopiesTest, ThePassphraseIsChangedAndBackupsHaveTheNewOne) {
  {
    const auto agent = filled("agent.db", "old");
    EXPECT_EQ(agent->change_passphrase(secret("")).error().kind, ErrorKind::conflict);
    ASSERT_TRUE(agent->back_up(at("backup.db"), [](Result<>) {}));
    EXPECT_EQ(agent->change_passphrase(secret("new")).error().kind, ErrorKind::conflict) << "while a copy is made";
    loop_.run();
    ASSERT_TRUE(agent->change_passphrase(secret("new")));
    ASSERT_TRUE(agent->create_user() && agent->flush());
    ASSERT_TRUE(copied([&](Agent::Done done) { return agent->back_up(at("later.db"), std::move(done)); }));
  }
  EXPECT_EQ(open("agent.db", "old").error().kind, ErrorKind::authentication);
  EXPECT_EQ(times_restored("agent.db", "new"), 0);
  EXPECT_EQ(times_restored("backup.db", "old"), 1);
  EXPECT_EQ(times_restored("later.db", "new"), 1);
}

TEST_F(DatabaseCopiesTest, OneThatWasBegunWhenTheAgentEndsLeavesNothing) {
  {
    const auto agent = filled("agent.db", "secret");
    ASSERT_TRUE(agent->back_up(at("backup.db"), [](Result<>) { ADD_FAILURE() << "it is not made"; }));
  }
  loop_.run();
  EXPECT_FALSE(fs::exists(at("backup.db")));
  EXPECT_FALSE(fs::exists(at("backup.db.part")));
}

TEST_F(DatabaseCopiesTest, AnEmptyDatabaseIsNoOldCopy) {
  {
    ASSERT_TRUE(open("agent.db", "secret"));
  }
  fs::remove(at("agent.db"));
  EXPECT_EQ(times_restored("agent.db", "secret"), 0) << "a new one beside the note of another";
  {
    (void)filled("agent.db", "secret");
  }
  EXPECT_EQ(times_restored("agent.db", "secret"), 0);
  fs::remove(at("agent.db.generation"));
  EXPECT_EQ(times_restored("agent.db", "secret"), 1) << "alone, as one that was brought from elsewhere";
}

}  // namespace
}  // namespace simplex::agent
