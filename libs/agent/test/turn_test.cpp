#include "turn.hpp"

#include <gtest/gtest.h>

#include "by_hand_loop.hpp"

namespace simplex::agent {
namespace {

class TurnTest : public ::testing::Test {
 protected:
  TurnTest() { EXPECT_TRUE(database_.execute("CREATE TABLE t (a BLOB NOT NULL) STRICT")); }

  Result<> insert(std::size_t size = 1) {
    SIMPLEX_TRY(database_.run("INSERT INTO t (a) VALUES (?)", Bytes(size, 1)));
    return {};
  }
  std::int64_t rows() {
    auto count = database_.prepare("SELECT count(*) FROM t");
    EXPECT_TRUE(*count->step());
    return count->integer(0);
  }

  ByHandLoop loop_;
  store::Database database_ = std::move(*store::Database::open({.path = ":memory:", .passphrase = SecretBytes()}));
  std::vector<std::string> log_;
  Turn turn_{loop_, database_,
             [this](const Error& error) { log_.push_back("failed: " + std::string(name_of(error.kind))); }};
};

TEST_F(TurnTest, EffectsComeAfterTheCommitInOrder) {
  for (const char* name : {"first", "second"}) {
    ASSERT_TRUE(turn_.run([&]() -> Result<> {
      turn_.after_commit([this, name] {
        EXPECT_FALSE(database_.in_transaction());
        log_.emplace_back(name);
      });
      return insert();
    }));
  }
  EXPECT_TRUE(log_.empty());
  EXPECT_TRUE(database_.in_transaction());
  loop_.run();
  EXPECT_EQ(log_, (std::vector<std::string>{"first", "second"}));
  EXPECT_EQ(rows(), 2);
}

TEST_F(TurnTest, AnErrorUndoesItsOwnPartOnly) {
  ASSERT_TRUE(turn_.run([&] { return insert(); }));
  EXPECT_FALSE(turn_.run([&]() -> Result<> {
    SIMPLEX_TRY(insert());
    turn_.after_commit([this] { log_.emplace_back("never"); });
    return fail(ErrorKind::conflict, "no");
  }));
  loop_.run();
  EXPECT_EQ(rows(), 1);
  EXPECT_TRUE(log_.empty());
}

TEST_F(TurnTest, AFullDiskUndoesTheTurnAndItsEffects) {
  ASSERT_TRUE(turn_.run([&] {
    turn_.after_commit([this] { log_.emplace_back("never"); });
    return insert();
  }));
  ASSERT_TRUE(database_.execute("PRAGMA max_page_count = 4"));
  const auto full = turn_.run([&] { return insert(100'000); });
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().kind, ErrorKind::storage);
  turn_.abandon(full.error());
  loop_.run();
  EXPECT_EQ(log_, (std::vector<std::string>{"failed: storage"}));
  EXPECT_EQ(rows(), 0);
  EXPECT_TRUE(turn_.run([&] { return insert(); }));
  EXPECT_TRUE(turn_.commit());
  EXPECT_EQ(rows(), 1);
}

TEST_F(TurnTest, WhatHasTimeJoinsTheNextTurn) {
  ASSERT_TRUE(turn_.run_unhurried([&] {
    turn_.after_commit([this] { log_.emplace_back("unhurried"); });
    return insert();
  }));
  loop_.run();
  EXPECT_TRUE(database_.in_transaction());
  ASSERT_TRUE(turn_.run([&] {
    turn_.after_commit([this] { log_.emplace_back("hurried"); });
    return insert();
  }));
  loop_.run();
  EXPECT_FALSE(database_.in_transaction());
  EXPECT_EQ(log_, (std::vector<std::string>{"unhurried", "hurried"}));
  loop_.pass(Turn::patience);
  EXPECT_EQ(rows(), 2);
}

TEST_F(TurnTest, WhatHasTimeWaitsNoLongerThanItsPatience) {
  ASSERT_TRUE(turn_.run_unhurried([&] { return insert(); }));
  loop_.pass(Turn::patience - std::chrono::milliseconds(1));
  EXPECT_TRUE(database_.in_transaction());
  ASSERT_TRUE(turn_.run_unhurried([&] { return insert(); }));
  loop_.pass(std::chrono::milliseconds(1));
  EXPECT_FALSE(database_.in_transaction());
  EXPECT_EQ(rows(), 2);
}

TEST_F(TurnTest, WhatHasTimeCanBeHurried) {
  turn_.hurry();
  EXPECT_FALSE(turn_.open());
  ASSERT_TRUE(turn_.run_unhurried([&] { return insert(); }));
  turn_.hurry();
  loop_.run();
  EXPECT_FALSE(database_.in_transaction());
  EXPECT_EQ(rows(), 1);
}

TEST_F(TurnTest, EffectsMayOpenTheNextTurn) {
  ASSERT_TRUE(turn_.run([&] {
    turn_.after_commit([this] { EXPECT_TRUE(turn_.run([&] { return insert(); })); });
    return insert();
  }));
  loop_.run();
  EXPECT_EQ(rows(), 2);
  EXPECT_FALSE(database_.in_transaction());
}

}  // namespace
}  // namespace simplex::agent
