// What is counted of relays, and that it is there again after a restart.
#include <cstdlib>
#include <set>

#include "simplex/agent/agent.hpp"
#include "desk.hpp"
#include "pair.hpp"

namespace simplex::agent {
namespace {

std::int64_t count_of(Desk& desk, RelayCounter counter) {
  return desk.core->statistics.at(desk.user, relay_address).of(counter);
}

TEST(Statistics, EveryCounterHasItsName) {
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < relay_counters; ++i) names.insert(name_of(static_cast<RelayCounter>(i)));
  EXPECT_EQ(names.size(), relay_counters);
  EXPECT_EQ(name_of(RelayCounter::sent_via_proxy), "sentViaProxy");
  EXPECT_EQ(name_of(RelayCounter::subscription_errors), "connSubErrs");
}

class CountedReception : public PairTest {};

TEST_F(CountedReception, WhatComesAgainOrCannotBeReadIsToldApart) {
  connect();
  if (HasFatalFailure()) return;
  const auto received = count_of(bob, RelayCounter::received_messages);
  EXPECT_EQ(count_of(bob, RelayCounter::connections_completed), 1);
  alice.say("one");
  const auto body = alice.send();
  bob.deliver(body);
  EXPECT_EQ(count_of(bob, RelayCounter::received_messages), received + 1);
  EXPECT_EQ(count_of(bob, RelayCounter::received_duplicates), 0);
  bob.deliver(body);
  EXPECT_EQ(count_of(bob, RelayCounter::received_duplicates), 1);
  bob.deliver(as_bytes("nonsense"));
  EXPECT_EQ(count_of(bob, RelayCounter::received_errors), 1);
  EXPECT_EQ(count_of(bob, RelayCounter::received_crypto_errors), 0);
  EXPECT_EQ(count_of(bob, RelayCounter::received_messages), received + 3);
}

class SavedStatistics : public ::testing::Test {
 protected:
  SavedStatistics() {
    std::string name = std::filesystem::temp_directory_path() / "simplex-test-XXXXXX";
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
    auto database = store::Database::open({.path = folder_ / "a.db", .passphrase = SecretBytes()});
    EXPECT_TRUE(database && store::migrate(*database, agent_migrations(), loop_));
    database_.emplace(std::move(*database));
    turn_.emplace(loop_, *database_, [](const Error& error) { ADD_FAILURE() << error.message; });
    EXPECT_TRUE(database_->run("INSERT INTO users (created_at) VALUES (0)"));
    EXPECT_TRUE(database_->run("INSERT INTO users (created_at) VALUES (0)"));
  }
  ~SavedStatistics() override {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  void save(Statistics& statistics) {
    EXPECT_TRUE(turn_->run([&] { return statistics.save(); }));
    loop_.run();
  }
  Statistics loaded() {
    Statistics statistics(*database_, *turn_);
    EXPECT_TRUE(statistics.load(loop_.wall()));
    return statistics;
  }

  std::filesystem::path folder_;
  ByHandLoop loop_;
  std::optional<store::Database> database_;
  std::optional<Turn> turn_;
  const UserId first_{1};
  const UserId second_{2};
};

TEST_F(SavedStatistics, OnlyWhatHasChangedIsSaved) {
  auto statistics = loaded();
  const auto begun = statistics.since();
  EXPECT_FALSE(statistics.changed());
  statistics.at(first_, "r1").add(RelayCounter::sent_direct, 5);
  statistics.at(second_, "r1").add(RelayCounter::sent_direct, 7);
  EXPECT_TRUE(statistics.changed());
  save(statistics);
  EXPECT_FALSE(statistics.changed());
  const auto before = database_->total_changes();
  save(statistics);
  EXPECT_EQ(database_->total_changes(), before) << "nothing to write";
  loop_.pass(std::chrono::hours(1));
  auto again = loaded();
  EXPECT_EQ(again.since(), begun);
  EXPECT_EQ(again.at(first_, "r1").of(RelayCounter::sent_direct), 5);
  EXPECT_EQ(again.at(second_, "r1").of(RelayCounter::sent_direct), 7);
  EXPECT_FALSE(again.changed());
}

TEST_F(SavedStatistics, WhatCouldNotBeSavedIsSavedLater) {
  auto statistics = loaded();
  statistics.at(first_, "r1").add(RelayCounter::sent_direct);
  EXPECT_FALSE(turn_->run([&]() -> Result<> {
    SIMPLEX_TRY(statistics.save());
    return fail(ErrorKind::storage, "the disk is full");
  }));
  loop_.run();
  EXPECT_TRUE(statistics.changed());
  save(statistics);
  EXPECT_EQ(loaded().at(first_, "r1").of(RelayCounter::sent_direct), 1);
}

TEST_F(SavedStatistics, AResetForgetsAllAndCountsAnew) {
  auto statistics = loaded();
  statistics.at(first_, "r1").add(RelayCounter::sent_direct, 5);
  save(statistics);
  loop_.pass(std::chrono::hours(1));
  EXPECT_TRUE(turn_->run([&] { return statistics.reset(loop_.wall()); }));
  loop_.run();
  EXPECT_EQ(statistics.since(), loop_.wall());
  statistics.at(first_, "r1").add(RelayCounter::sent_direct);
  save(statistics);
  auto again = loaded();
  EXPECT_EQ(again.since(), loop_.wall());
  EXPECT_EQ(again.at(first_, "r1").of(RelayCounter::sent_direct), 1);
}

TEST_F(SavedStatistics, TheCountsOfAUserGoWithTheUser) {
  auto statistics = loaded();
  statistics.at(first_, "r1").add(RelayCounter::sent_direct);
  statistics.at(second_, "r1").add(RelayCounter::sent_direct);
  save(statistics);
  ASSERT_TRUE(database_->run("DELETE FROM users WHERE user_id = ?", first_));
  statistics.at(first_, "r1").add(RelayCounter::sent_direct);
  save(statistics);
  EXPECT_FALSE(statistics.changed());
  const auto all = statistics.all();
  ASSERT_TRUE(all);
  ASSERT_EQ(all->size(), 1u);
  EXPECT_EQ(all->front().user, second_);
}

}  // namespace
}  // namespace simplex::agent
