#include "simplex/transport/block_coder.hpp"

#include <gtest/gtest.h>

#include "simplex/crypto/block_chain.hpp"
#include "simplex/testing/vectors.hpp"

namespace simplex::transport {
namespace {

crypto::ChainKeys chains() { return crypto::init_chains(testing::pattern(32), testing::pattern(32)); }

BlockCoder relay() {
  auto keys = chains();
  return BlockCoder(BlockKeys{std::move(keys.first), std::move(keys.second)});
}

BlockCoder client() {
  auto keys = chains();
  return BlockCoder(BlockKeys{std::move(keys.second), std::move(keys.first)});
}

Bytes with_room(const BlockCoder& coder, BytesView content) {
  Bytes made(coder.room());
  append(made, content);
  return made;
}

TEST(BlockCoder, BlocksAreThoseOfTheChain) {
  auto coder = relay();
  auto keys = chains();
  for (const std::size_t size : {0U, 1U, 1'000U, 16'366U}) {
    const auto content = testing::pattern(size);
    Bytes expected(block_size);
    ASSERT_TRUE(crypto::encrypt_block(keys.first, content, expected));
    EXPECT_EQ(coder.make(with_room(coder, content)).value(), expected);
  }
}

TEST(BlockCoder, WithoutKeysItPadsOnly) {
  BlockCoder coder(std::nullopt);
  EXPECT_EQ(coder.room(), 2U);
  EXPECT_EQ(coder.max_content(), max_plain_content);
  BlockCoder::Memory memory;
  for (const std::size_t size : {0U, 1U, 1'000U, 16'382U}) {
    const auto content = testing::pattern(size);
    const auto block = coder.make(with_room(coder, content)).value();
    EXPECT_EQ(block, plain_block(content).value());
    EXPECT_EQ(to_bytes(coder.open(block, memory).value()), content);
  }
}

TEST(BlockCoder, NoMemoryIsTakenWhereItWasReserved) {
  auto coder = relay();
  Bytes content;
  content.reserve(block_size);
  content.resize(coder.room() + 100);
  const auto* const place = content.data();
  EXPECT_EQ(coder.make(std::move(content)).value().data(), place);
}

TEST(BlockCoder, ContentThatDoesNotFitChangesNothing) {
  auto sender = relay();
  auto receiver = client();
  EXPECT_EQ(sender.max_content(), max_encrypted_content);
  EXPECT_EQ(sender.make(Bytes(block_size + 1)).error().kind, ErrorKind::limit);
  EXPECT_THROW((void)sender.make(Bytes(17)), std::invalid_argument);
  const auto block = sender.make(with_room(sender, as_bytes("first"))).value();
  BlockCoder::Memory memory;
  EXPECT_EQ(as_text(receiver.open(block, memory).value()), "first");
}

TEST(BlockCoder, AfterADamagedBlockTheNextOneOpens) {
  auto sender = relay();
  auto receiver = client();
  BlockCoder::Memory memory;
  auto first = sender.make(with_room(sender, as_bytes("first"))).value();
  const auto second = sender.make(with_room(sender, as_bytes("second"))).value();
  first[5'000] ^= 1;
  EXPECT_EQ(receiver.open(first, memory).error().kind, ErrorKind::authentication);
  EXPECT_EQ(as_text(receiver.open(second, memory).value()), "second");
  EXPECT_EQ(receiver.open(BytesView(second).first(100), memory).error().kind, ErrorKind::malformed);
}

}  // namespace
}  // namespace simplex::transport
