// Short links: data that a queue's link leads to.
#include "relay_place.hpp"

#include "simplex/protocol/sealed_link_data.hpp"

namespace simplex::stories {
namespace {

QueueLinkData data(std::string_view fixed, std::string_view user) {
  return {Content(as_bytes(fixed)), Content(as_bytes(user))};
}

// "fixed, user, sender" of LNK, or the error.
std::string text_of(const caller::Got& got, const SenderId& sender) {
  const auto* link = got.as<broker::Lnk>();
  if (link == nullptr) return got.text();
  EXPECT_EQ(link->sender_id, sender);
  return std::string(as_text(link->data.fixed.bytes)) + ", " + std::string(as_text(link->data.user.bytes));
}

// A queue made with link data: its sender id follows from the correlation id.
struct Linked {
  crypto::AuthPrivateKey key;
  CorrId corr_id;
  SenderId sender;
  RecipientId recipient;
  LinkId link;
};
Linked linked(Caller& by) {
  const auto corr_id = CorrId::generate(by.random());
  return {by.new_key(), corr_id, protocol::sender_id_of(corr_id), {}, {}};
}
command::New request(const Linked& queue, command::New::Mode mode, Random& random) {
  return {crypto::public_key(queue.key),
          crypto::generate_x25519(random).public_key,
          {},
          SubscriptionMode::subscribe,
          std::move(mode),
          {}};
}

TEST_P(LinkStories, AOneTimeLinkIsReadByWhoSecuresTheQueue) {
  const auto alice = caller("alice");
  const auto bob = caller("bob");
  auto queue = linked(*alice);
  const auto create = request(
      queue, command::New::Messaging{command::New::MessagingLink{queue.sender, data("fixed", "user")}}, random_);
  EXPECT_EQ(alice->call(create, {}, &queue.key), "ERR CMD PROHIBITED") << "the sender id is of another correlation id";
  const auto got = alice->ask(create, {}, &queue.key, queue.corr_id);
  const auto* ids = got.as<broker::Ids>();
  ASSERT_TRUE(ids != nullptr && ids->link_id) << got.text();
  EXPECT_EQ(ids->sender_id, queue.sender);
  EXPECT_EQ(ids->mode, protocol::QueueMode::messaging);
  queue.recipient = ids->recipient_id;
  queue.link = *ids->link_id;

  EXPECT_EQ(bob->call(command::Lget{}, queue.link.view()), "ERR AUTH") << "not an address for everybody";
  const command::Lset change{queue.link, data("fixed", "newer")};
  EXPECT_EQ(alice->call(change, queue.recipient.view(), &queue.key), "OK");
  restart({alice.get(), bob.get()});
  const auto key = bob->new_key();
  const auto other = bob->new_key();
  const command::Lkey take{crypto::public_key(key)};
  EXPECT_EQ(bob->call(take, queue.link.view(), nullptr), "ERR CMD NO_AUTH");
  EXPECT_EQ(bob->call(take, queue.link.view(), &other), "ERR AUTH");
  EXPECT_EQ(bob->call(take, queue.recipient.view(), &key), "ERR AUTH");
  EXPECT_EQ(text_of(bob->ask(take, queue.link.view(), &key), queue.sender), "fixed, newer");
  EXPECT_EQ(bob->call(command::Lkey{crypto::public_key(other)}, queue.link.view(), &other), "ERR AUTH");
  restart({alice.get(), bob.get()});
  EXPECT_EQ(text_of(bob->ask(take, queue.link.view(), &key), queue.sender), "fixed, newer") << "the answer may be lost";
  EXPECT_EQ(alice->call(change, queue.recipient.view(), &queue.key), "ERR AUTH") << "it was given away";
  EXPECT_EQ(alice->call(command::Ldel{}, queue.recipient.view(), &queue.key), "OK");
  EXPECT_EQ(bob->call(take, queue.link.view(), &key), "ERR AUTH");
}

TEST_P(LinkStories, AContactLinkIsReadByEverybody) {
  const auto alice = caller("alice");
  const auto bob = caller("bob");
  auto queue = linked(*alice);
  queue.link = LinkId(random_.bytes(24));
  const auto create =
      request(queue, command::New::Contact{command::New::ContactLink{queue.link, queue.sender, data("fixed", "user")}},
              random_);
  EXPECT_EQ(alice->call(create, {}, &queue.key), "ERR CMD PROHIBITED");
  const auto got = alice->ask(create, {}, &queue.key, queue.corr_id);
  const auto* ids = got.as<broker::Ids>();
  ASSERT_NE(ids, nullptr) << got.text();
  EXPECT_EQ(ids->sender_id, queue.sender);
  EXPECT_EQ(ids->link_id, queue.link);
  EXPECT_EQ(ids->mode, protocol::QueueMode::contact);
  queue.recipient = ids->recipient_id;

  const auto key = bob->new_key();
  EXPECT_EQ(bob->call(command::Lkey{crypto::public_key(key)}, queue.link.view(), &key), "ERR AUTH");
  EXPECT_EQ(bob->call(command::Lget{}, queue.link.view(), &key), "ERR CMD HAS_AUTH");
  EXPECT_EQ(bob->call(command::Lget{}, queue.recipient.view()), "ERR AUTH");
  const auto read = [&] { return text_of(bob->ask(command::Lget{}, queue.link.view()), queue.sender); };
  for (int i = 0; i < 2; ++i) EXPECT_EQ(read(), "fixed, user");
  const auto set = [&](const LinkId& link, std::string_view fixed, std::string_view user) {
    return alice->call(command::Lset{link, data(fixed, user)}, queue.recipient.view(), &queue.key);
  };
  EXPECT_EQ(set(queue.link, "fixed", "newer"), "OK");
  restart({alice.get(), bob.get()});
  EXPECT_EQ(read(), "fixed, newer");
  EXPECT_EQ(set(LinkId(random_.bytes(24)), "fixed", "newer"), "ERR AUTH") << "it has a link";
  EXPECT_EQ(set(queue.link, "other", "newer"), "ERR AUTH") << "the fixed part stays";
  EXPECT_EQ(read(), "fixed, newer");
  for (int i = 0; i < 2; ++i) EXPECT_EQ(alice->call(command::Ldel{}, queue.recipient.view(), &queue.key), "OK");
  restart({alice.get(), bob.get()});
  EXPECT_EQ(read(), "ERR AUTH");
}

// A link as an agent makes and reads it: what the relay keeps in between tells it nothing.
struct Maker {
  AgentVersionRange versions{AgentVersion(2), AgentVersion(7)};
  protocol::ServerAddress server =
      protocol::parse_server_address("smp://kdPePtooXZWhwSf3xoBoDaSiI4SLU1G6i30WClMItVw=@relay.example").value();

