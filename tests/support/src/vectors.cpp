#include "simplex/testing/vectors.hpp"

#include <gtest/gtest.h>
#include <zlib.h>

#include <boost/json.hpp>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <stdexcept>

#include "simplex/encoding/base64.hpp"

namespace simplex::testing {

namespace {

[[noreturn]] void broken(std::string_view what, std::string_view field) {
  throw std::runtime_error("vector case: " + std::string(what) + " '" + std::string(field) + "'");
}

struct File {
  boost::json::value document;
  const boost::json::array* cases = nullptr;
};

const File& load(std::string_view name) {
  static std::map<std::string, File, std::less<>> loaded;
  if (const auto found = loaded.find(name); found != loaded.end()) return found->second;
  const std::string path = std::string(SIMPLEX_SOURCE_DIR "/tests/vectors/") + std::string(name);
  std::ifstream in(path, std::ios::binary);
  if (!in) throw std::runtime_error("no vector file " + path);
  const std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  File& file = loaded[std::string(name)];
  file.document = boost::json::parse(text);
  file.cases = &file.document.as_object().at("cases").as_array();
  return file;
}

}  // namespace

bool Case::has(std::string_view field) const {
  const auto* found = fields_->if_contains(field);
  return found != nullptr && !found->is_null();
}

const boost::json::value& Case::at(std::string_view field) const {
  const auto* found = fields_->if_contains(field);
  if (found == nullptr) broken("no field", field);
  return *found;
}

Bytes Case::bytes(std::string_view field) const {
  const std::string compressed = std::string(field) + "_gzip";
  if (!has(field) && has(compressed)) return gunzip(unhex(text(compressed)));
  return unhex(text(field));
}

std::string Case::text(std::string_view field) const {
  const auto& value = at(field);
  if (!value.is_string()) broken("not a text", field);
  return std::string(value.get_string());
}

std::int64_t Case::number(std::string_view field) const {
  const auto& value = at(field);
  if (!value.is_int64() && !value.is_uint64()) broken("not a number", field);
  return value.to_number<std::int64_t>();
}

bool Case::boolean(std::string_view field) const {
  const auto& value = at(field);
  if (!value.is_bool()) broken("not a boolean", field);
  return value.get_bool();
}

Case Case::object(std::string_view field) const {
  const auto& value = at(field);
  if (!value.is_object()) broken("not an object", field);
  return Case(value.get_object());
}

const boost::json::array& Case::array(std::string_view field) const {
  const auto& value = at(field);
  if (!value.is_array()) broken("not an array", field);
  return value.get_array();
}

const boost::json::array& vector_cases(std::string_view file) { return *load(file).cases; }

void run_vectors(std::string_view file, std::string_view op, std::size_t count,
                 const std::function<void(const Case&)>& check) {
  std::size_t ran = 0;
  std::size_t index = 0;
  for (const auto& value : vector_cases(file)) {
    const Case one(value.as_object());
    if (one.text("op") == op) {
      const std::string name = one.has("name") && one.at("name").is_string() ? one.text("name") : std::string();
      SCOPED_TRACE(std::string(file) + " case " + std::to_string(index) + " " + std::string(op) + " " + name);
      try {
        check(one);
      } catch (const std::exception& error) {
        ADD_FAILURE() << error.what();
      }
      ++ran;
    }
    ++index;
  }
  EXPECT_EQ(ran, count) << "cases of " << op << " in " << file;
  std::cout << "vectors: " << file << ' ' << op << ' ' << ran << " cases\n";
}

Bytes unhex(std::string_view text) {
  auto decoded = from_hex(text);
  if (!decoded) throw std::runtime_error("vector case: not hex: " + std::string(text.substr(0, 40)));
  return std::move(*decoded);
}

Bytes gunzip(BytesView compressed) {
  z_stream stream{};
  if (inflateInit2(&stream, 16 + MAX_WBITS) != Z_OK) throw std::runtime_error("zlib does not start");
  Bytes out;
  Bytes piece(65536);
  stream.next_in = const_cast<Bytef*>(compressed.data());
  stream.avail_in = static_cast<uInt>(compressed.size());
  int state = Z_OK;
  while (state == Z_OK) {
    stream.next_out = piece.data();
    stream.avail_out = static_cast<uInt>(piece.size());
    state = inflate(&stream, Z_NO_FLUSH);
    append(out, BytesView(piece).first(piece.size() - stream.avail_out));
  }
  inflateEnd(&stream);
  if (state != Z_STREAM_END) throw std::runtime_error("vector case: damaged gzip");
  return out;
}

Bytes pattern(std::size_t size) {
  Bytes made(size);
  for (std::size_t i = 0; i < size; ++i) made[i] = static_cast<std::uint8_t>(i % 251);
  return made;
}

}  // namespace simplex::testing
