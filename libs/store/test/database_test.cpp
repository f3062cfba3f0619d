#include "simplex/store/database.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <random>

#include "temporary_folder.hpp"

namespace simplex::store {
namespace {

SecretBytes passphrase(std::string_view text) { return SecretBytes(as_bytes(text)); }

OpenOptions at(const std::filesystem::path& path, std::string_view key = {}) {
  return {.path = path, .passphrase = passphrase(key), .busy_timeout = Duration::zero()};
}

class DatabaseTest : public ::testing::Test {
 protected:
  TemporaryFolder folder_;
  std::filesystem::path file_ = folder_.path() / "test.db";
};

TEST_F(DatabaseTest, KeepsEveryTypeAcrossReopening) {
  {
    auto db = Database::open(at(file_, "secret"));
    ASSERT_TRUE(db) << db.error().message;
    ASSERT_TRUE(
        db->execute("CREATE TABLE t (a INTEGER NOT NULL, b TEXT NOT NULL, c BLOB NOT NULL, d BLOB, e TEXT) STRICT"));
    ASSERT_TRUE(db->run("INSERT INTO t (a, b, c, d, e) VALUES (?, ?, ?, ?, ?)", std::int64_t{-5}, "text",
                        Bytes{1, 2, 3}, std::optional<Bytes>{}, std::string_view{}));
    EXPECT_EQ(db->last_row_id(), 1);
    EXPECT_EQ(db->changes(), 1);
  }
  auto db = Database::open(at(file_, "secret"));
  ASSERT_TRUE(db) << db.error().message;
  auto row = db->prepare("SELECT a, b, c, d, e FROM t");
  ASSERT_TRUE(row && *row->step());
  EXPECT_EQ(row->integer(0), -5);
  EXPECT_EQ(row->text(1), "text");
  EXPECT_EQ(row->bytes(2), (Bytes{1, 2, 3}));
  EXPECT_TRUE(row->is_null(3));
  EXPECT_FALSE(row->is_null(4));
  EXPECT_EQ(row->text(4), "");
  EXPECT_EQ(row->secret(2).size(), 3u);
  EXPECT_FALSE(*row->step());
}

TEST_F(DatabaseTest, TheFileShowsNothingOfWhatItHolds) {
  {
    auto db = Database::open(at(file_, "secret"));
    ASSERT_TRUE(db && db->execute("CREATE TABLE unmistakable (a TEXT) STRICT"));
  }
  std::ifstream file(file_, std::ios::binary);
  const std::string all{std::istreambuf_iterator<char>(file), {}};
  EXPECT_GE(all.size(), 4096u);
  EXPECT_EQ(all.find("unmistakable"), std::string::npos);
  EXPECT_EQ(all.find("SQLite format"), std::string::npos);
}

TEST_F(DatabaseTest, AWrongOrMissingPassphraseIsAnAuthenticationError) {
  {
    ASSERT_TRUE(Database::open(at(file_, "secret"))->execute("CREATE TABLE t (a) "));
  }
  auto wrong = Database::open(at(file_, "Secret"));
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().kind, ErrorKind::authentication);
  EXPECT_NE(wrong.error().message.find("passphrase"), std::string::npos);
  auto missing = Database::open(at(file_));
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().kind, ErrorKind::authentication);
}

TEST_F(DatabaseTest, APlainDatabaseRefusesAPassphrase) {
  {
    ASSERT_TRUE(Database::open(at(file_))->execute("CREATE TABLE t (a)"));
  }
  auto opened = Database::open(at(file_, "secret"));
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind, ErrorKind::malformed);
  EXPECT_TRUE(Database::open(at(file_)));
}

TEST_F(DatabaseTest, AFileThatIsNoDatabaseIsSaidToBeNone) {
  std::ofstream(file_) << "this is a shopping list";
  for (const auto* key : {"", "secret"}) {
    auto opened = Database::open(at(file_, key));
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().kind, ErrorKind::malformed);
  }
}

