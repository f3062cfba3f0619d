#include "simplex/chat/command.hpp"

#include <gtest/gtest.h>

namespace simplex::chat {
namespace {

template <class T>
T parsed(std::string_view line) {
  auto command = parse_command(line);
  EXPECT_TRUE(command.has_value()) << line << ": " << (command ? "" : command.error().message);
  return std::get<T>(command.value());
}

std::string error_of(std::string_view line) {
  const auto command = parse_command(line);
  EXPECT_FALSE(command.has_value()) << line;
  return command ? "" : command.error().message;
}

TEST(Command, ConnectWithAndWithoutLink) {
  parsed<command::CreateInvitation>("/c");
  parsed<command::CreateInvitation>("  /connect \n");
  EXPECT_EQ(parsed<command::Connect>("/c simplex:/invitation#/?v=2").link, "simplex:/invitation#/?v=2");
  EXPECT_NE(error_of("simplex:/invitation#/?v=2").find("write /c before"), std::string::npos);
}

TEST(Command, PastedLinkLosesLineBreaksAndQuotes) {
  for (const char* pasted : {"/c simplex:/invitation\n#/?v=2\n", "/c 'simplex:/invitation#/?v=2'",
                             "/c <simplex:/invitation#/?v=2>", "/c \" simplex:/invita tion#/\r\n?v=2\""})
    EXPECT_EQ(parsed<command::Connect>(pasted).link, "simplex:/invitation#/?v=2") << pasted;
  EXPECT_EQ(parsed<command::Connect>("/c '").link, "'");
}

TEST(Command, MessageKeepsItsText) {
  const auto send = parsed<command::SendMessage>("@bob  hello  @there ");
  EXPECT_EQ(send.contact, "bob");
  EXPECT_EQ(send.text, "hello  @there");
}

TEST(Command, NameInQuotesHasSpaces) {
  const auto send = parsed<command::SendMessage>("@'John Doe' hi");
  EXPECT_EQ(send.contact, "John Doe");
  EXPECT_EQ(send.text, "hi");
  EXPECT_EQ(quoted_name("John Doe"), "'John Doe'");
  EXPECT_EQ(quoted_name("bob"), "bob");
}

TEST(Command, HistoryOfOneOrOfAll) {
  EXPECT_EQ(parsed<command::ShowHistory>("/tail").count, 20);
  const auto one = parsed<command::ShowHistory>("/t @bob 5");
  EXPECT_EQ(one.contact, "bob");
  EXPECT_EQ(one.count, 5);
  for (const char* wrong :
       {"/tail 0", "/tail -1", "/tail 1001", "/tail many", "/tail 99999999999999999999", "/tail @bob 5 6"})
    EXPECT_NE(error_of(wrong).find("from 1 to 1000"), std::string::npos) << wrong;
}

TEST(Command, JunkIsRefusedWithAHint) {
  for (const char* junk :
       {"", "   ", "hello", "/", "/nothing", "@", "@bob", "@'bob hi", "@'' hi", "/contacts x", "/delete"})
    EXPECT_FALSE(error_of(junk).empty()) << junk;
  EXPECT_NE(error_of("hello").find("@name text"), std::string::npos);
}

}  // namespace
}  // namespace simplex::chat
