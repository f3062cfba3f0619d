#include "simplex/chat/message.hpp"

#include <gtest/gtest.h>

namespace simplex::chat {
namespace {

std::string text_message(std::string_view text) {
  return encode_chat_message(
      {supported_chat_versions, SharedMessageId(as_bytes("123456789012")), event::MessageNew{text_content(text)}});
}

std::string random_text(std::size_t size) {  // does not compress
  std::string text;
  std::uint64_t state = 88172645463325252ULL;
  while (text.size() < size) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    text += static_cast<char>('!' + state % 90);
  }
  return text;
}

MessageContent only_content(BytesView body) {
  const auto elements = parse_chat_messages(body);
  EXPECT_EQ(elements.size(), 1U);
  EXPECT_TRUE(elements.at(0).has_value());
  return std::get<event::MessageNew>(std::get<ChatMessage>(elements.at(0)->content).event).content;
}

TEST(Message, TextSurvivesTheWay) {
  const std::string text = "line\nquote \" backslash \\ tab\t \xF0\x9F\x91\x8B";
  EXPECT_EQ(only_content(as_bytes(text_message(text))), text_content(text));
}

TEST(Message, IsCompressedOnlyWhenItMustBe) {
  const std::string large = text_message(std::string(14000, 'a'));
  const auto plain = encode_body(large, BodyKind::message, false);
  ASSERT_TRUE(plain);
  EXPECT_EQ(as_text(*plain), large);
  const auto packed = encode_body(large, BodyKind::message, true);
  ASSERT_TRUE(packed);
  EXPECT_EQ(packed->at(0), 'X');
  EXPECT_LE(packed->size(), max_compressed_message_size);
  EXPECT_EQ(only_content(*packed).text, std::string(14000, 'a'));
}

TEST(Message, TooLongNamesTheLimit) {
  const auto plain = encode_body(text_message(random_text(16000)), BodyKind::message, false);
  ASSERT_FALSE(plain);
  EXPECT_EQ(plain.error().kind, ErrorKind::limit);
  EXPECT_NE(plain.error().message.find("15602"), std::string::npos);
  const auto packed = encode_body(text_message(std::string(14400, '\x01')), BodyKind::message, true);
  EXPECT_FALSE(packed);
}

TEST(Message, DecompressionIsBoundedOverAllItems) {
  // Two frames of 40,000 octets each are over the 65,536 that a body may have.
  const auto one = encode_body(text_message(std::string(14000, 'b')), BodyKind::message, true);
  ASSERT_TRUE(one);
  const BytesView frame = BytesView(*one).subspan(2);
  Bytes many{'X', 6};
  for (int i = 0; i < 6; ++i) append(many, frame);
  const auto elements = parse_chat_messages(many);
  ASSERT_EQ(elements.size(), 1U);
  ASSERT_FALSE(elements[0]);
  EXPECT_EQ(elements[0].error().kind, ErrorKind::limit);
}

TEST(Message, DeepNestingIsRefused) {
  const std::string deep = R"({"event":"x.ok","params":{"a":)" + std::string(100, '[') + std::string(100, ']') + "}}";
  const auto elements = parse_chat_messages(as_bytes(deep));
  ASSERT_EQ(elements.size(), 1U);
  EXPECT_FALSE(elements[0]);
}

TEST(Message, OneBadElementLeavesTheOthers) {
  const std::string batch =
      "[" + text_message("one") + ",{\"event\":\"x.msg.new\",\"params\":{}}," + text_message("two") + "]";
  const auto elements = parse_chat_messages(as_bytes(batch));
  ASSERT_EQ(elements.size(), 3U);
  EXPECT_TRUE(elements[0]);
  EXPECT_FALSE(elements[1]);
  EXPECT_TRUE(elements[2]);
}

}  // namespace
}  // namespace simplex::chat
