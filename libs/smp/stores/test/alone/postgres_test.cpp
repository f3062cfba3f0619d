// What is particular to the PostgreSQL store: the reference's tables, batches, and a database that is slow or gone.
#include "simplex/crypto/key_encoding.hpp"
#include "postgres/backend.hpp"
#include "postgres_place.hpp"

namespace simplex::smp::stores {
namespace {

using namespace server;
using server::RecipientId;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

class Postgres : public ::testing::Test {
 protected:
  void open(std::size_t shards = 1) {
    auto opened = postgres::Backend::open(settings_, logger_);
    if (!opened) {
      ADD_FAILURE() << opened.error().message;
      std::abort();  // no test goes on without a store
    }
    backend_ = opened->get();
    run_ = std::make_unique<StoreRun>(std::move(*opened), shards);
  }
  void close() {
    EXPECT_TRUE(run_->close());
    run_.reset();
  }
  [[nodiscard]] std::string refusal() {
    const auto opened = open_postgres(settings_, logger_);
    return opened ? "it was opened" : opened.error().message;
  }
  QueueRecord created(QueueRecord queue) {
    const auto made = run_->create(queue);
    EXPECT_TRUE(made) << made.error().message;
    return queue;
  }
  std::vector<std::string> messages(const RecipientId& queue) {
    const auto found = run_->load_messages(queue, 100'000'000);
    return found ? texts_of(*found) : std::vector{found.error().message};
  }
  // Runs until the lanes have a connection again.
  void await_database(const RecipientId& queue) {
    while (!run_->load(queue)) {
    }
  }
  std::int64_t number(const std::string& sql) { return cluster_.number(settings_.schema, sql); }
  void sql(const std::string& text) { cluster_.run(settings_.schema, text); }
  std::size_t logged(const std::string& what) {
    const auto lines = logger_.lines();
    return static_cast<std::size_t>(
        std::ranges::count_if(lines, [&](const std::string& line) { return line.find(what) != std::string::npos; }));
  }

