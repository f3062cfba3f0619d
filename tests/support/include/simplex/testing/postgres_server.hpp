// A PostgreSQL server of the tests' own: a cluster in a temporary folder, reached through a socket in it, gone with the
// process. It does not touch a server of the machine. A machine without PostgreSQL fails the tests, and says what to
// install.
#pragma once

#include <sys/types.h>

#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace simplex::testing {

class PostgresServer {
 public:
  PostgresServer();
  ~PostgresServer();
  PostgresServer(const PostgresServer&) = delete;
  PostgresServer& operator=(const PostgresServer&) = delete;

  // For libpq; as the owner of everything.
  [[nodiscard]] std::string connection() const;

  [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }      // of its socket
  [[nodiscard]] const std::filesystem::path& programs() const { return programs_; }  // initdb, psql, ...

  // At once, as in a crash: what was not committed is lost. Returns when it is gone.
  void crash();
  // Returns when it accepts connections.
  void start();
  // No process of the server runs, until thaw(). Connections stay.
  void freeze();
  void thaw();

  // No test is true without a server: the program ends, with a reason.
  [[noreturn]] static void give_up(const std::string& why);

 private:
  void execute(const std::vector<std::string>& command, int output);
  void run_program(const std::vector<std::string>& command);
  void read_log(int descriptor);
  [[nodiscard]] std::vector<pid_t> processes() const;

  std::filesystem::path programs_;
  std::filesystem::path folder_;
  uid_t user_ = 0;
  gid_t group_ = 0;
  pid_t server_ = -1;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::string log_;
  bool ready_ = false;
  bool log_ended_ = false;
  std::thread reader_;
};

}  // namespace simplex::testing
