#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <stdexcept>

#include "simplex/encoding/reader.hpp"
#include "simplex/encoding/version.hpp"
#include "simplex/encoding/writer.hpp"

namespace simplex {
namespace {

TEST(ReaderWriter, NumbersComeBack) {
  EXPECT_TRUE(rc::check("u8, u16, u32, i64", [](std::uint8_t a, std::uint16_t b, std::uint32_t c, std::int64_t d) {
    Writer writer;
    writer.u8(a).u16(b).u32(c).i64(d);
    RC_ASSERT(writer.size() == 15U);
    Reader reader(writer.view());
    RC_ASSERT(reader.u8().value() == a);
    RC_ASSERT(reader.u16().value() == b);
    RC_ASSERT(reader.u32().value() == c);
    RC_ASSERT(reader.i64().value() == d);
    RC_ASSERT(reader.finish().has_value());
  }));
}

TEST(ReaderWriter, StringsAndListsComeBack) {
  EXPECT_TRUE(
      rc::check("strings, optional, list", [](const Bytes& text, const std::vector<std::uint16_t>& numbers, bool flag) {
        RC_PRE(text.size() <= 255U && numbers.size() <= 255U);
        const std::optional<Bytes> present = text;
        const auto write_string = [](Writer& w, const Bytes& bytes) { w.short_string(bytes); };
        Writer writer;
        writer.short_string(text).large_string(text).boolean(flag).optional(present, write_string);
        writer.optional(std::optional<Bytes>(), write_string);
        writer.list(numbers, [](Writer& w, std::uint16_t n) { w.u16(n); }).raw(text);

        Reader reader(writer.view());
        RC_ASSERT(to_bytes(reader.short_string().value()) == text);
        RC_ASSERT(to_bytes(reader.large_string().value()) == text);
        RC_ASSERT(reader.boolean().value() == flag);
        const auto read_string = [](Reader& r) { return r.short_string(); };
        RC_ASSERT(to_bytes(reader.optional(read_string).value().value()) == text);
        RC_ASSERT(!reader.optional(read_string).value().has_value());
        RC_ASSERT(reader.list([](Reader& r) { return r.u16(); }).value() == numbers);
        RC_ASSERT(to_bytes(reader.tail()) == text);
      }));
}

TEST(ReaderWriter, EveryShorterInputIsAnError) {
  Writer writer;
  writer.u16(300).i64(-1).short_string("abc").large_string(as_bytes("defg"));
  const auto read_all = [](BytesView input) -> Result<> {
    Reader reader(input);
    SIMPLEX_TRY(reader.u16());
    SIMPLEX_TRY(reader.i64());
    SIMPLEX_TRY(reader.short_string());
    SIMPLEX_TRY(reader.large_string());
    return reader.finish();
  };
  EXPECT_TRUE(read_all(writer.view()));
  for (std::size_t size = 0; size < writer.size(); ++size) {
    const auto read = read_all(writer.view().first(size));
    ASSERT_FALSE(read) << size;
    EXPECT_EQ(read.error().kind, ErrorKind::malformed);
  }
}

TEST(ReaderWriter, WhatIsLeftOverIsAnError) {
  const Bytes input{'T', 'x'};
  Reader reader(input);
  EXPECT_TRUE(reader.boolean().value());
  EXPECT_FALSE(reader.finish());
  EXPECT_EQ(reader.remaining(), 1);
}

TEST(ReaderWriter, WrongTagsAreErrors) {
  const Bytes letter{'t'};
  EXPECT_FALSE(Reader(letter).boolean());
  EXPECT_FALSE(Reader(letter).maybe());
  EXPECT_FALSE(Reader(letter).expect("T"));
}

TEST(ReaderWriter, ACountPromisesNothing) {
  // 255 values announced, one there: an error, and no more memory than the count says.
  const Bytes input{255, 0, 1};
  Reader reader(input);
  EXPECT_FALSE(reader.list([](Reader& r) { return r.u16(); }));
}

TEST(ReaderWriter, UntilTakesTheSeparator) {
  Reader reader(as_bytes("SEND F body"));
  EXPECT_EQ(as_text(reader.until(' ')), "SEND");
  EXPECT_EQ(as_text(reader.until(' ')), "F");
  EXPECT_EQ(as_text(reader.until(' ')), "body");
  EXPECT_TRUE(reader.empty());
}

TEST(ReaderWriter, TooLongStringsAreOurBug) {
  const Bytes long_text(256);
  EXPECT_THROW(Writer().short_string(long_text), std::length_error);
  EXPECT_NO_THROW(Writer().short_string(BytesView(long_text).first(255)));
  EXPECT_THROW(Writer().large_string(Bytes(65536)), std::length_error);
  EXPECT_THROW(Writer().list(long_text, [](Writer& w, std::uint8_t b) { w.u8(b); }), std::length_error);
}

struct TestVersionTag;
using TestVersion = Version<TestVersionTag>;
using TestRange = VersionRange<TestVersionTag>;

TEST(Versions, RangesMeet) {
  const TestRange ours{TestVersion(6), TestVersion(20)};
  EXPECT_EQ(ours.common_max({TestVersion(4), TestVersion(9)}), TestVersion(9));
  EXPECT_EQ(ours.common_max({TestVersion(15), TestVersion(30)}), TestVersion(20));
  EXPECT_EQ(ours.common_max({TestVersion(1), TestVersion(5)}), std::nullopt);
  EXPECT_EQ(ours.common_max({TestVersion(21), TestVersion(22)}), std::nullopt);
  EXPECT_TRUE(ours.contains(TestVersion(6)));
  EXPECT_FALSE(ours.contains(TestVersion(21)));
}

TEST(Versions, TextComesBack) {
  EXPECT_TRUE(rc::check("version range as text", [](std::uint16_t a, std::uint16_t b) {
    const TestRange range{TestVersion(std::min(a, b)), TestVersion(std::max(a, b))};
    RC_ASSERT(parse_version_range<TestVersionTag>(format_version_range(range)).value() == range);
    Writer writer;
    write_version_range(writer, range);
    Reader reader(writer.view());
    RC_ASSERT(read_version_range<TestVersionTag>(reader).value() == range);
  }));
}

}  // namespace
}  // namespace simplex