  Cluster& cluster_ = Cluster::instance();
  testing::SeededRandom random_{5};
  LoggedLines logger_;
  PostgresSettings settings_ = PostgresPlace().settings(0);
  std::unique_ptr<StoreRun> run_;
  postgres::Backend* backend_ = nullptr;
};

// ---- batches

TEST_F(Postgres, ATurnOfManySendsTakesOneRoundTrip) {
  open();
  std::vector<RecipientId> queues;
  for (int i = 0; i < 10; ++i) queues.push_back(created(make_queue(random_)).recipient_id);
  const auto before = backend_->traffic().round_trips.load();
  std::vector<std::future<Result<>>> done;
  run_->turn(0, [&](Turn& turn) {
    for (std::uint64_t i = 0; i < 100; ++i) {
      done.push_back(turn.add(queues[i % 10], make_message(random_, 1 + i / 10, 16'000)));
    }
  });
  for (auto& one : done) EXPECT_TRUE(await(std::move(one)));
  EXPECT_EQ(backend_->traffic().round_trips - before, 1U);
  EXPECT_EQ(number("SELECT count(*) FROM messages"), 100);
  EXPECT_EQ(number("SELECT sum(msg_queue_size) FROM msg_queues"), 100);
}

TEST_F(Postgres, AStatementThatFailsSpoilsNoOtherOfItsBatch) {
  open();
  const auto queue = created(make_queue(random_)).recipient_id;
  sql("ALTER TABLE messages ADD CONSTRAINT no_seven CHECK (octet_length(msg_body) <> 7)");
  for (int round = 0; round < 2; ++round) {
    std::vector<std::future<Result<>>> done;
    std::future<Result<std::vector<MessagePtr>>> seen;
    run_->turn(0, [&](Turn& turn) {
      for (std::uint64_t i = 0; i < 20; ++i) done.push_back(turn.add(queue, make_message(random_, i + 1, i)));
      seen = turn.load_messages(queue, 100'000);
    });
    for (std::size_t i = 0; i < done.size(); ++i) {
      const auto result = await(std::move(done[i]));
      EXPECT_EQ(result.has_value(), i != 7) << i;
      if (!result) {
        EXPECT_EQ(result.error().kind, ErrorKind::storage);
        EXPECT_THAT(result.error().message, HasSubstr("no_seven"));
      }
    }
    EXPECT_THAT(await(std::move(seen)).value(), SizeIs(19 * (round + 1)));
  }
  EXPECT_EQ(number("SELECT msg_queue_size FROM msg_queues"), 38);
  EXPECT_EQ(logged("no_seven"), 1U) << "said once, not for each command";
}

// ---- a database that is gone, or does not answer

TEST_F(Postgres, ARestartOfTheDatabaseIsWaitedFor) {
  settings_.operation_timeout = std::chrono::seconds(50);
  open(2);
  std::vector<RecipientId> queues;
  for (int i = 0; i < 6; ++i) queues.push_back(created(make_queue(random_)).recipient_id);
  cluster_.crash();
  std::map<RecipientId, std::vector<std::string>> expected;
  std::vector<std::future<Result<>>> done;
  for (std::uint64_t round = 1; round <= 5; ++round) {
    for (const auto& queue : queues) {
      run_->turn(run_->shard_of(queue), [&](Turn& turn) {
        const auto message = make_message(random_, round, 500);
        expected[queue].push_back(text_of(*message));
        done.push_back(turn.add(queue, message));
      });
    }
  }
  cluster_.start();
  for (auto& one : done) {
    const auto result = await(std::move(one));
    EXPECT_TRUE(result) << result.error().message;
  }
  for (const auto& queue : queues) EXPECT_EQ(messages(queue), expected[queue]);
  EXPECT_LE(logged("trying again until it is back"), 1U);
  EXPECT_EQ(run_->backend().totals().messages, 30U);
  EXPECT_EQ(number("SELECT count(*) FROM messages"), 30);
}

// The database dies in the middle of many batches; what was acknowledged is there once, in its order, and what was not
// is there once when it was done after all.
TEST_F(Postgres, CrashesInTheMiddleLoseNothingAndDoubleNothing) {
  settings_.operation_timeout = std::chrono::seconds(50);
  open(1);
  const auto queue = created(make_queue(random_)).recipient_id;
  std::vector<std::string> expected;
  std::uint64_t position = 1;
  for (int crash = 0; crash < 5; ++crash) {
    std::vector<std::future<Result<>>> done;
    for (int i = 0; i < 60; ++i) {
      run_->turn(0, [&](Turn& turn) {
        const auto message = make_message(random_, position++, 3'000);
        expected.push_back(text_of(*message));
        done.push_back(turn.add(queue, message));
      });
      if (i == 20 + crash) {
        cluster_.crash();
        cluster_.start();
      }
    }
    for (auto& one : done) EXPECT_TRUE(await(std::move(one)));
    EXPECT_EQ(messages(queue), expected);
  }
  EXPECT_EQ(number("SELECT msg_queue_size FROM msg_queues"), static_cast<std::int64_t>(expected.size()));
}

TEST_F(Postgres, AFrozenDatabaseIsNotWaitedForWithoutEnd) {
  settings_.operation_timeout = std::chrono::milliseconds(300);
  open(1);
  const auto queue = created(make_queue(random_)).recipient_id;
  const auto first = make_message(random_, 1, 100);
  ASSERT_TRUE(run_->add(queue, first));
  cluster_.freeze();
  // On its way when the time is up, and not yet on its way.
  for (std::uint64_t i = 2; i < 5; ++i) {
    const auto result = run_->add(queue, make_message(random_, i, 100));
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind, ErrorKind::storage);
  }
  const auto ghost = make_queue(random_);
  EXPECT_FALSE(run_->create(ghost));
  EXPECT_FALSE(run_->load(queue));
  cluster_.thaw();
  await_database(queue);
  // Nothing that was answered with an error is there, whatever the server did with it when it went on.
  EXPECT_EQ(messages(queue), std::vector{text_of(*first)});
  EXPECT_FALSE(run_->load(ghost.recipient_id).value().has_value());
  const auto last = make_message(random_, 9, 100);
  ASSERT_TRUE(run_->add(queue, last));
  EXPECT_EQ(messages(queue), (std::vector{text_of(*first), text_of(*last)}));
  EXPECT_EQ(number("SELECT count(*) FROM messages"), 2);
  EXPECT_EQ(run_->backend().totals().messages, 2U);
  EXPECT_EQ(logged("trying again until it is back"), 1U);
}

TEST_F(Postgres, WhatWaitsIsBounded) {
  settings_.operation_timeout = std::chrono::milliseconds(300);
  settings_.waiting_octets = 100'000;
  open(1);
  const auto queue = created(make_queue(random_)).recipient_id;
  cluster_.freeze();
  std::vector<std::future<Result<>>> done;
  run_->turn(0, [&](Turn& turn) {
    for (std::uint64_t i = 1; i <= 50; ++i) done.push_back(turn.add(queue, make_message(random_, i, 16'000)));
  });
  std::size_t refused = 0;
  for (auto& one : done) {
    const auto result = await(std::move(one));
    ASSERT_FALSE(result);
    if (result.error().kind == ErrorKind::limit) ++refused;
  }
  EXPECT_EQ(refused, 44U);
  EXPECT_EQ(run_->order(0).size(), 50U);
  EXPECT_TRUE(std::ranges::is_sorted(run_->order(0))) << "answers keep their order";
  cluster_.thaw();
  await_database(queue);
}

// ---- the lease

TEST_F(Postgres, ASecondRelayIsRefusedWhileTheFirstLives) {
  settings_.lease_wait = std::chrono::milliseconds(100);
  open(1);
  EXPECT_THAT(refusal(), HasSubstr("another relay process uses this schema"));
  close();
  open(1);
}

TEST_F(Postgres, WhoLostTheLeaseWritesNothing) {
  open(1);
  const auto queue = created(make_queue(random_)).recipient_id;
  sql("UPDATE simplex_cpp_lanes SET holder = 'another', epoch = epoch + 1");
  const auto result = run_->add(queue, make_message(random_, 1, 10));
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().message, HasSubstr("another relay"));
  EXPECT_FALSE(run_->add(queue, make_message(random_, 2, 10)));
  EXPECT_EQ(number("SELECT count(*) FROM messages"), 0);
  EXPECT_EQ(logged("another relay process has taken over"), 1U);
  static_cast<void>(run_->close());
  run_.reset();
}

// ---- the schema

TEST_F(Postgres, ASchemaThatIsNotThereIsMadeOnlyWhenAsked) {
  settings_.create_schema = false;
  EXPECT_THAT(refusal(), AllOf(HasSubstr("there is no schema \"" + settings_.schema + "\""),
                               HasSubstr("smp-server database import")));
  sql("CREATE SCHEMA " + settings_.schema);
  EXPECT_THAT(refusal(), AllOf(HasSubstr("there are no tables in the schema \"" + settings_.schema + "\""),
                               HasSubstr("smp-server database import")));
  EXPECT_EQ(number("SELECT count(*) FROM pg_tables WHERE schemaname = '" + settings_.schema + "'"), 0);
  settings_.create_schema = true;
  open();
  close();
  settings_.create_schema = false;
  open();
  EXPECT_EQ(number("SELECT count(*) FROM migrations"), 6);
}

TEST_F(Postgres, MigrationsThatAreConfirmedMakeTablesInAnEmptySchema) {
  sql("CREATE SCHEMA " + settings_.schema);
  settings_.create_schema = false;
  settings_.migrations = MigrationConfirmation::up;
  open();
  EXPECT_EQ(number("SELECT count(*) FROM migrations"), 6);
}

TEST_F(Postgres, ANewerRelaysMigrationsAreTakenBackWhenConfirmed) {
  open();
  close();
  sql("CREATE TABLE future (a INTEGER); CREATE TABLE later (a INTEGER); "
      "INSERT INTO migrations (name, ts, down) VALUES ('20300101_future', now(), 'DROP TABLE future'), "
      "('20300102_later', now(), 'ALTER TABLE future ADD b INTEGER; DROP TABLE later')");
  EXPECT_THAT(refusal(), AllOf(HasSubstr("migrations of a newer relay: 20300101_future, 20300102_later"),
                               HasSubstr("--confirm-migrations down")));
  settings_.migrations = MigrationConfirmation::up;
  EXPECT_THAT(refusal(), HasSubstr("--confirm-migrations down"));
  EXPECT_EQ(number("SELECT count(*) FROM migrations"), 8);
  settings_.migrations = MigrationConfirmation::up_down;
  open();  // the last one first: it needs the other's table
  EXPECT_EQ(number("SELECT count(*) FROM migrations"), 6);
  EXPECT_EQ(number("SELECT count(*) FROM pg_tables WHERE tablename IN ('future', 'later')"), 0);
}

TEST_F(Postgres, AMigrationWithoutAWayBackIsRefused) {
  open();
  close();
  settings_.migrations = MigrationConfirmation::up_down;
  sql("CREATE TABLE future (a INTEGER); "
      "INSERT INTO migrations (name, ts, down) VALUES ('20300101_future', now(), 'DROP TABLE future'), "
      "('20300102_later', now(), NULL)");
  EXPECT_THAT(refusal(), HasSubstr("\"20300102_later\" of a newer relay, and no way back"));
  EXPECT_EQ(number("SELECT count(*) FROM future"), 0) << "nothing was taken back";
  sql("DELETE FROM migrations WHERE name = '20250320_short_links'");
  EXPECT_THAT(refusal(), HasSubstr("misses the migration 20250320_short_links"));
}

// A row of the first schema goes through all migrations, and back.
TEST_F(Postgres, AnOlderSchemaIsMigratedWhenAllowed) {
  const auto known = postgres::migrations();
  sql("CREATE SCHEMA " + settings_.schema);
  sql("CREATE TABLE migrations (name TEXT NOT NULL PRIMARY KEY, ts TIMESTAMP NOT NULL, down TEXT)");
  sql(known[0].up);
  sql("INSERT INTO migrations (name, ts) VALUES ('20250207_initial', now())");
  auto queue = make_queue(random_);
  queue.mode = protocol::QueueMode::messaging;
  queue.updated = date_of(1'795'392'000);
  postgres::Values row;
  row.bytes(queue.recipient_id.view())
      .bytes(crypto::to_spki(queue.recipient_keys[0]))
      .bytes(queue.dh_secret.reveal())
      .bytes(queue.sender_id.view());
  {
    auto connection = cluster_.open(settings_.schema);
    ASSERT_TRUE(
        connection.run("INSERT INTO msg_queues (recipient_id, recipient_key, rcv_dh_secret, sender_id, "
                       "snd_secure, status, updated_at) VALUES ($1, $2, $3, $4, TRUE, 'active', 1795392000)",
                       row, std::chrono::minutes(1)));
  }
  EXPECT_THAT(refusal(), AllOf(HasSubstr("5 migrations have to be applied, 20250319_updated_index, "),
                               HasSubstr("--confirm-migrations up")));
  std::string asked;
  settings_.confirm = [&](const std::string& question) {
    asked = question;
    return true;
  };
  open();
  EXPECT_THAT(asked, HasSubstr("20250319_updated_index, "));
  const auto found = run_->load(queue.recipient_id);
  ASSERT_TRUE(found && *found) << found.error().message;
  EXPECT_EQ(format_queue((*found)->record), format_queue(queue));
  close();
  for (std::size_t i = known.size() - 1; i > 0; --i) sql(known[i].down);
  EXPECT_EQ(number("SELECT count(*) FROM msg_queues WHERE snd_secure AND octet_length(recipient_key) = 44"), 1);
}

// Rows as the reference relay writes them: with its functions, and with what it leaves out.
TEST_F(Postgres, WhatTheReferenceWroteIsServed) {
  open();
  close();
  auto queue = make_full_queue(random_);
  const auto service = make_service(random_, ServiceRole::notifier);
  queue.notifier->service = service.id;
  const auto minute = std::chrono::minutes(1);
  {
    auto connection = cluster_.open(settings_.schema);
    postgres::Values service_row;
    Bytes chain{2};
    for (const auto& certificate : service.certificates) {
      chain.push_back(static_cast<std::uint8_t>(certificate.size() >> 8));
      chain.push_back(static_cast<std::uint8_t>(certificate.size()));
      append(chain, certificate);
    }
    service_row.bytes(service.id.view()).bytes(chain).bytes(service.certificate_hash).int64(service.created.value());
    ASSERT_TRUE(
        connection.run("INSERT INTO services (service_id, service_role, service_cert, service_cert_hash, "
                       "created_at) VALUES ($1, 'N', $2, $3, $4)",
                       service_row, minute));
    Bytes keys{3};
    for (const auto& key : queue.recipient_keys) {
      const auto der = crypto::to_spki(key);
      keys.push_back(static_cast<std::uint8_t>(der.size()));
      append(keys, der);
    }
    postgres::Values row;
    row.bytes(queue.recipient_id.view())
        .bytes(keys)
        .bytes(queue.dh_secret.reveal())
        .bytes(queue.sender_id.view())
        .bytes(crypto::to_spki(*queue.sender_key))
        .bytes(queue.notifier->id.view())
        .bytes(crypto::to_spki(queue.notifier->key))
        .bytes(queue.notifier->dh_secret.reveal())
        .bytes(service.id.view())
        .bytes(queue.link->id.view())
        .bytes(queue.link->fixed)
        .bytes(queue.link->user);
    ASSERT_TRUE(connection.run(
        "INSERT INTO msg_queues (recipient_id, recipient_keys, rcv_dh_secret, sender_id, sender_key, queue_mode, "
        "notifier_id, notifier_key, rcv_ntf_dh_secret, ntf_service_id, status, updated_at, link_id, rcv_service_id, "
        "fixed_data, user_data) VALUES ($1, $2, $3, $4, $5, 'M', $6, $7, $8, $9, "
        "'blocked,reason=content,notice={\"ttl\":60}', 1795392000, $10, NULL, $11, $12)",
        row, minute));
    for (int i = 0; i < 4; ++i) {
      postgres::Values message;
      message.bytes(queue.recipient_id.view()).bytes(Bytes(24, static_cast<std::uint8_t>(i))).bytes(Bytes(16'000, 1));
      const auto written =
          connection.run("SELECT quota_written, was_empty FROM write_message($1, $2, 1795392000, FALSE, TRUE, $3, 2)",
                         message, minute);
      ASSERT_TRUE(written) << written.error().message;
      ASSERT_EQ(written->size(), i < 3 ? 1U : 0U);  // the third is the quota marker, the fourth is refused
      if (i < 3) {
        EXPECT_EQ(written->boolean(0, 0), i == 2);
        EXPECT_EQ(written->boolean(0, 1), i == 0);
      }
    }
  }
  queue.status = QueueStatus::blocked;
  queue.blocking = std::make_unique<Blocking>(Blocking{BlockingReason::content, "{\"ttl\":60}"});
  EXPECT_EQ(number("SELECT queue_count FROM services"), 1);

  open();
  const auto id = queue.recipient_id;
  const auto found = run_->load(id);
  ASSERT_TRUE(found && *found) << found.error().message;
  EXPECT_EQ(format_queue((*found)->record), format_queue(queue));
  EXPECT_EQ((*found)->message_count, 3U);
  EXPECT_TRUE((*found)->full);
  EXPECT_THAT(run_->backend().services().value(), Contains(service));
  EXPECT_EQ(run_->service_queues(0, service.id, ServiceParty::notifier, std::nullopt, 10).value().size(), 1U);
  auto waiting = run_->load_messages(id, 100'000).value();
  ASSERT_THAT(waiting, SizeIs(3));
  EXPECT_EQ(waiting[1]->body, Bytes(16'000, 1));
  EXPECT_TRUE(waiting[1]->notification);
  EXPECT_TRUE(waiting[2]->quota);
  EXPECT_THAT(waiting[2]->body, IsEmpty());

  // And the reference goes on with what ours leaves.
  ASSERT_TRUE(run_->remove(id, waiting[0]));
  ASSERT_TRUE(run_->write(UnblockQueue{id}));
  close();
  EXPECT_EQ(number("SELECT msg_queue_size FROM msg_queues WHERE NOT msg_can_write AND status = 'active'"), 2);
  const auto taken = [&](int message) {
    auto connection = cluster_.open(settings_.schema);
    postgres::Values values;
    values.bytes(id.view()).bytes(Bytes(24, static_cast<std::uint8_t>(message)));
    return connection.run("SELECT r_msg_id, r_msg_quota FROM try_del_peek_msg($1, $2)", values, minute).value();
  };
  EXPECT_EQ(taken(0).size(), 1U);  // gone already: only what is next
  const auto second = taken(1);
  ASSERT_EQ(second.size(), 2U);
  EXPECT_TRUE(second.boolean(1, 1));
  EXPECT_EQ(taken(2).size(), 1U);
  EXPECT_EQ(number("SELECT msg_queue_size FROM msg_queues WHERE msg_can_write"), 0);
  sql("CALL expire_old_messages(0, 1795392001, 100, 0, 0, 0)");
}

TEST_F(Postgres, ADeletedQueueStaysAsARowUntilItsTime) {
  open();
  const auto queue = created(make_queue(random_)).recipient_id;
  ASSERT_TRUE(run_->add(queue, make_message(random_, 1, 100)));
  ASSERT_TRUE(run_->write(DeleteQueue{queue}));
  EXPECT_EQ(number("SELECT count(*) FROM msg_queues WHERE deleted_at % 86400 = 0 AND msg_queue_size = 0"), 1);
  EXPECT_EQ(number("SELECT count(*) FROM messages"), 0);
}

// ---- secrets

TEST_F(Postgres, APasswordIsNeitherInAnErrorNorInTheLog) {
  for (const std::string broken :
       {"postgresql://relay:hunter2@", "host=/nowhere password=hunter2 hunter2",
        "postgresql://relay:hunter2@host:port/x", "host=/nowhere/at/all user=relay password=hunter2 dbname=postgres"}) {
    settings_.connection = broken;
    settings_.operation_timeout = std::chrono::milliseconds(100);
    const auto refused = refusal();
    EXPECT_NE(refused, "it was opened");
    EXPECT_THAT(refused, Not(HasSubstr("hunter2")));
  }
  EXPECT_THAT(logger_.lines(), Each(Not(HasSubstr("hunter2"))));
}

}  // namespace
}  // namespace simplex::smp::stores
