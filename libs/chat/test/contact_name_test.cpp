#include "contact_name.hpp"

#include <gtest/gtest.h>

namespace simplex::chat {
namespace {

TEST(ContactName, OrdinaryNamesStayAsTheyAre) {
  for (const char* name : {"bob", "Bob Smith", "bob_1", "Борис", "李雷", "zoë", "a,b", "👩‍🚀"}) {
    EXPECT_EQ(contact_name_from(name), name);
  }
}

TEST(ContactName, NothingInItSteersTheTerminalOrHides) {
  EXPECT_EQ(contact_name_from("\x1b[2Jbob"), "[2Jbob");
  EXPECT_EQ(contact_name_from("bob\nalice> hi"), "bob alice> hi");
  EXPECT_EQ(contact_name_from("bo\xC2\x9B"
                              "b"),
            "bo b");
  EXPECT_EQ(contact_name_from("b\u200Bo\u202Eb\uFEFF"), "bob");
  EXPECT_EQ(contact_name_from("  bob \u2003 b\t "), "bob b");
}

TEST(ContactName, ItCanBeTyped) {
  EXPECT_EQ(contact_name_from("@bob"), "bob");
  EXPECT_EQ(contact_name_from("'/# bob's friend'"), "bobs friend");
  for (const char* name : {"", " ", "\n", "@", "'''", "\u200B"}) EXPECT_EQ(contact_name_from(name), "contact") << name;
}

TEST(ContactName, IsShort) {
  EXPECT_EQ(contact_name_from(std::string(15'000, 'x')), std::string(50, 'x'));
  std::string wide;
  for (int i = 0; i < 60; ++i) wide += "李";
  EXPECT_EQ(contact_name_from(wide).size(), 150u);
  std::string spaced;
  for (int i = 0; i < 60; ++i) spaced += "a ";
  EXPECT_LE(contact_name_from(spaced).size(), 50u);
  EXPECT_FALSE(contact_name_from(spaced).ends_with(' '));
}

TEST(ContactName, BrokenOctetsDoNotReadPastTheEnd) {
  for (const char* name : {"\xF0", "a\xE2\x80", "\xC2", "\xFF\xFF"})
    EXPECT_LE(contact_name_from(name).size(), 50u) << name;
}

}  // namespace
}  // namespace simplex::chat
