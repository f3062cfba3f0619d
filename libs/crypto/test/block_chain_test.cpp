#include "simplex/crypto/block_chain.hpp"

#include <gtest/gtest.h>

#include "simplex/testing/random.hpp"
#include "simplex/testing/vectors.hpp"

namespace simplex::crypto {
namespace {

constexpr std::size_t block_size = 16'384;

ChainKeys chains() { return init_chains(testing::pattern(32), testing::pattern(32)); }

TEST(BlockChain, BlocksGoOnlyInOrder) {
  auto sender = chains();
  auto receiver = chains();
  EXPECT_FALSE(sender.first == sender.second);
  Bytes first(block_size);
  Bytes second(block_size);
  const auto content = testing::pattern(16'366);
  ASSERT_TRUE(encrypt_block(sender.second, content, first));
  ASSERT_TRUE(encrypt_block(sender.second, content, second));
  EXPECT_NE(first, second);

  auto repeated = first;
  const auto inside = decrypt_block(receiver.second, first);
  ASSERT_TRUE(inside);
  EXPECT_EQ(to_bytes(*inside), content);
  EXPECT_EQ(decrypt_block(receiver.second, repeated).error().kind, ErrorKind::authentication);
  // The step was taken: what was next is past.
  EXPECT_FALSE(decrypt_block(receiver.second, second));
}

TEST(BlockChain, ContentThatDoesNotFitTakesNoStep) {
  auto sender = chains();
  Bytes block(block_size);
  EXPECT_EQ(encrypt_block(sender.first, Bytes(16'367), block).error().kind, ErrorKind::limit);
  Bytes tiny(15);
  EXPECT_EQ(encrypt_block(sender.first, {}, tiny).error().kind, ErrorKind::limit);
  EXPECT_TRUE(sender.first == chains().first);
  EXPECT_TRUE(encrypt_block(sender.first, Bytes(16'366), block));
  EXPECT_FALSE(sender.first == chains().first);
}

TEST(BlockChain, InPlace) {
  auto sender = chains();
  auto same = chains();
  const auto content = testing::pattern(1'000);
  Bytes expected(block_size);
  ASSERT_TRUE(encrypt_block(sender.first, content, expected));
  Bytes block(block_size);
  std::copy(content.begin(), content.end(), block.begin() + 18);
  ASSERT_TRUE(encrypt_block(same.first, BytesView(block).subspan(18, content.size()), block));
  EXPECT_EQ(block, expected);
}

TEST(BlockChain, PaddedAlreadyAndIntoOtherMemoryIsTheSame) {
  auto sender = chains();
  auto same = chains();
  const auto content = testing::pattern(1'000);
  Bytes expected(block_size);
  ASSERT_TRUE(encrypt_block(sender.first, content, expected));
  Bytes block(block_size, '#');
  block[16] = 1'000 >> 8;
  block[17] = 1'000 & 0xFF;
  std::copy(content.begin(), content.end(), block.begin() + 18);
  ASSERT_TRUE(encrypt_padded_block(same.first, block));
  EXPECT_EQ(block, expected);
  EXPECT_TRUE(sender.first == same.first);
  Bytes tiny(15);
  EXPECT_EQ(encrypt_padded_block(same.first, tiny).error().kind, ErrorKind::limit);
  EXPECT_TRUE(sender.first == same.first);

  auto receiver = chains();
  Bytes out(block_size - 16);
  const auto inside = decrypt_block_into(receiver.first, block, out);
  ASSERT_TRUE(inside);
  EXPECT_EQ(to_bytes(*inside), content);
  EXPECT_EQ(block, expected);
  EXPECT_TRUE(receiver.first == same.first);
  EXPECT_EQ(decrypt_block_into(receiver.first, block, out).error().kind, ErrorKind::authentication);
}

TEST(BlockChain, ShortBlocksAreRefusedInOtherMemoryToo) {
  for (const std::size_t size : {0U, 15U, 16U, 17U}) {
    auto receiver = chains();
    const Bytes block(size);
    Bytes out(size < 16 ? 0 : size - 16);
    EXPECT_FALSE(decrypt_block_into(receiver.first, block, out));
  }
  auto receiver = chains();
  Bytes small(100);
  EXPECT_THROW((void)decrypt_block_into(receiver.first, Bytes(block_size), small), std::invalid_argument);
}

TEST(BlockChain, ShortBlocksAreRefused) {
  for (const std::size_t size : {0U, 15U, 16U, 17U}) {
    auto receiver = chains();
    Bytes block(size);
    EXPECT_FALSE(decrypt_block(receiver.first, block));
  }
}

}  // namespace
}  // namespace simplex::crypto
