// The agent without a network: what it says at once, what it keeps, what it repeats.
#include "simplex/agent/agent.hpp"

#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <set>

#include "desk.hpp"

namespace simplex::agent {
namespace {

class AgentTest : public ::testing::Test {
 protected:
  AgentTest() {
    std::string name = std::filesystem::temp_directory_path() / "simplex-test-XXXXXX";
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  ~AgentTest() override {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  Result<std::unique_ptr<Agent>> open(std::string_view passphrase = {},
                                      std::vector<std::string> servers = {relay_address}) {
    Config config;
    config.database = folder_ / "agent.db";
    config.passphrase = SecretBytes(as_bytes(passphrase));
    config.servers = std::move(servers);
    return Agent::open({loop_, random_, log_, network_}, std::move(config));
  }
  std::unique_ptr<Agent> started() {
    auto agent = open();
    EXPECT_TRUE(agent) << agent.error().message;
    (*agent)->start([this](const Event& event) { events_.push_back(event); });
    loop_.run();
    return std::move(*agent);
  }
  std::string link(Versions versions = {}) {
    Desk other{77, versions};
    return protocol::format(other.invite());
  }

  std::filesystem::path folder_;
  ByHandLoop loop_;
  testing::SeededRandom random_{1};
  NullLogger log_;
  NoNetwork network_;
  std::vector<Event> events_;
};

TEST_F(AgentTest, OpensOnlyWithItsPassphrase) {
  {
    ASSERT_TRUE(open("secret"));
  }
  EXPECT_EQ(open("wrong").error().kind, ErrorKind::authentication);
  EXPECT_EQ(open("").error().kind, ErrorKind::authentication);
  EXPECT_TRUE(open("secret"));
}

TEST_F(AgentTest, OneDatabaseHasOneAgent) {
  const auto first = open();
  ASSERT_TRUE(first);
  const auto second = open();
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind, ErrorKind::conflict);
}

TEST_F(AgentTest, OnlyItsOwnerReadsItsFiles) {
  const auto before = ::umask(0);
  {
    auto agent = started();
    ASSERT_TRUE(agent->create_user());
    ASSERT_TRUE(agent->flush());
    std::set<std::string> files;
    for (const auto& file : std::filesystem::directory_iterator(folder_)) {
      struct stat status{};
      ASSERT_EQ(::stat(file.path().c_str(), &status), 0);
      EXPECT_EQ(status.st_mode & 0777, 0600U) << file.path();
      files.insert(file.path().filename());
    }
    EXPECT_TRUE(files.contains("agent.db") && files.contains("agent.db-wal") && files.contains("agent.db.generation"));
  }
  ::umask(before);
}

TEST_F(AgentTest, RefusesADatabaseOfANewerProgram) {
  {
    ASSERT_TRUE(open());
  }
  {
    auto database = store::Database::open({.path = folder_ / "agent.db", .passphrase = SecretBytes()});
    ASSERT_TRUE(database && database->run("INSERT INTO schema_migrations (number, name, down, applied_at) "
                                          "VALUES (?, ?, ?, ?)",
                                          99, "of the future", "", 0));
  }
  const auto opened = open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind, ErrorKind::version);
  EXPECT_NE(opened.error().message.find("newer version"), std::string::npos);
}

TEST_F(AgentTest, RefusesAFileThatIsNoDatabaseAndABadRelayAddress) {
  EXPECT_EQ(open({}, {"smp://nonsense"}).error().kind, ErrorKind::malformed);
  EXPECT_EQ(open({}, {"xftp://AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=@files.example"}).error().kind,
            ErrorKind::malformed);
  EXPECT_NE(open({}, {"smp://AAAA@relay.example"}).error().message.find("whole fingerprint"), std::string::npos);
  std::ofstream(folder_ / "agent.db") << "not a database";
  EXPECT_EQ(open().error().kind, ErrorKind::malformed);
}

TEST_F(AgentTest, TheSchemaGoesDownAgain) {
  auto database = store::Database::open({.path = ":memory:", .passphrase = SecretBytes()});
  ASSERT_TRUE(database && store::migrate(*database, agent_migrations(), loop_));
  ASSERT_TRUE(store::migrate_down(*database, 0));
  auto left = database->prepare("SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'");
  ASSERT_TRUE(left && *left->step());
  EXPECT_EQ(left->integer(0), 1);  // the table of migrations
}

TEST_F(AgentTest, ConnectionsSurviveARestart) {
  const ConnectionId chosen{{9}};
  UserId user;
  {
    auto agent = started();
    user = *agent->create_user();
    EXPECT_EQ(*agent->create_connection(user, true, chosen), chosen);
    EXPECT_EQ(*agent->create_connection(user, true, chosen), chosen);
    EXPECT_TRUE(agent->create_connection(user, false));
    EXPECT_EQ(agent->create_connection(UserId(99), true).error().kind, ErrorKind::not_found);
  }
  auto agent = started();
  EXPECT_EQ(agent->users()->size(), 1u);
  const auto connections = *agent->connections(user);
  ASSERT_EQ(connections.size(), 2u);
  EXPECT_EQ(connections.front(), chosen);
  const auto state = agent->connection_state(chosen);
  ASSERT_TRUE(state);
  EXPECT_FALSE(state->connected);
  EXPECT_TRUE(state->pq_support);
  EXPECT_EQ(agent->send_message(chosen, as_bytes("too early")).error().kind, ErrorKind::conflict);
}

TEST_F(AgentTest, SaysAtOnceWhatIsWrongWithALink) {
  auto agent = started();
  const auto user = *agent->create_user();
  const auto join = [&](std::string_view text, std::size_t info = 10) {
    return agent->join_connection(user, text, Bytes(info, 'x'), true);
  };
  EXPECT_EQ(join("simplex:/invitation#/?junk").error().kind, ErrorKind::malformed);
  Versions future;
  future.agent = {AgentVersion(40), AgentVersion(50)};
  const auto too_new = join(link(future));
  ASSERT_FALSE(too_new);
  EXPECT_EQ(too_new.error().kind, ErrorKind::version);
  EXPECT_EQ(too_new.error().advice, Advice::ask_user);
  EXPECT_EQ(join(link(), 15'000).error().kind, ErrorKind::limit);
  EXPECT_EQ(join("https://relay.example/i#abc").error().kind, ErrorKind::malformed);
  EXPECT_TRUE(agent->connections(user)->empty());
  EXPECT_TRUE(join(link()));
}

TEST_F(AgentTest, WithoutARelayThereIsNoInvitation) {
  auto agent = open({}, {});
  ASSERT_TRUE(agent);
  const auto user = *(*agent)->create_user();
  const auto refused = (*agent)->create_connection(user, true);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("relay"), std::string::npos);
}

TEST_F(AgentTest, AnEventRepeatsAfterARestartUntilItIsHandled) {
  ConnectionId id;
  {
    auto agent = started();
    id = *agent->create_connection(*agent->create_user(), true);
    ASSERT_TRUE(agent->delete_connection(id));
    ASSERT_TRUE(agent->delete_connection(id));
    EXPECT_TRUE(events_.empty());  // not inside the call
    loop_.run();
    ASSERT_EQ(events_.size(), 1u);
    EXPECT_EQ(agent->connection_state(id).error().kind, ErrorKind::not_found);
  }
  const auto first = std::exchange(events_, {}).front();
  {
    auto agent = started();
    ASSERT_EQ(events_.size(), 1u);
    EXPECT_EQ(events_.front().id, first.id);
    EXPECT_EQ(std::get<ConnectionDeleted>(events_.front().body).connection, id);
    agent->handled(*first.id);
  }
  events_.clear();
  auto agent = started();
  EXPECT_TRUE(events_.empty());
}

// While it lives, no file grows beyond the size: what a full disk looks like to the database.
class FullDisk {
 public:
  explicit FullDisk(std::uintmax_t size) {
    std::signal(SIGXFSZ, SIG_IGN);
    EXPECT_EQ(::getrlimit(RLIMIT_FSIZE, &before_), 0);
    const rlimit small{.rlim_cur = size, .rlim_max = before_.rlim_max};
    EXPECT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  }
  ~FullDisk() { ::setrlimit(RLIMIT_FSIZE, &before_); }
  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;

 private:
  rlimit before_{};
};

TEST_F(AgentTest, AFullDiskIsSaidAndWorkGoesOnAfterIt) {
  UserId user;
  ConnectionId kept;
  {
    auto agent = started();
    user = *agent->create_user();
    kept = *agent->create_connection(user, true);
    ASSERT_TRUE(agent->flush());
    {
      const FullDisk full(std::filesystem::file_size(folder_ / "agent.db-wal"));
      (void)agent->create_connection(user, true);
      const auto done = agent->flush();
      ASSERT_FALSE(done);
      EXPECT_EQ(done.error().kind, ErrorKind::storage);
      loop_.run();
      ASSERT_FALSE(events_.empty());
      EXPECT_EQ(std::get<AgentProblem>(events_.back().body).failure, Failure::storage);
      loop_.pass(std::chrono::minutes(1));
    }
    loop_.pass(std::chrono::minutes(1));
    EXPECT_EQ(agent->connections(user)->size(), 1u);
    ASSERT_TRUE(agent->create_connection(user, true));
    EXPECT_TRUE(agent->flush());
  }
  auto agent = started();
  EXPECT_EQ(agent->connections(user)->size(), 2u);
  EXPECT_EQ(agent->connections(user)->front(), kept);
}

TEST_F(AgentTest, AnEventMayStopTheAgent) {
  auto agent = open();
  ASSERT_TRUE(agent);
  int told = 0;
  (*agent)->start([&](const Event&) {
    ++told;
    (*agent)->stop();
  });
  const auto user = *(*agent)->create_user();
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE((*agent)->delete_connection(*(*agent)->create_connection(user, true)));
  }
  loop_.run();
  EXPECT_EQ(told, 1);
}

}  // namespace
}  // namespace simplex::agent
