#include "simplex/server_kit/ini.hpp"

#include <gmock/gmock.h>

#include <fstream>

#include "simplex/server_kit/files.hpp"

namespace simplex::server_kit {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::string_view sample = R"([STORE_LOG]
# a comment = not a setting
enable = on
expire_messages_days = 21

[AUTH]
; new_queues = off
create_password: p=a:ss
[TRANSPORT]
host = relay.example
port = 5223,443
)";

TEST(Ini, ReadsTheReferenceForm) {
  const auto ini = Ini::parse(sample, "smp-server.ini");
  ASSERT_TRUE(ini);
  ASSERT_EQ(ini->entries().size(), 5u);
  EXPECT_EQ(*ini->find("STORE_LOG", "enable"), (IniEntry{"STORE_LOG", "enable", "on", 3}));
  EXPECT_EQ(ini->find("AUTH", "create_password")->value, "p=a:ss");
  EXPECT_EQ(ini->find("AUTH", "new_queues"), nullptr);
  EXPECT_EQ(ini->find("TRANSPORT", "port")->value, "5223,443");
}

TEST(Ini, ReadsTheReferenceRelaysFile) {
  const auto ini = Ini::load(SIMPLEX_SOURCE_DIR "/tests/samples/smp-memory/etc/smp-server.ini");
  ASSERT_TRUE(ini) << ini.error().message;
  EXPECT_EQ(ini->find("TRANSPORT", "port")->value, "5423");
  EXPECT_EQ(ini->find("INACTIVE_CLIENTS", "ttl")->value, "21600");
}

TEST(Ini, NamesEveryBadLine) {
  const auto ini = Ini::parse("[A]\nkey\n[B\n= 1\nx = 1\nx = 2\n", "f.ini");
  ASSERT_FALSE(ini);
  EXPECT_EQ(ini.error().kind, ErrorKind::malformed);
  for (const auto* place : {"f.ini:2:", "f.ini:3:", "f.ini:4:", "f.ini:6:"}) {
    EXPECT_THAT(ini.error().message, HasSubstr(place));
  }
}

// Each entry has a copy of its section's name: a file must not become much more in memory than it is.
TEST(Ini, ALongSectionNameIsRefused) {
  EXPECT_TRUE(Ini::parse('[' + std::string(100, 'S') + "]\na = 1\n", "f.ini"));
  const auto ini = Ini::parse('[' + std::string(101, 'S') + "]\na = 1\n", "f.ini");
  ASSERT_FALSE(ini);
  EXPECT_EQ(ini.error().message, "f.ini:1: a section is written [NAME], of 1 to 100 characters");
}

TEST(Ini, WrongValuesNameTheLineAndWhatIsAllowed) {
  const auto ini = Ini::parse("[S]\na = maybe\nb = 12x\nc = 7\nd = disk\ne = 5\n", "f.ini");
  ASSERT_TRUE(ini);
  IniSettings settings(*ini);
  EXPECT_TRUE(settings.on_off("S", "a", true));
  EXPECT_EQ(settings.number("S", "b", 3, 0, 10), 3);
  EXPECT_EQ(settings.number("S", "c", 3, 0, 5), 3);
  EXPECT_EQ(settings.one_of("S", "d", "memory", {"memory", "journal"}), "memory");
  EXPECT_EQ(settings.number("S", "e", 3, 0, 5), 5);
  EXPECT_THAT(settings.problems(), ElementsAre("f.ini:2: [S] a = maybe: must be on or off",
                                               "f.ini:3: [S] b = 12x: must be a whole number from 0 to 10",
                                               "f.ini:4: [S] c = 7: must be a whole number from 0 to 5",
                                               "f.ini:5: [S] d = disk: must be one of: memory, journal"));
}

TEST(Ini, ReportsUnknownKeysOnly) {
  const auto ini = Ini::parse("[S]\na = on\nb = 1\nnew_thing = 5\n", "f.ini");
  ASSERT_TRUE(ini);
  IniSettings settings(*ini);
  EXPECT_TRUE(settings.on_off("S", "a", false));
  settings.known("S", {"b"});
  EXPECT_THAT(settings.unknown_keys(), ElementsAre("f.ini:4: [S] new_thing = 5"));
}

TEST(Ini, CommandLineWins) {
  auto ini = Ini::parse("[S]\na = on\n", "f.ini");
  ASSERT_TRUE(ini);
  ASSERT_TRUE(ini->set("S.a=off"));
  ASSERT_TRUE(ini->set("T.b = x=y.z"));
  EXPECT_EQ(ini->find("S", "a")->value, "off");
  EXPECT_EQ(ini->find("T", "b")->value, "x=y.z");
  for (const auto* text : {"", "a", "S.a", ".a=1", "S.=1", "=1"}) EXPECT_FALSE(ini->set(text)) << text;
}

class Files : public ::testing::Test {
 protected:
  void SetUp() override {
    directory_ = std::filesystem::temp_directory_path() / ("server_kit_" + std::to_string(::getpid()));
    ASSERT_TRUE(create_directories(directory_ / "a", 0700));
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }
  std::filesystem::path directory_;
};

TEST_F(Files, CreateRefusesToOverwrite) {
  const auto file = directory_ / "x";
  ASSERT_TRUE(create_file(file, as_bytes("one"), private_file));
  const auto again = create_file(file, as_bytes("two"), private_file);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().kind, ErrorKind::conflict);
  EXPECT_EQ(as_text(*read_file(file)), "one");
  EXPECT_EQ(std::filesystem::status(file).permissions(), std::filesystem::perms(0600));
}

TEST_F(Files, ReplacementThatIsNotCommittedLeavesTheFile) {
  const auto file = directory_ / "x";
  ASSERT_TRUE(replace_file(file, as_bytes("one"), public_file));
  {
    auto replacement = FileReplacement::begin(file, public_file);
    ASSERT_TRUE(replacement);
    ASSERT_TRUE(replacement->write(as_bytes("two")));
  }
  EXPECT_EQ(as_text(*read_file(file)), "one");
  EXPECT_FALSE(std::filesystem::exists(directory_ / "x.new"));
}

TEST_F(Files, AppendToAFullDiskIsAnErrorAndNothingElse) {
  auto full = AppendFile::open("/dev/full", public_file);
  ASSERT_TRUE(full);
  const auto appended = full->append(as_bytes("line\n"));
  ASSERT_FALSE(appended);
  EXPECT_EQ(appended.error().kind, ErrorKind::storage);
  EXPECT_EQ(appended.error().advice, Advice::retry);
  EXPECT_THAT(appended.error().message, HasSubstr("/dev/full"));

  auto file = AppendFile::open(directory_ / "log", public_file);
  ASSERT_TRUE(file);
  ASSERT_TRUE(file->append(as_bytes("a\n")));
  ASSERT_TRUE(file->append(as_bytes("b\n")));
  EXPECT_EQ(as_text(*read_file(directory_ / "log")), "a\nb\n");
}

TEST_F(Files, MissingFileSaysWhich) {
  const auto read = read_file(directory_ / "none");
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().kind, ErrorKind::not_found);
  EXPECT_THAT(read.error().message, HasSubstr("none"));
}

}  // namespace
}  // namespace simplex::server_kit
