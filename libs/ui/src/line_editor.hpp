// Where typed lines come from and printed lines go to; used by the terminal's thread alone.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

namespace simplex::ui {

class LineSource {
 public:
  virtual ~LineSource() = default;
  virtual bool read() = 0;  // input is ready; false: it has ended
  virtual void print(const std::string& text) = 0;
};

// GNU readline. There is one standard input, so there may be one editor at a time.
[[nodiscard]] std::unique_ptr<LineSource> make_line_editor(std::move_only_function<void(std::string)> line,
                                                           const std::filesystem::path& history);

}  // namespace simplex::ui