TEST_F(DatabaseTest, AMissingFileOrFolder) {
  auto options = at(file_);
  options.create = false;
  EXPECT_EQ(Database::open(std::move(options)).error().kind, ErrorKind::not_found);
  EXPECT_EQ(Database::open(at(folder_.path() / "no" / "such.db")).error().kind, ErrorKind::storage);
}

TEST_F(DatabaseTest, TheFileHasOneOwner) {
  auto owner = Database::open(at(file_, "secret"));
  ASSERT_TRUE(owner);
  auto second = Database::open(at(file_, "secret"));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind, ErrorKind::conflict);
  EXPECT_NE(second.error().message.find("another program"), std::string::npos);
  {
    auto closed = std::move(*owner);
  }
  EXPECT_TRUE(Database::open(at(file_, "secret")));
}

TEST_F(DatabaseTest, AFullDiskIsAStorageErrorAndUndoesTheTransaction) {
  auto db = Database::open(at(file_, "secret"));
  ASSERT_TRUE(db && db->execute("CREATE TABLE t (a BLOB NOT NULL) STRICT"));
  ASSERT_TRUE(db->execute("PRAGMA max_page_count = 8"));
  ASSERT_TRUE(db->begin());
  Result<std::int64_t> written = 0;
  for (int i = 0; i < 100 && written; ++i) written = db->run("INSERT INTO t (a) VALUES (?)", Bytes(3000, 7));
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().kind, ErrorKind::storage);
  EXPECT_EQ(written.error().advice, Advice::ask_user);
  db->rollback();
  EXPECT_FALSE(db->in_transaction());
  auto count = db->prepare("SELECT count(*) FROM t");
  ASSERT_TRUE(count && *count->step());
  EXPECT_EQ(count->integer(0), 0);
}

TEST_F(DatabaseTest, TransactionsAndTheirParts) {
  auto db = Database::open(at(":memory:"));
  ASSERT_TRUE(db && db->execute("CREATE TABLE t (a INTEGER NOT NULL) STRICT"));
  ASSERT_TRUE(db->begin());
  ASSERT_TRUE(db->run("INSERT INTO t (a) VALUES (?)", 1));
  ASSERT_TRUE(db->savepoint());
  ASSERT_TRUE(db->run("INSERT INTO t (a) VALUES (?)", 2));
  db->rollback_savepoint();
  ASSERT_TRUE(db->savepoint());
  ASSERT_TRUE(db->run("INSERT INTO t (a) VALUES (?)", 3));
  ASSERT_TRUE(db->release_savepoint());
  ASSERT_TRUE(db->commit());
  auto sum = db->prepare("SELECT sum(a) FROM t");
  ASSERT_TRUE(sum && *sum->step());
  EXPECT_EQ(sum->integer(0), 4);
}

TEST_F(DatabaseTest, AStatementInUseIsPreparedAgain) {
  auto db = Database::open(at(":memory:"));
  ASSERT_TRUE(db);
  auto first = db->prepare("SELECT ?");
  auto second = db->prepare("SELECT ?");
  ASSERT_TRUE(first && second && first->bind(1, 1) && second->bind(1, 2));
  EXPECT_TRUE(*first->step());
  EXPECT_TRUE(*second->step());
  EXPECT_EQ(first->integer(0), 1);
  EXPECT_EQ(second->integer(0), 2);
}

TEST_F(DatabaseTest, ConstraintsAndBadStatementsAreErrors) {
  auto db = Database::open(at(":memory:"));
  ASSERT_TRUE(db && db->execute("CREATE TABLE a (id INTEGER PRIMARY KEY) STRICT;"
                                "CREATE TABLE b (a INTEGER NOT NULL REFERENCES a) STRICT"));
  EXPECT_EQ(db->run("INSERT INTO b (a) VALUES (?)", 5).error().kind, ErrorKind::conflict);
  EXPECT_EQ(db->prepare("SELEKT 1").error().kind, ErrorKind::internal);
}

