// The result, once as text for people and once as JSON for programs: the same figures.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "load.hpp"
#include "process_use.hpp"

namespace simplex::bench {

struct Measured {
  Tally tally;
  Duration time{};
  Duration own_cpu{};
  std::optional<ProcessUse> before;  // of the process that --pid names
  std::optional<ProcessUse> after;
};

struct Figure {
  std::string name;  // in JSON
  std::string text;  // for people
  std::variant<std::uint64_t, double, std::string> value;
};

// What one operation of the mode is: "message", "queue", ...
[[nodiscard]] const char* operation_of(Mode mode);
[[nodiscard]] std::vector<Figure> figures_of(const Settings& settings, const Measured& measured);
[[nodiscard]] std::string as_json(const std::vector<Figure>& figures);  // one object, one figure a line
[[nodiscard]] std::string as_table(const std::vector<Figure>& figures);

}  // namespace simplex::bench
