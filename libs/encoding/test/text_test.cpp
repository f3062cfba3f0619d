#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "simplex/encoding/base64.hpp"
#include "simplex/encoding/uri.hpp"
#include "simplex/encoding/utf8.hpp"

namespace simplex {
namespace {

TEST(Base64, Rfc4648Examples) {
  const std::vector<std::pair<std::string_view, std::string_view>> examples{{"", ""},
                                                                            {"f", "Zg=="},
                                                                            {"fo", "Zm8="},
                                                                            {"foo", "Zm9v"},
                                                                            {"foob", "Zm9vYg=="},
                                                                            {"fooba", "Zm9vYmE="},
                                                                            {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, text] : examples) {
    EXPECT_EQ(base64url(as_bytes(plain)), text);
    EXPECT_EQ(base64_standard(as_bytes(plain)), text);
    EXPECT_EQ(from_base64url(text).value(), to_bytes(plain));
    EXPECT_EQ(from_base64_standard(text).value(), to_bytes(plain));
  }
  const Bytes bytes{0xFB, 0xFF};
  EXPECT_EQ(base64url(bytes), "-_8=");
  EXPECT_EQ(base64_standard(bytes), "+/8=");
}

TEST(Base64, ComesBackWithAndWithoutPadding) {
  EXPECT_TRUE(rc::check("base64url", [](const Bytes& bytes) {
    RC_ASSERT(from_base64url(base64url(bytes)).value() == bytes);
    RC_ASSERT(from_base64url(base64url_unpadded(bytes)).value() == bytes);
    RC_ASSERT(from_base64_standard(base64_standard(bytes)).value() == bytes);
    RC_ASSERT(from_hex(hex(bytes)).value() == bytes);
  }));
}

TEST(Base64, OnlyOneTextForEachValue) {
  for (const std::string_view bad :
       {"A", "Zh==", "Zm9=", "Zg=", "Zg===", "=", "====", "Zm9v=", "Zm 9", "ab+d", "Zm9v\n"})
    EXPECT_FALSE(from_base64url(bad)) << bad;
  EXPECT_FALSE(from_base64_standard("ab-d"));
}

TEST(Hex, BadTextIsAnError) {
  EXPECT_FALSE(from_hex("0"));
  EXPECT_FALSE(from_hex("0g"));
  EXPECT_EQ(from_hex("aAFf").value(), (Bytes{0xAA, 0xFF}));
}

TEST(PercentEncoding, OnlyUnreservedStays) {
  EXPECT_EQ(percent_encode("aZ09-_.~"), "aZ09-_.~");
  EXPECT_EQ(percent_encode("smp://a=@b,c/#?&;+ %"), "smp%3A%2F%2Fa%3D%40b%2Cc%2F%23%3F%26%3B%2B%20%25");
  EXPECT_EQ(percent_encode("\xC3\xA9"), "%C3%A9");
}

TEST(PercentEncoding, ComesBack) {
  EXPECT_TRUE(
      rc::check("percent", [](const std::string& text) { RC_ASSERT(percent_decode(percent_encode(text)) == text); }));
}

TEST(PercentEncoding, ReadsWhatOthersWrite) {
  EXPECT_EQ(percent_decode("a+b%2fc%2F"), "a b/c/");
  EXPECT_EQ(percent_decode("%"), "%");
  EXPECT_EQ(percent_decode("%2"), "%2");
  EXPECT_EQ(percent_decode("%zz%20"), "%zz ");
}

TEST(Query, FirstOfEqualNames) {
  const Query query = Query::parse("v=1&v=2&empty=&flag&a%3Db=c%26d;x=y");
  ASSERT_NE(query.find("v"), nullptr);
  EXPECT_EQ(*query.find("v"), "1");
  EXPECT_EQ(*query.find("empty"), "");
  EXPECT_EQ(*query.find("flag"), "");
  EXPECT_EQ(*query.find("a=b"), "c&d");
  EXPECT_EQ(*query.find("x"), "y");
  EXPECT_EQ(query.find("none"), nullptr);
  EXPECT_EQ(Query::parse("").find("v"), nullptr);
}

TEST(Utf8, KnowsCharacters) {
  for (const std::string_view good :
       {"", "plain", "\xD0\xBF", "\xE2\x82\xAC", "\xF0\x9F\x98\x80", "\xED\x9F\xBF", "\xF4\x8F\xBF\xBF"})
    EXPECT_TRUE(is_utf8(good)) << good;
  for (const std::string_view bad : {"\x80", "\xC0\x80", "\xC1\xBF", "\xE0\x9F\xBF", "\xED\xA0\x80", "\xF4\x90\x80\x80",
                                     "\xF5\x80\x80\x80", "\xD0", "\xE2\x82", "\xF0\x9F\x98", "a\xFF"})
    EXPECT_FALSE(is_utf8(bad)) << bad;
}

TEST(Utf8, SafeTextIsAlwaysUtf8) {
  EXPECT_EQ(safe_utf8("a\xFF\xD0\xBF\xD0"), "a?\xD0\xBF?");
  EXPECT_TRUE(rc::check("safe", [](const std::string& text) {
    const std::string safe = safe_utf8(text);
    RC_ASSERT(is_utf8(safe));
    if (is_utf8(text)) {
      RC_ASSERT(safe == text);
    }
  }));
}

}  // namespace
}  // namespace simplex
