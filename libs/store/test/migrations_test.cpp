#include "simplex/store/migrations.hpp"

#include <gtest/gtest.h>

namespace simplex::store {
namespace {

const SystemClock clock_of_test;

constexpr Migration first{1, "people", "CREATE TABLE people (name TEXT NOT NULL) STRICT", "DROP TABLE people"};
constexpr Migration second{2, "pets",
                           "CREATE TABLE pets (name TEXT NOT NULL) STRICT; ALTER TABLE people ADD COLUMN age INTEGER",
                           "ALTER TABLE people DROP COLUMN age; DROP TABLE pets"};
constexpr Migration broken{3, "broken", "CREATE TABLE more (a) STRICT; nonsense", ""};

Database database() { return std::move(*Database::open({.path = ":memory:", .passphrase = SecretBytes()})); }

TEST(MigrationsTest, GoUpOnceAndDownAgain) {
  auto db = database();
  ASSERT_TRUE(migrate(db, std::array{first}, clock_of_test));
  ASSERT_TRUE(migrate(db, std::array{first, second}, clock_of_test));
  ASSERT_TRUE(migrate(db, std::array{first, second}, clock_of_test));
  EXPECT_EQ(*applied_migrations(db), (std::vector<std::string>{"1 people", "2 pets"}));
  EXPECT_TRUE(db.run("INSERT INTO people (name, age) VALUES (?, ?)", "alice", 30));

  ASSERT_TRUE(migrate_down(db, 1));
  EXPECT_EQ(*applied_migrations(db), (std::vector<std::string>{"1 people"}));
  EXPECT_FALSE(db.execute("SELECT age FROM people"));
  EXPECT_TRUE(db.execute("SELECT name FROM people"));
}

TEST(MigrationsTest, ADatabaseFromANewerProgramIsRefused) {
  auto db = database();
  ASSERT_TRUE(migrate(db, std::array{first, second}, clock_of_test));
  auto older = migrate(db, std::array{first}, clock_of_test);
  ASSERT_FALSE(older);
  EXPECT_EQ(older.error().kind, ErrorKind::version);
  EXPECT_NE(older.error().message.find("newer version"), std::string::npos);
}

TEST(MigrationsTest, ADatabaseOfAnotherProgramIsRefused) {
  auto db = database();
  ASSERT_TRUE(migrate(db, std::array{first}, clock_of_test));
  EXPECT_EQ(migrate(db, std::array{Migration{1, "other", "", ""}}, clock_of_test).error().kind, ErrorKind::conflict);
}

TEST(MigrationsTest, AFailedMigrationLeavesNoTrace) {
  auto db = database();
  EXPECT_FALSE(migrate(db, std::array{first, second, broken}, clock_of_test));
  EXPECT_EQ(applied_migrations(db)->size(), 2u);
  EXPECT_FALSE(db.execute("SELECT * FROM more"));
}

}  // namespace
}  // namespace simplex::store
