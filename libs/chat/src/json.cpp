#include "json.hpp"

#include <algorithm>
#include <boost/json/parser.hpp>
#include <boost/json/serialize.hpp>
#include <vector>

namespace simplex::chat::json {

namespace {

void write(std::string& out, const value& v);

void write(std::string& out, const object& o) {
  std::vector<const object::value_type*> fields;
  fields.reserve(o.size());
  for (const auto& field : o) fields.push_back(&field);
  std::sort(fields.begin(), fields.end(), [](const auto* a, const auto* b) { return a->key() < b->key(); });
  out += '{';
  bool first = true;
  for (const auto* field : fields) {
    if (!std::exchange(first, false)) out += ',';
    out += boost::json::serialize(field->key());
    out += ':';
    write(out, field->value());
  }
  out += '}';
}

void write(std::string& out, const value& v) {
  if (v.is_object()) return write(out, v.get_object());
  if (!v.is_array()) {
    out += boost::json::serialize(v);
    return;
  }
  out += '[';
  bool first = true;
  for (const auto& item : v.get_array()) {
    if (!std::exchange(first, false)) out += ',';
    write(out, item);
  }
  out += ']';
}

std::unexpected<Error> missing(std::string_view field, std::string_view type) {
  return fail(ErrorKind::malformed, "message has no " + std::string(type) + " \"" + std::string(field) + "\"");
}

}  // namespace

std::string canonical(const value& v) {
  std::string out;
  write(out, v);
  return out;
}

std::string canonical(const object& o) {
  std::string out;
  write(out, o);
  return out;
}

Result<value> parse(std::string_view text) {
  boost::json::parse_options options;
  options.max_depth = 32;
  boost::json::parser parser({}, options);
  boost::system::error_code error;
  parser.write(text, error);
  if (error) return fail(ErrorKind::malformed, "message is not JSON");
  return parser.release();
}

Result<std::string> required_text(const object& o, std::string_view field) {
  const auto* found = o.if_contains(field);
  if (found == nullptr || !found->is_string()) return missing(field, "text");
  return std::string(found->get_string());
}

Result<std::optional<std::string>> optional_text(const object& o, std::string_view field) {
  const auto* found = o.if_contains(field);
  if (found == nullptr || found->is_null()) return std::nullopt;
  SIMPLEX_ASSIGN(auto text, required_text(o, field));
  return std::optional(std::move(text));
}

Result<const object*> required_object(const object& o, std::string_view field) {
  const auto* found = o.if_contains(field);
  if (found == nullptr || !found->is_object()) return missing(field, "object");
  return &found->get_object();
}

}  // namespace simplex::chat::json
