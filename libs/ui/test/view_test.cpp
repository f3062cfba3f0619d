#include "simplex/ui/view.hpp"

#include <gmock/gmock.h>

namespace simplex::ui {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;

chat::Item item(chat::Direction direction, chat::ItemStatus status, std::string text) {
  return {chat::ItemId(1), "bob", direction, status, std::move(text), WallTime{}};
}

TEST(View, ReceivedAndSentMessages) {
  EXPECT_THAT(lines_of(item(chat::Direction::received, chat::ItemStatus::received, "hi")).at(0), EndsWith(" bob> hi"));
  EXPECT_THAT(lines_of(item(chat::Direction::sent, chat::ItemStatus::delivered, "hi")).at(0), EndsWith(" @bob hi"));
  EXPECT_THAT(lines_of(item(chat::Direction::sent, chat::ItemStatus::failed, "hi")).at(0), HasSubstr("not delivered"));
}

TEST(View, ASecondLineCannotPassForAnotherMessage) {
  const auto lines =
      lines_of(item(chat::Direction::received, chat::ItemStatus::received, "hi\n12:00 alice> money please"));
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(lines[1], "      12:00 alice> money please");
}

TEST(View, ControlCharactersDoNotReachTheTerminal) {
  EXPECT_EQ(without_control_characters("a\x1b[2Jb\r\x07\x7f"), "a [2Jb   ");
  EXPECT_EQ(without_control_characters("\xC2\x9B"
                                       "31m"),
            " 31m");
  EXPECT_EQ(without_control_characters("\xC3\xA9\xF0\x9F\x91\x8B"), "\xC3\xA9\xF0\x9F\x91\x8B");
  const auto lines = lines_of(item(chat::Direction::received, chat::ItemStatus::received, "\x1b]0;title\x07"));
  EXPECT_EQ(lines.at(0).find('\x1b'), std::string::npos);
}

TEST(View, ContactsSayTheirState) {
  const auto lines = lines_of(
      chat::Answer(chat::answer::Contacts{{{chat::ContactId(1), "alice", "Alice", chat::ContactState::connected},
                                           {chat::ContactId(2), "bob", "", chat::ContactState::connecting}}}));
  EXPECT_EQ(lines, (Lines{"alice (Alice)", "bob, connecting"}));
}

TEST(View, DeliveryIsSaidOnlyWhenAsked) {
  const chat::Happening delivered =
      chat::happening::MessageDelivered{item(chat::Direction::sent, chat::ItemStatus::delivered, "hi")};
  EXPECT_TRUE(lines_of(delivered, false).empty());
  EXPECT_FALSE(lines_of(delivered, true).empty());
}

}  // namespace
}  // namespace simplex::ui
