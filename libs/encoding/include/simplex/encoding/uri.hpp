// Percent-encoding and query strings of links (RFC 3986), as lenient in reading as the network's other programs are.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace simplex {

// Everything but letters, digits and "-_.~" becomes %XX.
[[nodiscard]] std::string percent_encode(std::string_view text);
// '+' becomes a space; a '%' without two hex digits stays as it is.
[[nodiscard]] std::string percent_decode(std::string_view text);

// name=value pairs between '&' (or ';'), decoded. The first of equal names counts; unknown ones are kept and ignored.
class Query {
 public:
  Query() = default;
  [[nodiscard]] static Query parse(std::string_view text);
  [[nodiscard]] const std::string* find(std::string_view name) const noexcept;  // null when there is none

 private:
  std::vector<std::pair<std::string, std::string>> pairs_;
};

}  // namespace simplex
