// smp-server with PostgreSQL, as its operator types it; the database is a real one.
#include "simplex/testing/postgres_server.hpp"
#include "operator.hpp"

namespace simplex::end_to_end {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

testing::PostgresServer& postgres() {
  static testing::PostgresServer server;
  return server;
}

class DatabaseTest : public OperatorTest {
 protected:
  Ran init_with_database(const std::string& connection = postgres().connection()) {
    return run({"init", "-y", "--no-password", "-n", "127.0.0.1", "--port", std::to_string(free_port()), "--store",
                "database", "-d", connection});
  }
  void set_up_with_sample() {
    init();
    use_memory_sample();
  }
  // What psql prints.
  std::string sql(const std::string& text) {
    Process psql(postgres().programs() / "psql",
                 {"-d", postgres().connection(), "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-c", text});
    EXPECT_EQ(psql.wait(), 0) << psql.transcript();
    return psql.lines().empty() ? std::string() : psql.lines().front();
  }
  void TearDown() override { sql("DROP SCHEMA IF EXISTS smp_server CASCADE"); }
  [[nodiscard]] std::vector<std::string> with_database(std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"-d", postgres().connection(), "-y"});
    return arguments;
  }
  const std::vector<std::string> start_ = {"start", "-m",
                                           "--set", "STORE_LOG.store_queues=database",
                                           "--set", "STORE_LOG.store_messages=database",
                                           "--set", "STORE_LOG.db_connection=" + postgres().connection()};
};

TEST_F(DatabaseTest, InitMakesTheSchemaAndStartUsesIt) {
  const auto made = init_with_database();
  ASSERT_EQ(made.code, 0) << made.text;
  EXPECT_THAT(made.text, HasSubstr("kept in PostgreSQL, schema smp_server"));
  EXPECT_EQ(sql("SELECT count(*) FROM smp_server.msg_queues"), "0");
  const auto started = run({"start", "-m"});
  EXPECT_EQ(started.code, 0) << started.text;
  EXPECT_THAT(started.text, HasSubstr("Queues: 0, undelivered messages: 0"));
}

TEST_F(DatabaseTest, InitWritesNothingWhenTheDatabaseDoesNotAnswer) {
  const auto made = init_with_database("host=/nowhere dbname=smp password=sesame");
  EXPECT_EQ(made.code, 1);
  EXPECT_THAT(made.text, AllOf(HasSubstr("smp-server: the database:"), Not(HasSubstr("sesame"))));
  EXPECT_FALSE(fs::exists(stage_.folder() / "etc/smp-server.ini"));
  EXPECT_FALSE(fs::exists(stage_.folder() / "etc/ca.key"));
}

TEST_F(DatabaseTest, InitRefusesADatabaseThatKeepsNothing) {
  const auto both = run({"init", "-y", "--store", "database", "--disable-store-log"});
  EXPECT_EQ(both.code, 2);
  EXPECT_THAT(both.text, HasSubstr("--disable-store-log keeps nothing"));
  EXPECT_EQ(run({"init", "-y", "--store-log", "--disable-store-log"}).code, 2);
  EXPECT_FALSE(fs::exists(stage_.folder() / "etc/smp-server.ini"));
}

TEST_F(DatabaseTest, StartWithoutTablesSaysTheCommandThatMakesThem) {
  init();
  const auto missing = run(start_);
  EXPECT_EQ(missing.code, 1);
  EXPECT_THAT(missing.text,
              AllOf(HasSubstr("there is no schema \"smp_server\""), HasSubstr("smp-server database import")));
  sql("CREATE SCHEMA smp_server");
  const auto empty = run(start_);
  EXPECT_EQ(empty.code, 1);
  EXPECT_THAT(empty.text, AllOf(HasSubstr("there are no tables"), HasSubstr("smp-server database import")));
  const auto made = run(with_database({"database", "import"}));
  EXPECT_EQ(made.code, 0) << made.text;
  EXPECT_THAT(made.text, AllOf(HasSubstr("nothing to import"), HasSubstr("Set store_queues = database")));
  EXPECT_EQ(run(start_).code, 0);
}

TEST_F(DatabaseTest, MigrationsAreConfirmedAsTheOperatorSays) {
  init();
  ASSERT_EQ(run(with_database({"database", "import"})).code, 0);
  sql("INSERT INTO smp_server.migrations (name, ts, down) VALUES ('20300101_later', now(), 'CREATE TABLE gone ()')");
  auto up = start_;
  up.insert(up.end(), {"--confirm-migrations", "up"});
  for (const auto& arguments : {start_, up}) {
    const auto refused = run(arguments);
    EXPECT_EQ(refused.code, 1);
    EXPECT_THAT(refused.text, AllOf(HasSubstr("20300101_later"), HasSubstr("--confirm-migrations down")));
  }
  auto down = start_;
  down.insert(down.end(), {"--confirm-migrations", "down"});
  const auto taken_back = run(down);
  EXPECT_EQ(taken_back.code, 0) << taken_back.text;
  EXPECT_EQ(sql("SELECT count(*) FROM smp_server.gone"), "0");
  EXPECT_EQ(sql("SELECT count(*) FROM smp_server.migrations"), "6");

  sql("DROP SCHEMA smp_server CASCADE; CREATE SCHEMA smp_server");
  const auto new_tables = run(up);
  EXPECT_EQ(new_tables.code, 0) << new_tables.text;
  EXPECT_EQ(run({"start", "-m", "--confirm-migrations", "sideways"}).code, 2);
}

