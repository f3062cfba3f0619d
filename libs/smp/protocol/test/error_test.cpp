#include "simplex/smp/error.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "simplex/smp/version.hpp"
#include "generate.hpp"

namespace simplex::smp {
namespace {

Result<ErrorType> read(std::string_view text) {
  Reader reader(as_bytes(text));
  return read_error(reader);
}

TEST(SmpError, BlockedInTheWordsOfEachVersion) {
  const ErrorType blocked = errors::Blocked{{BlockingReason::spam, BlockingInfo::Notice{60}}};
  EXPECT_EQ(wire_text(blocked, SmpVersion(11)), "AUTH");
  EXPECT_EQ(wire_text(blocked, SmpVersion(12)), "BLOCKED reason=spam");
  EXPECT_EQ(wire_text(blocked, SmpVersion(17)), "BLOCKED reason=spam");
  EXPECT_EQ(wire_text(blocked, SmpVersion(18)), "BLOCKED reason=spam,notice={\"ttl\":60}");
  EXPECT_EQ(wire_text(proxied(blocked), SmpVersion(11)), "PROXY PROTOCOL BLOCKED reason=spam,notice={\"ttl\":60}");
}

TEST(SmpError, NestingIsBounded) {
  std::string text = "AUTH";
  for (int i = 0; i < 8; ++i) text = "PROXY PROTOCOL " + text;
  EXPECT_TRUE(read(text));
  EXPECT_FALSE(read("PROXY PROTOCOL " + text));
  std::string deep;
  for (int i = 0; i < 1000; ++i) deep += "PROXY PROTOCOL ";
  EXPECT_FALSE(read(deep + "AUTH"));
}

TEST(SmpError, OneWordMoreOrLess) {
  for (const std::string_view bad : {"",
                                     "AUTH ",
                                     "AUTHX",
                                     "auth",
                                     "CMD",
                                     "CMD ",
                                     "CMD SYNTAX ",
                                     "PROXY",
                                     "PROXY PROTOCOL",
                                     "PROXY BROKER HOST x",
                                     "PROXY BROKER TRANSPORT",
                                     "PROXY BROKER TRANSPORT HANDSHAKE",
                                     "PROXY BROKER NETWORK ",
                                     "BLOCKED",
                                     "BLOCKED spam",
                                     "BLOCKED reason=spam,",
                                     "BLOCKED reason=spam,notice=",
                                     "BLOCKED reason=spam,notice={\"ttl\":\"x\"}",
                                     "STORE",
                                     "NAME",
                                     "NAME RESOLVER",
                                     "NAME OTHER"})
    EXPECT_FALSE(read(bad)) << bad;
  EXPECT_TRUE(read("STORE "));
  EXPECT_TRUE(read("NAME RESOLVER "));
}

TEST(SmpError, NetworkTextIsReadThoughNeverSent) {
  const auto error = read("PROXY BROKER NETWORK CONNECT \x05refus").value();
  const auto& broker = std::get<proxy_errors::Broker>(std::get<errors::Proxy>(error.kind).error);
  EXPECT_EQ(std::get<broker_errors::Network>(broker.error).error, (NetworkError{NetworkError::Kind::connect, "refus"}));
  EXPECT_EQ(wire_text(error, current_version), "PROXY BROKER NETWORK");
}

TEST(SmpError, LongTextIsCutAtACharacter) {
  std::string text(254, 'a');
  text += "\xD0\xBF";
  const ErrorType error = errors::Proxy{proxy_errors::Broker{broker_errors::Response{text}}};
  const auto back = read(wire_text(error, current_version)).value();
  EXPECT_EQ(back, ErrorType(errors::Proxy{proxy_errors::Broker{broker_errors::Response{std::string(254, 'a')}}}));
}

TEST(SmpError, EachIsExplained) {
  EXPECT_TRUE(rc::check("to_error", [](std::uint64_t seed) {
    testing::Generator generate(seed);
    RC_ASSERT(!to_error(generate.error()).message.empty());
  }));
  EXPECT_EQ(to_error(errors::Quota{}).advice, Advice::retry);
  EXPECT_EQ(to_error(errors::Auth{}).kind, ErrorKind::authentication);
  EXPECT_EQ(to_error(proxied(errors::Auth{})), to_error(errors::Auth{}));
}

}  // namespace
}  // namespace simplex::smp
