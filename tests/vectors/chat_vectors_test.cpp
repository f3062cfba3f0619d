// chat.json: every event and batch form parsed and encoded again, the rejected ones too.
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "simplex/chat/message.hpp"
#include "simplex/encoding/base64.hpp"
#include "simplex/testing/vectors.hpp"

namespace simplex::chat {
namespace {

using simplex::testing::Case;
using simplex::testing::run_vectors;

void check_results(const Case& c, BytesView input) {
  const auto elements = parse_chat_messages(input);
  const auto& expected = c.array("results");
  ASSERT_EQ(elements.size(), expected.size());
  for (std::size_t i = 0; i < elements.size(); ++i) {
    const Case want(expected[i].as_object());
    const auto& got = elements[i];
    if (want.has("error")) {
      EXPECT_FALSE(got.has_value());
      continue;
    }
    ASSERT_TRUE(got.has_value()) << got.error().message;
    if (want.has("reencoded_hex")) {
      ASSERT_TRUE(std::holds_alternative<FileChunk>(got->content));
      EXPECT_EQ(hex(encode_file_chunk(std::get<FileChunk>(got->content))), want.text("reencoded_hex"));
      continue;
    }
    ASSERT_TRUE(std::holds_alternative<ChatMessage>(got->content));
    EXPECT_EQ(encode_chat_message(std::get<ChatMessage>(got->content)), want.text("reencoded"));
    ASSERT_EQ(got->forwarded.has_value(), want.has("forward_smp"));
    if (got->forwarded) EXPECT_EQ(got->forwarded->encoded, want.bytes("forward_smp"));
    ASSERT_EQ(got->signature.has_value(), want.has("signatures_smp"));
    if (got->signature) {
      EXPECT_EQ(got->signature->signatures, want.bytes("signatures_smp"));
      EXPECT_EQ(got->signature->body, want.text("signed_body"));
    }
  }
}

TEST(ChatVectors, Parse) {
  run_vectors("chat.json", "parse", 79, [](const Case& c) { check_results(c, as_bytes(c.text("input"))); });
}

TEST(ChatVectors, ParseBinary) {
  run_vectors("chat.json", "parse_binary", 24, [](const Case& c) { check_results(c, c.bytes("input_hex")); });
}

TEST(ChatVectors, Limits) {
  run_vectors("chat.json", "limits", 1, [](const Case& c) {
    EXPECT_EQ(c.number("max_encoded_message"), static_cast<std::int64_t>(max_message_size));
    EXPECT_EQ(c.number("max_compressed_message"), static_cast<std::int64_t>(max_compressed_message_size));
    EXPECT_EQ(c.number("max_connection_info"), static_cast<std::int64_t>(max_info_size));
    EXPECT_EQ(c.number("max_compressed_info"), static_cast<std::int64_t>(max_compressed_info_size));
    EXPECT_EQ(c.number("max_decompressed"), static_cast<std::int64_t>(max_decompressed_size));
  });
}

}  // namespace
}  // namespace simplex::chat
