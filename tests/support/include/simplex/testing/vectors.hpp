// Vector files: cases that the reference implementation made (tests/vectors/README.md).
//
//   TEST(CryptoVectors, Pad) {
//     run_vectors("crypto.json", "pad", 13, [](const Case& c) { EXPECT_EQ(...c.bytes("padded")...); });
//   }
//
// Runs every case of that kind, names the failing one, requires the stated number of them, and prints the line
// "vectors: <file> <op> <n> cases", from which ./dev test adds up how many cases of each file ran.
#pragma once

#include <boost/json/value.hpp>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "simplex/base/bytes.hpp"

namespace simplex::testing {

// One JSON object. A missing or mistyped field throws: the test fails and says which.
class Case {
 public:
  explicit Case(const boost::json::object& fields) : fields_(&fields) {}

  [[nodiscard]] bool has(std::string_view field) const;  // present and not null
  [[nodiscard]] const boost::json::value& at(std::string_view field) const;
  [[nodiscard]] Bytes bytes(std::string_view field) const;  // hex; with "<field>_gzip" understood
  [[nodiscard]] std::string text(std::string_view field) const;
  [[nodiscard]] std::int64_t number(std::string_view field) const;
  [[nodiscard]] bool boolean(std::string_view field) const;
  [[nodiscard]] Case object(std::string_view field) const;
  [[nodiscard]] const boost::json::array& array(std::string_view field) const;
  [[nodiscard]] const boost::json::object& fields() const { return *fields_; }

 private:
  const boost::json::object* fields_;
};

// All the cases of a file, parsed once per process.
[[nodiscard]] const boost::json::array& vector_cases(std::string_view file);

void run_vectors(std::string_view file, std::string_view op, std::size_t count,
                 const std::function<void(const Case&)>& check);

[[nodiscard]] Bytes unhex(std::string_view text);
[[nodiscard]] Bytes gunzip(BytesView compressed);
// octet i is i mod 251
[[nodiscard]] Bytes pattern(std::size_t size);

}  // namespace simplex::testing