TEST_F(DatabaseTest, QueuesAndMessagesGoThereAndBack) {
  set_up_with_sample();
  const auto messages = file("log/smp-server-messages.log");
  const auto declined = run({"database", "import", "-d", postgres().connection()}, {"n"});
  EXPECT_EQ(declined.code, 1);
  EXPECT_THAT(declined.text, AllOf(HasSubstr("WARNING: "), HasSubstr("schema smp_server")));
  const auto imported = run({"database", "import", "-d", postgres().connection()}, {"Y"});
  EXPECT_EQ(imported.code, 0) << imported.text;
  EXPECT_THAT(imported.text, AllOf(HasSubstr("2 queues, 3 messages"), HasSubstr("Set store_queues = database")));
  EXPECT_FALSE(fs::exists(stage_.folder() / "log/smp-server-store.log"));
  const auto started = run(start_);
  EXPECT_EQ(started.code, 0) << started.text;
  EXPECT_THAT(started.text, HasSubstr("Queues: 2, undelivered messages: 3"));
  EXPECT_THAT(run({"database", "import"}).text, Not(HasSubstr("Import completed")));

  const auto exported = run(with_database({"database", "export"}));
  EXPECT_EQ(exported.code, 0) << exported.text;
  EXPECT_TRUE(file("log/smp-server-messages.log") == messages);
  const auto again = run(with_database({"database", "export"}));
  EXPECT_EQ(again.code, 1);
  EXPECT_THAT(again.text, HasSubstr("exists already"));
  const auto twice = run(with_database({"database", "import"}));
  EXPECT_EQ(twice.code, 1);
  EXPECT_THAT(twice.text, HasSubstr("smp-server database delete"));
  EXPECT_TRUE(file("log/smp-server-messages.log") == messages);

  const auto deleted = run(with_database({"database", "delete"}));
  EXPECT_EQ(deleted.code, 0) << deleted.text;
  EXPECT_EQ(sql("SELECT count(*) FROM smp_server.msg_queues"), "0");
  EXPECT_EQ(sql("SELECT count(*) FROM smp_server.messages"), "0");
}

TEST_F(DatabaseTest, OneTableAtATime) {
  set_up_with_sample();
  const auto messages = file("log/smp-server-messages.log");
  const auto early = run(with_database({"database", "import", "--table", "messages"}));
  EXPECT_EQ(early.code, 1);
  EXPECT_THAT(early.text, HasSubstr("there is no schema"));
  const auto queues = run(with_database({"database", "import", "--table", "queues"}));
  EXPECT_EQ(queues.code, 0) << queues.text;
  EXPECT_THAT(queues.text, HasSubstr("2 queues, 0 messages"));
  const auto imported = run(with_database({"database", "--table", "messages", "import"}));
  EXPECT_EQ(imported.code, 0) << imported.text;
  EXPECT_EQ(sql("SELECT count(*) FROM smp_server.messages"), "3");

  EXPECT_EQ(run(with_database({"database", "export", "--table", "queues"})).code, 0);
  EXPECT_EQ(run(with_database({"database", "export", "--table", "messages"})).code, 0);
  EXPECT_TRUE(file("log/smp-server-messages.log") == messages);
  EXPECT_THAT(file("log/smp-server-store.log"), HasSubstr("CREATE rid="));

  const auto refused = run(with_database({"database", "delete", "--table", "queues"}));
  EXPECT_EQ(refused.code, 1);
  EXPECT_THAT(refused.text, HasSubstr("have messages"));
  EXPECT_EQ(run(with_database({"database", "delete", "--table", "messages"})).code, 0);
  EXPECT_EQ(sql("SELECT count(*) FROM smp_server.msg_queues"), "2");
  EXPECT_EQ(run(with_database({"database", "delete", "--table", "queues"})).code, 0);
  EXPECT_EQ(sql("SELECT count(*) FROM smp_server.msg_queues"), "0");
}

// Queues in the database, messages in files: the reference's other way.
TEST_F(DatabaseTest, TheJournalOfARelayWhoseQueuesAreInTheDatabase) {
  ASSERT_EQ(init_with_database().code, 0);
  use_memory_sample();
  const auto messages = file("log/smp-server-messages.log");
  ASSERT_EQ(run({"database", "import", "--table", "queues", "-y"}).code, 0);
  const auto imported = run({"journal", "import"}, {"y"});
  EXPECT_EQ(imported.code, 0) << imported.text;
  EXPECT_THAT(imported.text, AllOf(HasSubstr("3 messages"), HasSubstr("store_messages = journal")));
  EXPECT_FALSE(fs::exists(stage_.folder() / "log/smp-server-messages.log"));
  const auto exported = run({"journal", "export", "-y"});
  EXPECT_EQ(exported.code, 0) << exported.text;
  EXPECT_THAT(exported.text, HasSubstr("smp-server database import --table messages"));
  EXPECT_TRUE(file("log/smp-server-messages.log") == messages);
  EXPECT_EQ(run({"journal", "delete", "-y"}).code, 1) << "it was set aside";

  ASSERT_EQ(run({"journal", "import", "-y"}).code, 0);
  const auto started = run({"start", "-m", "--set", "STORE_LOG.store_messages=journal"});
  EXPECT_EQ(started.code, 0) << started.text;
  EXPECT_EQ(sql("SELECT count(*) FROM smp_server.messages"), "3");
  EXPECT_FALSE(fs::exists(stage_.folder() / "log/messages"));
}

}  // namespace
}  // namespace simplex::end_to_end
