// The terminal of a person: a line editor with history on a terminal; plain lines when the input is a pipe or a file.
//
// An own thread reads the input; lines come out through the handler on the loop. print() may be called on any thread
// and does not disturb the line being typed.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "simplex/async/loop.hpp"
#include "simplex/base/result.hpp"

namespace simplex::ui {

class Terminal {
 public:
  struct Handlers {
    std::move_only_function<void(std::string)> line;
    std::move_only_function<void()> end;  // end of input, once
  };

  // history: the file in which typed lines are kept from one start to the next; empty: they are not kept.
  [[nodiscard]] static std::unique_ptr<Terminal> open(async::Loop& loop, Handlers handlers,
                                                      std::filesystem::path history);

  virtual ~Terminal() = default;  // stops the thread and restores the terminal
  virtual void print(std::vector<std::string> lines) = 0;
};

// One line of standard input before a Terminal is opened, without its end. Reads no octet beyond it.
// not_found: the input has ended.
[[nodiscard]] Result<std::string> ask(const std::string& prompt);

}  // namespace simplex::ui
