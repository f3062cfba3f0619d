// A program that a test runs: what it prints is read line by line, what is typed goes to its standard input. Every wait
// is for an event (a line, the end of the process) and has a bound; nothing sleeps. The program is killed when the object
// goes, and when the test's own process dies.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace simplex::end_to_end {

inline constexpr std::chrono::seconds patience{60};

class Process {
 public:
  // Variables are added to the test's own environment.
  Process(std::string program, std::vector<std::string> arguments, std::map<std::string, std::string> variables = {});
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  void type(const std::string& line);
  void end_input();
  // The next line, after the last awaited one, in which the regular expression is found. An exception ends the test when
  // the program ends or prints none in time.
  std::string await(const std::string& expression, std::chrono::seconds limit = patience);
  void signal(int number);
  // Exit code, or 128 + signal; the test fails when it does not end in time.
  int wait(std::chrono::seconds limit = patience);
  int stop(int number) {
    signal(number);
    return wait();
  }

  // All lines until now.
  [[nodiscard]] const std::vector<std::string>& lines() const { return lines_; }
  [[nodiscard]] std::string transcript() const;
  [[nodiscard]] bool running() const { return !exit_code_; }
  [[nodiscard]] pid_t id() const { return process_; }

 private:
  using Deadline = std::chrono::steady_clock::time_point;
  // Waits until something is printed or the process ends. False when the deadline passes.
  bool wait_for_event(Deadline deadline);
  bool read_output();
  void reap();

  std::string program_;
  pid_t process_ = -1;
  int process_handle_ = -1;
  int input_ = -1;
  int output_ = -1;
  std::string partial_;
  std::vector<std::string> lines_;
  std::size_t awaited_ = 0;
  std::optional<int> exit_code_;
};

}  // namespace simplex::end_to_end