TEST_F(DatabaseTest, ThePassphraseCanBeChanged) {
  {
    auto db = Database::open(at(file_, "old"));
    ASSERT_TRUE(db && db->execute("CREATE TABLE t (a)") && db->change_passphrase(passphrase("new")));
  }
  EXPECT_FALSE(Database::open(at(file_, "old")));
  EXPECT_TRUE(Database::open(at(file_, "new")));
}

TEST_F(DatabaseTest, ThePassphraseIsNeitherTakenAwayNorGivenToAPlainOne) {
  auto encrypted = Database::open(at(file_, "old"));
  EXPECT_EQ(encrypted->change_passphrase(passphrase("")).error().kind, ErrorKind::conflict);
  auto plain = Database::open(at(folder_.path() / "plain.db"));
  EXPECT_EQ(plain->change_passphrase(passphrase("new")).error().kind, ErrorKind::conflict);
}

TEST_F(DatabaseTest, ATruncatedPlainDatabaseIsDamagedAndNotSaidToBeEncrypted) {
  {
    auto db = Database::open(at(file_));
    ASSERT_TRUE(db && db->execute("CREATE TABLE t (a)"));
  }
  for (const std::uintmax_t size : {4096U, 600U, 50U}) {
    std::filesystem::resize_file(file_, size);
    const auto opened = Database::open(at(file_));
    if (opened) continue;  // an empty table less is not always noticed at once
    EXPECT_EQ(opened.error().kind, ErrorKind::storage) << opened.error().message;
    EXPECT_EQ(opened.error().message.find("encrypted"), std::string::npos);
  }
  std::filesystem::resize_file(file_, 50);
  EXPECT_FALSE(Database::open(at(file_)));
}

struct Sample {
  const char* file;
  const char* table;
  std::int64_t rows;
  std::int64_t tables;
};

// Files that the reference client wrote (SQLCipher 4).
TEST_F(DatabaseTest, OpensTheReferencesDatabases) {
  for (const auto& sample : {Sample{"alice_agent.db", "connections", 1, 35}, Sample{"alice_chat.db", "contacts", 4, 52},
                             Sample{"bob_agent.db", "connections", 1, 35}, Sample{"bob_chat.db", "contacts", 4, 52}}) {
    SCOPED_TRACE(sample.file);
    const auto copy = folder_.path() / sample.file;
    std::filesystem::copy_file(std::filesystem::path(SIMPLEX_SOURCE_DIR) / "tests/samples/chat" / sample.file, copy);
    EXPECT_EQ(Database::open(at(copy, "wrong")).error().kind, ErrorKind::authentication);
    auto db = Database::open(at(copy, "sample-key"));
    ASSERT_TRUE(db) << db.error().message;
    auto tables = db->prepare("SELECT count(*) FROM sqlite_schema WHERE type = 'table'");
    ASSERT_TRUE(tables && *tables->step());
    const std::string count = "SELECT count(*) FROM " + std::string(sample.table);
    auto rows = db->prepare(count);
    ASSERT_TRUE(rows && *rows->step());
    EXPECT_EQ(tables->integer(0), sample.tables);
    EXPECT_EQ(rows->integer(0), sample.rows);
  }
}

TEST_F(DatabaseTest, AnotherProgramsDatabaseIsNotTouched) {
  const auto copy = folder_.path() / "alice_chat.db";
  std::filesystem::copy_file(std::filesystem::path(SIMPLEX_SOURCE_DIR) / "tests/samples/chat/alice_chat.db", copy);
  const auto octets = [&] {
    std::ifstream in(copy, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
  };
  const auto before = octets();
  auto options = at(copy, "sample-key");
  options.own_table = "schema_migrations";
  const auto opened = Database::open(std::move(options));
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind, ErrorKind::conflict);
  EXPECT_NE(opened.error().message.find("another program"), std::string::npos);
  EXPECT_EQ(octets(), before);
}

}  // namespace
}  // namespace simplex::store
