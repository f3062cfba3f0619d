#include "simplex/protocol/connection_link.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "simplex/crypto/key_encoding.hpp"
#include "simplex/encoding/utf8.hpp"
#include "simplex/testing/random.hpp"

namespace simplex::protocol {
namespace {

QueueUri queue(Random& random, SmpClientVersionRange versions) {
  QueueUri made;
  made.versions = versions;
  made.address.server =
      parse_server_address("smp://kdPePtooXZWhwSf3xoBoDaSiI4SLU1G6i30WClMItVw=@a.com,b.onion:5223").value();
  made.address.sender_id = SenderId(random.bytes(24));
  made.address.dh_key = crypto::generate_x25519(random).public_key;
  made.address.mode = QueueMode::messaging;
  return made;
}

InvitationLink invitation(Random& random, bool with_kem) {
  InvitationLink link;
  link.data.agent_versions = {AgentVersion(2), AgentVersion(7)};
  link.data.queues = {queue(random, supported_client_versions)};
  link.e2e.versions = crypto::supported_e2e_versions;
  link.e2e.key1 = crypto::generate_x448(random).public_key;
  link.e2e.key2 = crypto::generate_x448(random).public_key;
  if (with_kem) {
    crypto::KemPublicKey kem;
    random.fill(kem.mutable_view());
    link.e2e.kem = kem;
  }
  return link;
}

TEST(ConnectionLink, InvitationComesBack) {
  testing::SeededRandom random(7);
  for (const bool with_kem : {false, true}) {
    const InvitationLink link = invitation(random, with_kem);
    const std::string text = format(link);
    EXPECT_LT(text.size(), 4000);
    EXPECT_EQ(parse_full_link(text).value(), FullLink(link));
    EXPECT_EQ(parse_connection_link("  \n" + text + "\r\n ").value(), ConnectionLink(link));
    EXPECT_EQ(mode_of(parse_connection_link(text).value()), ConnectionMode::invitation);
  }
}

TEST(ConnectionLink, SeveralQueuesAndClientData) {
  testing::SeededRandom random(8);
  ContactLink link;
  link.data.agent_versions = {AgentVersion(2), AgentVersion(7)};
  for (std::uint16_t v = 1; v <= 4; ++v)
    link.data.queues.push_back(queue(random, {SmpClientVersion(v), SmpClientVersion(4)}));
  link.data.client_data = "{\"text\": \"; & = % + \xD0\xBF\"}";
  EXPECT_EQ(parse_full_link(format(link)).value(), FullLink(link));
  Writer writer;
  write_full_link(writer, link);
  Reader reader(writer.view());
  EXPECT_EQ(read_full_link(reader).value(), FullLink(link));
  EXPECT_TRUE(reader.finish());
}

TEST(ConnectionLink, AnotherAlgorithmsKeyIsRefused) {
  testing::SeededRandom random(9);
  InvitationLink link = invitation(random, false);
  const std::string good = format(link.e2e);
  EXPECT_TRUE(parse_e2e_params(good));
  std::string x25519 = "v=2-3&x3dh=";
  const std::string key = "MCowBQYDK2VuAyEAAnjp2X05MQdGpVMYiiYl4vnBjd7i10y_89W2Nx9Wilk=";
  EXPECT_FALSE(parse_e2e_params(x25519 + key + ',' + key));
  EXPECT_FALSE(parse_e2e_params(good.substr(0, good.find(','))));
  EXPECT_FALSE(parse_e2e_params(good + ',' + key));
  EXPECT_FALSE(parse_e2e_params(good + "&kem_key=AAAA"));
  EXPECT_TRUE(parse_e2e_params("v=2&" + good.substr(good.find('&') + 1) + "&kem_key=AAAA"));
}

void expect_for_a_person(std::string_view text, std::string_view part_of_message) {
  const auto link = parse_connection_link(text);
  ASSERT_FALSE(link) << text.substr(0, 80);
  EXPECT_EQ(link.error().advice, Advice::ask_user);
  EXPECT_NE(link.error().message.find(part_of_message), std::string::npos) << link.error().message;
  EXPECT_LT(link.error().message.size(), 250);
}

TEST(ConnectionLink, JunkIsExplainedToAPerson) {
  testing::SeededRandom random(10);
  const std::string good = format(invitation(random, true));
  expect_for_a_person("", "no link");
  expect_for_a_person(" \n\t ", "no link");
  expect_for_a_person("hello", "not a connection link");
  expect_for_a_person("https://example.com/", "not a SimpleX connection link");
  expect_for_a_person("https://", "not a SimpleX connection link");
  expect_for_a_person("simplex:", "not a SimpleX connection link");
  expect_for_a_person("simplex:/", "not a SimpleX connection link");
  expect_for_a_person("simplex:/invitation", "damaged or not complete");
  expect_for_a_person("http://simplex.chat/invitation#/?v=2-7", "not with http://");
  expect_for_a_person("smp://kdPePtooXZWhwSf3xoBoDaSiI4SLU1G6i30WClMItVw=@a.com", "address of a server");
  expect_for_a_person(good + " see you", "spaces or line breaks");
  expect_for_a_person(good.substr(0, 100) + "\n" + good.substr(100), "spaces or line breaks");
  expect_for_a_person(good.substr(0, good.size() / 2), "damaged or not complete");
  expect_for_a_person(good + "x", "damaged or not complete");
  expect_for_a_person("simplex:/a#AAAA", "no server");
  expect_for_a_person("simplex:/z#AAAA?h=a.com", "unknown type");
  expect_for_a_person(std::string(max_link_size + 1, 'a'), "too long");
  expect_for_a_person(std::string_view("simplex:/invitation#/?\0\xFF", 24), "damaged or not complete");
}

TEST(ConnectionLink, EveryCutIsRefused) {
  testing::SeededRandom random(11);
  const InvitationLink link = invitation(random, false);
  const std::string good = format(link);
  for (std::size_t size = 0; size < good.size(); ++size) {
    // Only the padding of the last key may be missing.
    if (const auto cut = parse_connection_link(good.substr(0, size))) {
      EXPECT_EQ(*cut, ConnectionLink(link)) << size;
      EXPECT_EQ(good.substr(size), "%3D");
    }
  }
}

TEST(ConnectionLink, AnyChangeIsAnErrorOrAnotherLink) {
  testing::SeededRandom random(12);
  const std::string good = format(invitation(random, false));
  EXPECT_TRUE(rc::check("changed links", [&](std::uint16_t at, char c) {
    std::string changed = good;
    changed[at % changed.size()] = c;
    const auto link = parse_connection_link(changed);
    if (link) {
      RC_ASSERT(parse_connection_link(format(*link)).has_value());
    } else {
      RC_ASSERT(is_utf8(link.error().message));
    }
  }));
}

TEST(ConnectionLink, TooManyQueues) {
  testing::SeededRandom random(13);
  ContactLink link;
  link.data.agent_versions = {AgentVersion(2), AgentVersion(7)};
  link.data.queues.assign(100, queue(random, supported_client_versions));
  EXPECT_GT(format(link).size(), max_link_size);
  EXPECT_FALSE(parse_full_link(format(link)));
}

}  // namespace
}  // namespace simplex::protocol
