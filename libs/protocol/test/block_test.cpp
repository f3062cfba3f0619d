#include "simplex/protocol/block.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace simplex::protocol {
namespace {

TEST(Block, PaddedToItsSize) {
  const Bytes block = pad_block(as_bytes("abc")).value();
  ASSERT_EQ(block.size(), block_size);
  EXPECT_EQ(to_bytes(BytesView(block).first(6)), to_bytes(std::string_view("\0\3abc#", 6)));
  EXPECT_EQ(block.back(), '#');
  EXPECT_EQ(as_text(unpad_block(block).value()), "abc");
}

TEST(Block, TooMuchContentIsOverTheLimit) {
  EXPECT_TRUE(pad_block(Bytes(block_size - 2)));
  const auto padded = pad_block(Bytes(block_size - 1));
  ASSERT_FALSE(padded);
  EXPECT_EQ(padded.error().kind, ErrorKind::limit);
}

TEST(Block, ALengthPastTheEndIsMalformed) {
  Bytes block(block_size, '#');
  block[0] = 0x40;  // 16,384 - 2 is the most
  block[1] = 0x00;
  EXPECT_FALSE(unpad_block(block));
  EXPECT_FALSE(unpad_block(Bytes{}));
  EXPECT_FALSE(unpad_block(Bytes{0}));
}

TEST(Batch, ComesBack) {
  EXPECT_TRUE(rc::check("batches", [](const std::vector<Bytes>& some, std::uint8_t repeated) {
    std::vector<Bytes> transmissions;
    for (unsigned i = 0; i < repeated % 20U + 1U; ++i)
      transmissions.insert(transmissions.end(), some.begin(), some.end());
    const auto contents = batch_transmissions(transmissions).value();
    std::vector<Bytes> back;
    for (const Bytes& content : contents) {
      RC_ASSERT(content.size() <= batch_limit + 1);
      const auto views = split_batch(content).value();
      RC_ASSERT(views.size() <= max_transmissions_in_block);
      for (const BytesView view : views) back.push_back(to_bytes(view));
    }
    RC_ASSERT(back == transmissions);
  }));
}

TEST(Batch, AtMost255Transmissions) {
  Batch batch;
  for (int i = 0; i < 255; ++i) EXPECT_TRUE(batch.add(as_bytes("x")));
  EXPECT_FALSE(batch.add(as_bytes("x")));
  EXPECT_EQ(batch.count(), 255);
  EXPECT_EQ(split_batch(batch.take()).value().size(), 255);
  EXPECT_TRUE(batch.empty());
  EXPECT_TRUE(batch.add(as_bytes("x")));
}

TEST(Batch, LeavesRoomAndTakesWhatIsWrittenInPlace) {
  Batch copied;
  Batch written(18);
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(copied.add(as_bytes("transmission")));
    EXPECT_TRUE(written.add(12, [](Writer& writer) { writer.raw("transmission"); }));
  }
  const auto in_place = written.take();
  EXPECT_EQ(to_bytes(BytesView(in_place).subspan(18)), copied.take());
  EXPECT_GE(in_place.capacity(), block_size);
  // It begins anew, with room again.
  EXPECT_TRUE(written.empty());
  EXPECT_TRUE(written.add(as_bytes("x")));
  EXPECT_EQ(written.take().size(), 18U + 1 + 2 + 1);
}

TEST(Batch, WhatIsWrittenInPlaceFitsAsMuchAsWhatIsCopied) {
  for (const std::size_t room : {0U, 2U, 18U}) {
    Batch batch(room);
    const auto fill = [](std::size_t size) { return [size](Writer& writer) { writer.fill(size, 'x'); }; };
    EXPECT_FALSE(batch.add(max_transmission_size + 1, fill(max_transmission_size + 1)));
    EXPECT_TRUE(batch.empty());
    EXPECT_TRUE(batch.add(max_transmission_size, fill(max_transmission_size)));
    EXPECT_FALSE(batch.add(0, fill(0)));
    EXPECT_EQ(batch.take().size(), room + 1 + batch_limit);
  }
}

TEST(Batch, WritingAnotherSizeThanWasSaidIsABug) {
  Batch batch;
  EXPECT_THROW((void)batch.add(3, [](Writer& writer) { writer.raw("ab"); }), std::logic_error);
}

TEST(Batch, FillsABlockToTheLastOctet) {
  Batch batch;
  EXPECT_FALSE(batch.fits(max_transmission_size + 1));
  EXPECT_FALSE(batch.add(Bytes(max_transmission_size + 1)));
  EXPECT_TRUE(batch.add(Bytes(max_transmission_size)));
  EXPECT_FALSE(batch.add(Bytes()));
  const Bytes content = batch.take();
  EXPECT_EQ(content.size(), batch_limit + 1);
  EXPECT_EQ(content.size() + 2 + 16, block_size);

  const std::vector<Bytes> too_large{Bytes(10), Bytes(max_transmission_size + 1)};
  const auto refused = batch_transmissions(too_large);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::limit);
}

TEST(Batch, EveryDamageRefusesTheBlock) {
  const std::vector<Bytes> transmissions{to_bytes("one"), to_bytes("two")};
  const Bytes content = batch_transmissions(transmissions).value().front();
  for (std::size_t size = 0; size < content.size(); ++size)
    EXPECT_FALSE(split_batch(BytesView(content).first(size))) << size;
  Bytes longer = content;
  longer.push_back(0);
  EXPECT_FALSE(split_batch(longer));
  EXPECT_FALSE(split_batch(Bytes{0}));
  EXPECT_FALSE(split_batch(Bytes(16382, 0xFF)));
}

}  // namespace
}  // namespace simplex::protocol
