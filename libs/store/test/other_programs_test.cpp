// A database file and other programs on the same machine: those that look into it, and those of other people.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <future>
#include <thread>

#include "simplex/store/database.hpp"
#include "temporary_folder.hpp"

namespace simplex::store {
namespace {

class OtherProgramsTest : public ::testing::Test {
 protected:
  [[nodiscard]] OpenOptions options(Duration busy_timeout) const {
    return {.path = file_, .passphrase = SecretBytes(), .busy_timeout = busy_timeout};
  }
  // As the shell of SQLite does, which waits for nobody.
  struct Shell {
    explicit Shell(const std::filesystem::path& path) { EXPECT_EQ(sqlite3_open(path.c_str(), &handle), SQLITE_OK); }
    ~Shell() { sqlite3_close_v2(handle); }
    Shell(const Shell&) = delete;
    Shell& operator=(const Shell&) = delete;
    int run(const char* sql) const { return sqlite3_exec(handle, sql, nullptr, nullptr, nullptr); }
    sqlite3* handle = nullptr;
  };

  TemporaryFolder folder_;
  std::filesystem::path file_ = folder_.path() / "test.db";
};

TEST_F(OtherProgramsTest, WhoeverHasItOpenIsWaitedFor) {
  {
    auto db = Database::open(options(Duration::zero()));
    ASSERT_TRUE(db && db->execute("CREATE TABLE t (a INTEGER) STRICT"));
  }
  std::promise<void> locked;
  std::thread other([&] {
    const Shell shell(file_);
    EXPECT_EQ(shell.run("BEGIN IMMEDIATE"), SQLITE_OK);
    EXPECT_EQ(shell.run("INSERT INTO t VALUES (1)"), SQLITE_OK);
    locked.set_value();
    std::this_thread::sleep_for(std::chrono::milliseconds(300));  // how long it has the lock
    EXPECT_EQ(shell.run("COMMIT"), SQLITE_OK);
  });
  locked.get_future().wait();
  EXPECT_EQ(Database::open(options(Duration::zero())).error().kind, ErrorKind::conflict);
  auto db = Database::open(options(std::chrono::seconds(10)));
  other.join();
  ASSERT_TRUE(db) << db.error().message;
  auto rows = db->prepare("SELECT count(*) FROM t");
  ASSERT_TRUE(rows && *rows->step());
  EXPECT_EQ(rows->integer(0), 1);
}

TEST_F(OtherProgramsTest, NobodyElseGetsInWhileItIsOpen) {
  auto db = Database::open(options(Duration::zero()));
  ASSERT_TRUE(db && db->execute("CREATE TABLE t (a INTEGER) STRICT"));
  const Shell shell(file_);
  const auto try_all = [&] {
    for (const char* sql : {"SELECT * FROM t", "BEGIN IMMEDIATE", "VACUUM INTO '/dev/null'"}) {
      EXPECT_EQ(shell.run(sql) & 0xff, SQLITE_BUSY) << sql;
    }
  };
  try_all();
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(db->begin());
    try_all();
    ASSERT_TRUE(db->run("INSERT INTO t (a) VALUES (?)", i));
    try_all();
    ASSERT_TRUE(db->commit());
    try_all();
  }
}

// Locks belong to the process, and closing any descriptor of the file drops them all.
bool locked_for_others(const std::filesystem::path& file) {
  const auto child = ::fork();
  if (child == 0) {
    const int descriptor = ::open(file.c_str(), O_RDWR);
    struct flock lock{};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    lock.l_start = 0x40000000;  // SQLite's
    lock.l_len = 512;
    const bool asked = descriptor >= 0 && ::fcntl(descriptor, F_GETLK, &lock) == 0;
    ::_exit(!asked ? 2 : lock.l_type == F_UNLCK ? 1 : 0);
  }
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) < 2);
  return WEXITSTATUS(status) == 0;
}

TEST_F(OtherProgramsTest, ASecondOneInTheSameProgramDoesNotOpenItToOthers) {
  auto db = Database::open(options(Duration::zero()));
  ASSERT_TRUE(db && db->execute("CREATE TABLE t (a INTEGER) STRICT"));
  EXPECT_TRUE(locked_for_others(file_));
  EXPECT_EQ(Database::open(options(Duration::zero())).error().kind, ErrorKind::conflict);
  EXPECT_TRUE(locked_for_others(file_));
}

TEST_F(OtherProgramsTest, OnlyItsOwnerReadsTheFiles) {
  const auto before = ::umask(0);
  {
    auto db = Database::open(options(Duration::zero()));
    ASSERT_TRUE(db && db->execute("CREATE TABLE t (a INTEGER) STRICT"));
    int files = 0;
    for (const auto& file : std::filesystem::directory_iterator(folder_.path())) {
      struct stat status{};
      ASSERT_EQ(::stat(file.path().c_str(), &status), 0);
      EXPECT_EQ(status.st_mode & 0777, 0600U) << file.path();
      ++files;
    }
    EXPECT_GE(files, 2);
  }
  ::umask(before);
}

}  // namespace
}  // namespace simplex::store
