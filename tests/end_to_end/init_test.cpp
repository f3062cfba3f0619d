// "smp-server init": its questions, what it says, and what it refuses.
#include <algorithm>

#include "operator.hpp"

namespace simplex::end_to_end {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class InitTest : public OperatorTest {
 protected:
  [[nodiscard]] bool set_up() const { return fs::exists(stage_.folder() / "etc/smp-server.ini"); }
};

TEST_F(InitTest, AsksTheReferencesQuestions) {
  const auto made = run({"init", "--port", "5223"}, {"", "n", "maybe", "y", "a:b", "sesame", "relay.example", "ftp://x",
                                                     "https://example.com/source", "/srv/pages"});
  ASSERT_EQ(made.code, 0) << made.text;
  EXPECT_THAT(made.text, AllOf(HasSubstr("press Enter"), HasSubstr("Please answer y or n"),
                               HasSubstr("Invalid password"), HasSubstr("Invalid source code")));
  EXPECT_THAT(made.text, HasSubstr(":sesame@relay.example"));
  EXPECT_THAT(ini(), AllOf(HasSubstr("\nstore_queues = memory\n"), HasSubstr("\nenable = off\n"),
                           HasSubstr("\nlog_stats = on\n"), HasSubstr("\ncreate_password = sesame\n"),
                           HasSubstr("\nhost = relay.example\n"), HasSubstr("\nstatic_path = /srv/pages\n"),
                           HasSubstr("\nsource_code = https://example.com/source\n")));
}

TEST_F(InitTest, EnterTakesWhatIsUsual) {
  const auto made = run({"init"}, {"", "", "", "", "", "", ""});
  ASSERT_EQ(made.code, 0) << made.text;
  EXPECT_THAT(ini(), AllOf(HasSubstr("\nstore_queues = embedded\n"), HasSubstr("\nlog_stats = off\n"),
                           HasSubstr("\ncreate_password = "), HasSubstr("\nhost = 127.0.0.1\n"),
                           HasSubstr("\n# source_code = ")));
}

TEST_F(InitTest, DoesNotAskWhatWasSaid) {
  const auto made = run({"init", "-n", "relay.example", "--no-password", "--store", "memory", "-s", "--source-code",
                         "https://example.com/source", "--disable-web"},
                        {""});
  ASSERT_EQ(made.code, 0) << made.text;
  EXPECT_THAT(made.text, AllOf(Not(HasSubstr("(Yn)")), Not(HasSubstr("password?")), Not(HasSubstr("FQDN"))));
  EXPECT_THAT(ini(), HasSubstr("\n# create_password = "));
}

TEST_F(InitTest, IsNotDoneWhenTheAnswersEnd) {
  const auto ended = run({"init"}, {"", "y"});
  EXPECT_EQ(ended.code, 1);
  EXPECT_THAT(ended.text, HasSubstr("smp-server init -y"));
  EXPECT_FALSE(set_up());
}

TEST_F(InitTest, ShowsAQrCodeOfTheAddressOnATerminal) {
  Process terminal("/usr/bin/script",
                   {"-q", "-e", "-f", "-c", program("smp-server") + " init --no-password --disable-web", "/dev/null"},
                   variables());
  for (const auto* answer : {"", "", "", "relay.example", ""}) terminal.type(answer);
  terminal.await("Server address: smp://[^ ]*@relay.example");
  ASSERT_EQ(terminal.wait(), 0) << terminal.transcript();
  const auto squares = std::ranges::count_if(
      terminal.lines(), [](const std::string& line) { return line.find("█") != std::string::npos; });
  EXPECT_GT(squares, 15) << terminal.transcript();
  EXPECT_TRUE(set_up());
}

TEST_F(InitTest, SaysWhichOptionIsWrong) {
  const std::vector<std::vector<std::string>> all{
      {"--password", "a:b"},  {"--ip", "relay.example"},   {"--fqdn", "two names"},
      {"--fqdn", "-x"},       {"--port", "many"},          {"--socks-proxy", "local host:9050"},
      {"--password", "a\nb"}, {"--control-port", "66000"},
  };
  for (const auto& wrong : all) {
    auto arguments = wrong;
    arguments.insert(arguments.begin(), {"init", "-y"});
    const auto refused = run(arguments);
    EXPECT_NE(refused.code, 0) << refused.text;
    EXPECT_THAT(refused.text, AllOf(HasSubstr(wrong[0].substr(2)), Not(HasSubstr("etc/smp-server.ini")))) << wrong[1];
    EXPECT_FALSE(set_up()) << wrong[1];
  }
  const auto country = run({"init", "-y", "--source-code", "https://example.com", "--server-country", "DEU"});
  EXPECT_THAT(country.text, HasSubstr("--server-country DEU"));
}

}  // namespace
}  // namespace simplex::end_to_end
