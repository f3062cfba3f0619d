// JSON objects with the canonical text of this protocol: keys in alphabetical order.
#pragma once

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <optional>
#include <string>

#include "simplex/base/result.hpp"

namespace simplex::chat::json {

using boost::json::object;
using boost::json::value;

[[nodiscard]] std::string canonical(const value& v);
[[nodiscard]] std::string canonical(const object& o);

// Strict: one value and nothing but white space after it; nesting of at most 32.
[[nodiscard]] Result<value> parse(std::string_view text);

[[nodiscard]] Result<std::string> required_text(const object& o, std::string_view field);
// Absent and null are the same.
[[nodiscard]] Result<std::optional<std::string>> optional_text(const object& o, std::string_view field);
[[nodiscard]] Result<const object*> required_object(const object& o, std::string_view field);

}  // namespace simplex::chat::json
