// A PostgreSQL server of the tests' own: a cluster in a temporary folder, reached through a socket in it, gone with the
// process. One for the whole program; each test has schemas of its own. It does not touch a server of the machine.
#pragma once

#include <sys/types.h>

#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <thread>

#include "postgres/connection.hpp"

namespace simplex::smp::stores {

class Cluster {
 public:
  // The program's; made when first asked for. A machine without PostgreSQL fails the tests, and says what to install.
  [[nodiscard]] static Cluster& instance();
  ~Cluster();
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;

  [[nodiscard]] std::string connection() const;
  [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }  // of its socket
  [[nodiscard]] std::string new_schema();

  // At once, as in a crash: what was not committed is lost. Returns when it is gone.
  void crash();
  // Returns when it accepts connections.
  void start();
  // No process of the server runs, until thaw(). Connections stay.
  void freeze();
  void thaw();

  // A connection for looking into the tables of a schema.
  [[nodiscard]] postgres::Connection open(const std::string& schema);
  // Fails the test when the statement does.
  void run(const std::string& schema, const std::string& sql);
  // The first column of the first row, as a number.
  [[nodiscard]] std::int64_t number(const std::string& schema, const std::string& sql);

 private:
  Cluster();
  void execute(const std::vector<std::string>& command, int output);
  void run_program(const std::vector<std::string>& command);
  void read_log(int descriptor);
  [[nodiscard]] std::vector<pid_t> processes() const;

  std::filesystem::path programs_;
  std::filesystem::path folder_;
  uid_t user_ = 0;
  gid_t group_ = 0;
  pid_t server_ = -1;
  int schemas_ = 0;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::string log_;
  bool ready_ = false;
  bool log_ended_ = false;
  std::thread reader_;
};

}  // namespace simplex::smp::stores
