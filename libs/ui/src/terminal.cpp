#include "simplex/ui/terminal.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <mutex>
#include <stdexcept>
#include <thread>

#include "line_editor.hpp"

namespace simplex::ui {

namespace {

constexpr std::size_t max_line = 65536;

void write_all(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

// Lines from a pipe or a file.
class PlainInput final : public LineSource {
 public:
  explicit PlainInput(std::move_only_function<void(std::string)> line) : line_(std::move(line)) {}

  bool read() override {
    char piece[4096];
    const ssize_t got = ::read(STDIN_FILENO, piece, sizeof piece);
    if (got < 0) return errno == EINTR || errno == EAGAIN;
    if (got == 0) {
      if (!pending_.empty()) line_(std::exchange(pending_, {}));
      return false;
    }
    for (const char c : std::string_view(piece, static_cast<std::size_t>(got))) {
      if (c == '\n')
        line_(std::exchange(pending_, {}));
      else if (pending_.size() < max_line)
        pending_ += c;
    }
    return true;
  }
  void print(const std::string& text) override { write_all(text); }

 private:
  std::move_only_function<void(std::string)> line_;
  std::string pending_;
};

class ThreadTerminal final : public Terminal {
 public:
  ThreadTerminal(async::Loop& loop, Handlers handlers, std::filesystem::path history)
      : loop_(loop), handlers_(std::make_shared<Handlers>(std::move(handlers))), wake_(eventfd(0, EFD_CLOEXEC)) {
    if (wake_ < 0) throw std::runtime_error("no eventfd");
    thread_ = std::thread([this, history = std::move(history)] { run(history); });
  }

  ~ThreadTerminal() override {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake();
    thread_.join();
    ::close(wake_);
  }

  void print(std::vector<std::string> lines) override {
    if (lines.empty()) return;
    {
      const std::lock_guard lock(mutex_);
      for (auto& line : lines) waiting_ += line + '\n';
    }
    wake();
  }

 private:
  void wake() {
    const std::uint64_t one = 1;
    (void)!::write(wake_, &one, sizeof one);
  }

  // Handlers are called on the loop only while this terminal exists.
  void deliver(std::string line) {
    loop_.post([handlers = std::weak_ptr<Handlers>(handlers_), line = std::move(line)]() mutable {
      if (auto alive = handlers.lock()) alive->line(std::move(line));
    });
  }

  void run(const std::filesystem::path& history) {
    const auto on_line = [this](std::string line) { deliver(std::move(line)); };
    std::unique_ptr<LineSource> source;
    if (isatty(STDIN_FILENO) && isatty(STDOUT_FILENO))
      source = make_line_editor(on_line, history);
    else
      source = std::make_unique<PlainInput>(on_line);
    bool input_open = true;
    for (;;) {
      pollfd files[2] = {{wake_, POLLIN, 0}, {input_open ? STDIN_FILENO : -1, POLLIN, 0}};
      if (poll(files, 2, -1) < 0 && errno != EINTR) return;
      if (files[0].revents != 0) {
        std::uint64_t count = 0;
        (void)!::read(wake_, &count, sizeof count);
      }
      const auto [text, stopping] = take_waiting();
      if (!text.empty()) source->print(text);
      if (stopping) return;
      if (input_open && files[1].revents != 0 && !source->read()) {
        input_open = false;
        loop_.post([handlers = std::weak_ptr<Handlers>(handlers_)] {
          if (auto alive = handlers.lock()) alive->end();
        });
      }
    }
  }

  std::pair<std::string, bool> take_waiting() {
    const std::lock_guard lock(mutex_);
    return {std::exchange(waiting_, {}), stopping_};
  }

  async::Loop& loop_;
  std::shared_ptr<Handlers> handlers_;
  int wake_;
  std::mutex mutex_;
  std::string waiting_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace

std::unique_ptr<Terminal> Terminal::open(async::Loop& loop, Handlers handlers, std::filesystem::path history) {
  return std::make_unique<ThreadTerminal>(loop, std::move(handlers), std::move(history));
}

Result<std::string> ask(const std::string& prompt) {
  write_all(prompt);
  std::string line;
  for (;;) {
    char c = 0;
    const ssize_t got = ::read(STDIN_FILENO, &c, 1);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0 && line.empty()) return fail(ErrorKind::not_found, "the input has ended");
    if (got <= 0 || c == '\n') return line;
    if (line.size() < max_line) line += c;
  }
}

}  // namespace simplex::ui
