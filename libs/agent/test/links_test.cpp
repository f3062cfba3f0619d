// What of short links is decided without a relay.
#include "desk.hpp"
#include "link_request.hpp"

namespace simplex::agent {
namespace {

class LinksTest : public ::testing::Test {
 protected:
  // Of the relay that the desk has as its own.
  protocol::ShortLink link(bool whole = true) {
    protocol::ShortLink made;
    made.server = *protocol::parse_server_address(relay_address);
    if (!whole) made.server.key_hash = {};
    made.link_id = protocol::LinkId(Bytes(24, 1));
    made.key = protocol::LinkKey(Bytes(32, 2));
    return made;
  }

  Desk desk{1};
};

TEST_F(LinksTest, OneKeyAsksForAnInvitationHoweverOften) {
  const auto first = link_request_key(*desk.core, link());
  ASSERT_TRUE(first && first->key);
  EXPECT_TRUE(first->is_new);
  const auto again = link_request_key(*desk.core, link());
  ASSERT_TRUE(again && again->key);
  EXPECT_FALSE(again->is_new);
  EXPECT_TRUE(*again->key == *first->key);
  auto other = link();
  other.link_id = protocol::LinkId(Bytes(24, 3));
  const auto another = link_request_key(*desk.core, other);
  ASSERT_TRUE(another && another->key);
  EXPECT_FALSE(*another->key == *first->key);
  // Not after its time.
  ASSERT_TRUE(desk.core->links.forget_sender_keys_before(desk.core->now()));
  EXPECT_EQ(desk.count("read_invitations"), 2);
  ASSERT_TRUE(desk.core->links.forget_sender_keys_before(desk.core->now() + std::chrono::hours(1)));
  EXPECT_EQ(desk.count("read_invitations"), 0);
}

TEST_F(LinksTest, EverybodyAsksForAnAddress) {
  auto address = link();
  address.contact = protocol::ContactKind::contact;
  const auto key = link_request_key(*desk.core, address);
  ASSERT_TRUE(key);
  EXPECT_FALSE(key->key);
  EXPECT_EQ(desk.count("read_invitations"), 0);
}

TEST_F(LinksTest, AKnownRelayNeedsOnlyItsHost) {
  const auto whole = with_whole_server(link(false), *desk.core, desk.user);
  ASSERT_TRUE(whole) << whole.error().message;
  EXPECT_EQ(whole->server, link().server);
  auto unknown = link(false);
  unknown.server.hosts.front() =
      protocol::parse_server_address("smp://AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=@other.example")->hosts.front();
  const auto refused = with_whole_server(unknown, *desk.core, desk.user);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::unsupported);
}

TEST_F(LinksTest, OwnLinksComeBackAsTheyWere) {
  desk.connection = desk.new_connection(Role::address, AgentVersion(7), crypto::PqSupport::off);
  auto& random = desk.core->dependencies.random;
  auto keys = crypto::generate_ed25519(random);
  const protocol::FixedLinkData fixed{
      desk.core->config.versions.agent,
      keys.public_key,
      make_address(desk.new_rcv_queue(protocol::QueueMode::contact), desk.core->config.versions),
      {}};
  const auto made = protocol::make_link(random, fixed, std::move(keys.private_key));
  ASSERT_TRUE(made);
  ASSERT_TRUE(desk.core->links.insert(desk.connection.key, *made, "https://relay.example/a#x"));
  const auto found = desk.core->links.find(desk.connection.key);
  ASSERT_TRUE(found && *found);
  EXPECT_EQ((*found)->text, "https://relay.example/a#x");
  EXPECT_EQ((*found)->credentials.id, made->id);
  EXPECT_EQ((*found)->credentials.key, made->key);
  EXPECT_TRUE((*found)->credentials.signing_key == made->signing_key);
  EXPECT_EQ((*found)->credentials.root_key, made->root_key);
  EXPECT_EQ((*found)->credentials.sealed_fixed, made->sealed_fixed);
  // The largest data fits, and one octet more does not.
  const auto seal = [&](std::size_t size) {
    return protocol::make_user_data(
        random, (*found)->credentials,
        {desk.core->config.versions.agent, protocol::ContactUserData{true, {}, {}, Bytes(size, 7)}});
  };
  EXPECT_TRUE(check_link_data(Bytes(max_link_data, 7)));
  EXPECT_TRUE(seal(max_link_data));
  EXPECT_FALSE(check_link_data(Bytes(max_link_data + 1, 7)));
  EXPECT_FALSE(seal(max_link_data + 1));
  ASSERT_TRUE(desk.core->links.erase(desk.connection.key));
  EXPECT_EQ(*desk.core->links.text_of(desk.connection.key), "");
}

}  // namespace
}  // namespace simplex::agent
