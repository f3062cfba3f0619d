#include "simplex/transport/block.hpp"

#include "support.hpp"

namespace simplex::transport {
namespace {

Bytes numbered_block(std::uint8_t number) { return Bytes(block_size, number); }

TEST(BlockReader, CutsAStreamHoweverItArrives) {
  Bytes stream;
  for (std::uint8_t i = 0; i < 5; ++i) append(stream, numbered_block(i));
  testing::SeededRandom random(7);
  for (int round = 0; round < 200; ++round) {
    BlockReader reader;
    std::vector<Bytes> blocks;
    const auto longest = round % 2 == 0 ? 3 * block_size : std::size_t{700};
    for (BytesView rest = stream; !rest.empty();) {
      const auto size = std::min<std::size_t>(rest.size(), 1 + random.below(longest));
      reader.feed(rest.first(size), [&](BytesView block) {
        blocks.push_back(to_bytes(block));
        return true;
      });
      rest = rest.subspan(size);
    }
    ASSERT_EQ(blocks.size(), 5U);
    for (std::uint8_t i = 0; i < 5; ++i) EXPECT_EQ(blocks[i], numbered_block(i));
    EXPECT_EQ(reader.partial(), 0U);
  }
}

TEST(BlockReader, DoesNotCopyAWholeBlock) {
  const Bytes stream = numbered_block(1);
  BlockReader reader;
  const std::uint8_t* seen = nullptr;
  reader.feed(stream, [&](BytesView block) {
    seen = block.data();
    return true;
  });
  EXPECT_EQ(seen, stream.data());
}

TEST(BlockReader, KeepsABegunBlockAndStopsWhenTold) {
  BlockReader reader;
  int blocks = 0;
  const auto count = [&](BytesView) {
    ++blocks;
    return false;
  };
  reader.feed(Bytes(100), count);
  EXPECT_EQ(reader.partial(), 100U);
  reader.feed(Bytes(3 * block_size), count);
  EXPECT_EQ(blocks, 1);
}

TEST(Block, PadsAndRefusesWhatDoesNotFit) {
  const auto block = plain_block(as_bytes("hello"));
  ASSERT_TRUE(block);
  EXPECT_EQ(block->size(), block_size);
  EXPECT_EQ(block->back(), '#');
  EXPECT_EQ(as_text(content_of_plain_block(*block).value()), "hello");
  EXPECT_TRUE(plain_block(Bytes(max_plain_content)));
  EXPECT_EQ(plain_block(Bytes(max_plain_content + 1)).error().kind, ErrorKind::limit);
}

TEST(Block, RefusesALengthBeyondTheBlock) {
  Bytes block(block_size, '#');
  block[0] = 0x40;
  block[1] = 0x00;  // 16,384 octets of content in a block of 16,384
  EXPECT_FALSE(content_of_plain_block(block));
  block[0] = 0x3f;
  block[1] = 0xfe;
  EXPECT_EQ(content_of_plain_block(block).value().size(), max_plain_content);
}

}  // namespace
}  // namespace simplex::transport
