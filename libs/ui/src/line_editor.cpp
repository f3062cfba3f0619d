#include "line_editor.hpp"

#include <wchar.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cwchar>
#include <stdexcept>
#include <string_view>

// After cstdio, which it needs.
#include <readline/history.h>
#include <readline/readline.h>

namespace simplex::ui {

namespace {

constexpr const char* prompt = "> ";
constexpr int history_lines = 1000;

// How many rows of a terminal the text takes: emoji and Han characters are two columns wide, a paste may have many lines.
int terminal_rows(const std::string& text, int columns) {
  int rows = 1;
  int used = 0;
  std::mbstate_t state{};
  for (std::size_t i = 0; i < text.size();) {
    wchar_t character = 0;
    // NOLINTNEXTLINE(concurrency-mt-unsafe): with a state of its own it is
    const std::size_t octets = std::mbrtowc(&character, text.data() + i, text.size() - i, &state);
    const bool readable = octets != 0 && octets <= text.size() - i;
    if (!readable) state = {};
    i += readable ? octets : 1;
    if (readable && character == L'\n') {
      ++rows;
      used = 0;
      continue;
    }
    const int width = readable ? std::max(wcwidth(character), 0) : 1;
    if (columns > 0 && used + width > columns) {
      ++rows;
      used = 0;
    }
    used += width;
  }
  return rows;
}

class LineEditor;
// readline's callbacks carry no context: this is the one editor.
LineEditor* the_editor = nullptr;

class LineEditor final : public LineSource {
 public:
  LineEditor(std::move_only_function<void(std::string)> line, const std::filesystem::path& history)
      : line_(std::move(line)), history_(history.string()) {
    if (the_editor != nullptr) throw std::logic_error("there is a line editor already");
    the_editor = this;
    rl_readline_name = "simplex-chat";
    rl_catch_signals = 0;
    rl_catch_sigwinch = 1;
    rl_bind_key('\t', rl_insert);
    using_history();
    stifle_history(history_lines);
    if (!history_.empty()) read_history(history_.c_str());
    rl_callback_handler_install(prompt, [](char* text) { the_editor->entered(text); });
  }

  ~LineEditor() override {
    rl_callback_handler_remove();
    if (!history_.empty() && write_history(history_.c_str()) == 0)
      std::filesystem::permissions(history_, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
    std::fputc('\n', stdout);
    std::fflush(stdout);
    the_editor = nullptr;
  }

  bool read() override {
    rl_callback_read_char();
    return !ended_;
  }

  void print(const std::string& text) override {
    rl_clear_visible_line();
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fflush(stdout);
    if (ended_) return;
    rl_on_new_line();
    rl_redisplay();
  }

 private:
  void entered(char* text) {
    if (text == nullptr) {
      ended_ = true;
      rl_callback_handler_remove();
      return;
    }
    std::string line(text);
    std::free(text);  // NOLINT: readline allocates with malloc
    if (line.find_first_not_of(' ') == std::string::npos) return;
    add_history(line.c_str());
    if (line.front() == '@') erase_typed(line);
    line_(std::move(line));
  }

  // A sent message is printed again with its time: the typed line would show it twice.
  static void erase_typed(const std::string& line) {
    int rows = 0;
    int columns = 0;
    rl_get_screen_size(&rows, &columns);
    const int used = terminal_rows(prompt + line, columns);
    for (int i = 0; i < used; ++i) std::fputs("\x1b[A\x1b[2K", stdout);
    std::fflush(stdout);
  }

  std::move_only_function<void(std::string)> line_;
  std::string history_;
  bool ended_ = false;
};

}  // namespace

std::unique_ptr<LineSource> make_line_editor(std::move_only_function<void(std::string)> line,
                                             const std::filesystem::path& history) {
  return std::make_unique<LineEditor>(std::move(line), history);
}

}  // namespace simplex::ui
