#include "process.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <regex>
#include <stdexcept>

namespace simplex::end_to_end {

namespace {

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (auto& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

std::array<int, 2> make_pipe() {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("no pipe for a program of the test");
  return ends;
}

}  // namespace

Process::Process(std::string program, std::vector<std::string> arguments, std::map<std::string, std::string> variables)
    : program_(std::move(program)) {
  std::signal(SIGPIPE, SIG_IGN);  // typing to a program that has ended is an error of that line only
  arguments.insert(arguments.begin(), program_);
  std::vector<std::string> environment;
  for (char** each = environ; *each != nullptr; ++each) {
    const std::string variable(*each);
    if (!variables.contains(variable.substr(0, variable.find('=')))) environment.push_back(variable);
  }
  for (const auto& [name, value] : variables) environment.push_back(name + "=" + value);
  const auto argument_pointers = pointers_to(arguments);
  const auto environment_pointers = pointers_to(environment);

  const auto input = make_pipe();
  const auto output = make_pipe();
  const pid_t parent = getpid();
  process_ = fork();
  if (process_ < 0) throw std::runtime_error("cannot start " + program_);
  if (process_ == 0) {  // only calls that are safe after fork
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(127);
    dup2(input[0], STDIN_FILENO);
    dup2(output[1], STDOUT_FILENO);
    dup2(output[1], STDERR_FILENO);
    execve(program_.c_str(), argument_pointers.data(), environment_pointers.data());
    _exit(127);
  }
  close(input[0]);
  close(output[1]);
  input_ = input[1];
  output_ = output[0];
  fcntl(output_, F_SETFL, O_NONBLOCK);
  process_handle_ = static_cast<int>(syscall(SYS_pidfd_open, process_, 0));
  if (process_handle_ < 0) throw std::runtime_error("cannot watch " + program_);
}

Process::~Process() {
  if (running()) {
    kill(process_, SIGKILL);
    int status = 0;
    waitpid(process_, &status, 0);
  }
  for (const int each : {process_handle_, input_, output_}) {
    if (each >= 0) close(each);
  }
}

void Process::type(const std::string& line) {
  const std::string text = line + "\n";
  std::size_t written = 0;
  while (written < text.size()) {
    const ssize_t count = write(input_, text.data() + written, text.size() - written);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) {
      ADD_FAILURE() << program_ << " does not take \"" << line << "\"\n" << transcript();
      return;
    }
    written += static_cast<std::size_t>(count);
  }
}

void Process::end_input() {
  close(input_);
  input_ = -1;
}

std::string Process::await(const std::string& expression, std::chrono::seconds limit) {
  const std::regex wanted(expression, std::regex::extended);
  const Deadline deadline = std::chrono::steady_clock::now() + limit;
  for (;;) {
    while (awaited_ < lines_.size()) {
      const std::string& line = lines_[awaited_++];
      if (std::regex_search(line, wanted)) return line;
    }
    if (!running() && !read_output()) {
      throw std::runtime_error(program_ + " has ended with " + std::to_string(*exit_code_) +
                               ", waiting for: " + expression + "\n" + transcript());
    }
    if (awaited_ < lines_.size()) continue;
    if (running() && !wait_for_event(deadline)) {
      throw std::runtime_error(program_ + " did not print in time: " + expression + "\n" + transcript());
    }
  }
}

void Process::signal(int number) {
  if (running()) kill(process_, number);
}

int Process::wait(std::chrono::seconds limit) {
  const Deadline deadline = std::chrono::steady_clock::now() + limit;
  while (running()) {
    if (!wait_for_event(deadline)) {
      ADD_FAILURE() << program_ << " did not end in time\n" << transcript();
      return -1;
    }
  }
  while (read_output()) {
  }
  return *exit_code_;
}

std::string Process::transcript() const {
  std::string text;
  for (const auto& line : lines_) text += "  | " + line + "\n";
  return text;
}

bool Process::wait_for_event(Deadline deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
  if (left.count() <= 0) return false;
  std::array<pollfd, 2> watched{{{process_handle_, POLLIN, 0}, {output_, POLLIN, 0}}};
  const int ready = poll(watched.data(), output_ >= 0 ? 2 : 1, static_cast<int>(left.count()));
  if (ready < 0) return errno == EINTR;
  if (watched[1].revents != 0) read_output();
  if (watched[0].revents != 0) reap();
  return ready > 0;
}

// Takes what has been printed; false when there was nothing.
bool Process::read_output() {
  if (output_ < 0) return false;
  std::array<char, 16384> buffer{};
  const ssize_t count = read(output_, buffer.data(), buffer.size());
  if (count < 0) return false;
  if (count == 0) {
    close(std::exchange(output_, -1));
    if (!partial_.empty()) lines_.push_back(std::exchange(partial_, {}));
    return !lines_.empty() && awaited_ < lines_.size();
  }
  partial_.append(buffer.data(), static_cast<std::size_t>(count));
  std::size_t begin = 0;
  for (std::size_t end = 0; (end = partial_.find('\n', begin)) != std::string::npos; begin = end + 1)
    lines_.push_back(partial_.substr(begin, end - begin));
  partial_.erase(0, begin);
  return true;
}

void Process::reap() {
  int status = 0;
  if (waitpid(process_, &status, WNOHANG) != process_) return;
  exit_code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace simplex::end_to_end
