#include "simplex/testing/postgres_server.hpp"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <iostream>

namespace simplex::testing {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void give_up(const std::string& why) { PostgresServer::give_up(why); }

fs::path find_programs() {
  if (const char* given = std::getenv("SIMPLEX_POSTGRES_BIN")) return given;
  for (int version = 30; version >= 15; --version) {
    const auto folder = fs::path("/usr/lib/postgresql") / std::to_string(version) / "bin";
    if (fs::exists(folder / "initdb")) return folder;
  }
  for (const char* folder : {"/usr/bin", "/usr/local/bin", "/usr/local/pgsql/bin"}) {
    if (fs::exists(fs::path(folder) / "initdb")) return folder;
  }
  give_up("initdb was not found: install the package postgresql (15 or newer), or set SIMPLEX_POSTGRES_BIN");
}

}  // namespace

void PostgresServer::give_up(const std::string& why) {
  std::cerr << "PostgreSQL for the tests: " << why << std::endl;
  std::exit(1);
}

PostgresServer::PostgresServer() : programs_(find_programs()) {
  auto name = (fs::temp_directory_path() / "smp-pg-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) give_up("no temporary folder");
  folder_ = name;
  if (::geteuid() == 0) {  // the server refuses to run as root
    const auto* user = ::getpwnam("postgres");
    if (user == nullptr) user = ::getpwnam("nobody");
    if (user == nullptr) give_up("there is no user to run it as");
    user_ = user->pw_uid;
    group_ = user->pw_gid;
    if (::chown(folder_.c_str(), user_, group_) != 0) give_up("the folder can't be given to its user");
  }
  run_program({programs_ / "initdb", "-D", folder_ / "data", "-A", "trust", "-U", "relay", "-E", "UTF8", "--locale=C",
               "--no-sync", "--no-instructions"});
  start();
}

PostgresServer::~PostgresServer() {
  if (server_ > 0) crash();
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

// In the child: never returns.
void PostgresServer::execute(const std::vector<std::string>& command, int output) {
  if (user_ != 0 && (::setgroups(0, nullptr) != 0 || ::setgid(group_) != 0 || ::setuid(user_) != 0)) ::_exit(126);
  ::prctl(PR_SET_PDEATHSIG, SIGQUIT);  // a test that crashes leaves no server behind
  ::dup2(output, STDOUT_FILENO);
  ::dup2(output, STDERR_FILENO);
  if (::chdir(folder_.c_str()) != 0) ::_exit(126);
  std::vector<char*> arguments;
  for (const auto& argument : command) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  ::execv(arguments[0], arguments.data());
  ::_exit(127);
}

void PostgresServer::run_program(const std::vector<std::string>& command) {
  const auto output = folder_ / "initdb.log";
  const int file = ::open(output.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
  const auto child = ::fork();
  if (child == 0) execute(command, file);
  ::close(file);
  int status = 0;
  if (child < 0 || ::waitpid(child, &status, 0) != child || status != 0) {
    std::ifstream said(output);
    give_up(command[0] + " failed: " + std::string(std::istreambuf_iterator<char>(said), {}));
  }
}

void PostgresServer::start() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) give_up("no pipe");
  const std::vector<std::string> command{programs_ / "postgres",
                                         "-D",
                                         folder_ / "data",
                                         "-k",
                                         folder_,
                                         "-c",
                                         "listen_addresses=",
                                         "-c",
                                         "fsync=off",  // a crash of the machine is not what is tested
                                         "-c",
                                         "max_connections=100",
                                         "-c",
                                         "shared_buffers=32MB",
                                         "-c",
                                         "deadlock_timeout=100ms",
                                         "-c",
                                         "log_min_messages=log"};
  ready_ = false;
  log_ended_ = false;
  server_ = ::fork();
  if (server_ == 0) execute(command, ends[1]);
  ::close(ends[1]);
  if (server_ < 0) give_up("no process");
  reader_ = std::thread([this, from = ends[0]] { read_log(from); });
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return ready_ || log_ended_; });
  if (!ready_) give_up("the server did not start: " + log_);
}

void PostgresServer::read_log(int descriptor) {
  std::array<char, 4'096> some{};
  for (;;) {
    const auto got = ::read(descriptor, some.data(), some.size());
    if (got < 0 && errno == EINTR) continue;
    const std::lock_guard lock(mutex_);
    if (got <= 0) {
      log_ended_ = true;
    } else {
      log_.append(some.data(), static_cast<std::size_t>(got));
      if (log_.find("ready to accept connections") != std::string::npos) {
        ready_ = true;
        log_.clear();
      }
    }
    changed_.notify_all();
    if (got <= 0) break;
  }
  ::close(descriptor);
}

void PostgresServer::crash() {
  ::kill(server_, SIGQUIT);
  ::kill(server_, SIGCONT);
  int status = 0;
  ::waitpid(server_, &status, 0);
  server_ = -1;
  reader_.join();  // ends with the last process that had the pipe
}

std::vector<pid_t> PostgresServer::processes() const {
  std::vector<pid_t> made{server_};
  for (const auto& entry : fs::directory_iterator("/proc")) {
    const auto name = entry.path().filename().string();
    if (!std::ranges::all_of(name, [](char c) { return c >= '0' && c <= '9'; })) continue;
    std::ifstream file(entry.path() / "stat");
    std::string stat;
    std::getline(file, stat);
    const auto after_name = stat.rfind(") ");
    if (after_name == std::string::npos || after_name + 4 >= stat.size()) continue;
    if (std::atoi(stat.c_str() + after_name + 4) == server_) made.push_back(std::stoi(name));
  }
  return made;
}

void PostgresServer::freeze() {
  ::kill(server_, SIGSTOP);  // first: it makes no more children
  for (const auto process : processes()) ::kill(process, SIGSTOP);
}

void PostgresServer::thaw() {
  for (const auto process : processes()) ::kill(process, SIGCONT);
}

std::string PostgresServer::connection() const { return "host=" + folder_.string() + " user=relay dbname=postgres"; }

}  // namespace simplex::testing