  [[nodiscard]] protocol::LinkCredentials link(const Linked& queue, QueueMode mode, Random& random) const {
    const auto keys = crypto::generate_ed25519(random);
    protocol::LinkData request;
    request.agent_versions = versions;
    request.queues.push_back({{protocol::short_links_client_version, protocol::current_client_version},
                              {server, queue.sender, crypto::generate_x25519(random).public_key, mode}});
    protocol::FixedLinkData fixed{versions, keys.public_key, protocol::ContactLink{request}, {}};
    if (mode == QueueMode::messaging) {
      const auto key1 = crypto::generate_x448(random).public_key;
      const auto key2 = crypto::generate_x448(random).public_key;
      fixed.request = protocol::InvitationLink{request, {crypto::supported_e2e_versions, key1, key2, {}}};
    }
    return protocol::make_link(random, fixed, keys.private_key.clone()).value();
  }
  [[nodiscard]] Bytes user_data(const protocol::LinkCredentials& link, QueueMode mode, std::string_view profile,
                                Random& random) const {
    protocol::UserLinkData user{versions, protocol::InvitationUserData{to_bytes(profile)}};
    if (mode == QueueMode::contact) user.data = protocol::ContactUserData{true, {}, {}, to_bytes(profile)};
    return protocol::make_user_data(random, link, user).value();
  }
};

// The profile that the link's text and the relay's answer give to a stranger.
std::string profile_in(const caller::Got& got, std::string_view text) {
  const auto* answer = got.as<broker::Lnk>();
  if (answer == nullptr) return got.text();
  const auto link = std::get<protocol::ShortLink>(protocol::parse_connection_link(text).value());
  const auto opened = protocol::open_link(link, answer->sender_id, answer->data.fixed.bytes, answer->data.user.bytes);
  return opened ? std::string(as_text(opened->user.content())) : opened.error().message;
}

TEST_P(LinkStories, AContactLinkLeadsToAProfileThatItsOwnerChanges) {
  const Maker maker;
  const auto alice = caller("alice");
  const auto bob = caller("bob");
  const auto queue = linked(*alice);
  const auto link = maker.link(queue, QueueMode::contact, random_);
  const auto user = maker.user_data(link, QueueMode::contact, "alice", random_);
  const auto got = alice->ask(request(queue,
                                      command::New::Contact{command::New::ContactLink{
                                          link.id, queue.sender, {Content(link.sealed_fixed), Content(user)}}},
                                      random_),
                              {}, &queue.key, queue.corr_id);
  const auto* ids = got.as<broker::Ids>();
  ASSERT_NE(ids, nullptr) << got.text();
  EXPECT_EQ(ids->sender_id, queue.sender);
  const auto recipient = ids->recipient_id;

  const auto text = protocol::format(protocol::contact_link_of(link, maker.server));
  const auto read = [&] {
    const auto parsed = protocol::parse_short_link(text).value();
    return profile_in(bob->ask(command::Lget{}, protocol::keys_of(parsed).id.view()), text);
  };
  EXPECT_EQ(read(), "alice");
  const auto newer = maker.user_data(link, QueueMode::contact, "alice, renamed", random_);
  EXPECT_EQ(
      alice->call(command::Lset{link.id, {Content(link.sealed_fixed), Content(newer)}}, recipient.view(), &queue.key),
      "OK");
  restart({alice.get(), bob.get()});
  EXPECT_EQ(read(), "alice, renamed");
  EXPECT_EQ(alice->call(command::Ldel{}, recipient.view(), &queue.key), "OK");
  EXPECT_EQ(read(), "ERR AUTH");
}

TEST_P(LinkStories, AOneTimeLinkLeadsToTheProfileOfItsMaker) {
  const Maker maker;
  const auto alice = caller("alice");
  const auto bob = caller("bob");
  const auto queue = linked(*alice);
  auto link = maker.link(queue, QueueMode::messaging, random_);
  const auto user = maker.user_data(link, QueueMode::messaging, "alice", random_);
  const auto got = alice->ask(request(queue,
                                      command::New::Messaging{command::New::MessagingLink{
                                          queue.sender, {Content(link.sealed_fixed), Content(user)}}},
                                      random_),
                              {}, &queue.key, queue.corr_id);
  const auto* ids = got.as<broker::Ids>();
  ASSERT_TRUE(ids != nullptr && ids->link_id) << got.text();
  link.id = *ids->link_id;

  const auto text = protocol::format(protocol::invitation_link_of(link, maker.server));
  const auto key = bob->new_key();
  const auto parsed = protocol::parse_short_link(text).value();
  EXPECT_EQ(
      profile_in(bob->ask(command::Lkey{crypto::public_key(key)}, protocol::keys_of(parsed).id.view(), &key), text),
      "alice");
}

TEST_P(LinkStories, ALinkIsNotTakenFromItsQueue) {
  const auto alice = caller("alice");
  const auto mallory = caller("mallory");
  auto queue = linked(*alice);
  queue.link = LinkId(random_.bytes(24));
  const auto got = alice->ask(
      request(queue, command::New::Contact{command::New::ContactLink{queue.link, queue.sender, data("fixed", "user")}},
              random_),
      {}, &queue.key, queue.corr_id);
  ASSERT_NE(got.as<broker::Ids>(), nullptr) << got.text();
  const auto own = mallory->create(command::New::Contact{});
  EXPECT_FALSE(own.link);
  const auto attack = [&] {
    return mallory->call(command::Lset{queue.link, data("fixed", "mine")}, own.recipient.view(), &own.key);
  };
  EXPECT_EQ(attack(), "ERR AUTH");
  restart({alice.get(), mallory.get()});
  EXPECT_EQ(attack(), "ERR AUTH");
  // Nor by a queue that is made with it.
  const auto second = linked(*mallory);
  const auto made = mallory->ask(
      request(second, command::New::Contact{command::New::ContactLink{queue.link, second.sender, data("x", "mine")}},
              random_),
      {}, &second.key, second.corr_id);
  EXPECT_EQ(made.text(), "ERR AUTH");
  EXPECT_EQ(text_of(mallory->ask(command::Lget{}, queue.link.view()), queue.sender), "fixed, user");
}

}  // namespace
}  // namespace simplex::stories
