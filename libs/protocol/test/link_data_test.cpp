#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "simplex/crypto/key_encoding.hpp"
#include "simplex/encoding/utf8.hpp"
#include "simplex/protocol/sealed_link_data.hpp"
#include "simplex/testing/random.hpp"

namespace simplex::protocol {
namespace {

constexpr AgentVersionRange agent_versions{AgentVersion(2), AgentVersion(7)};

ServerAddress server() {
  return parse_server_address("smp://kdPePtooXZWhwSf3xoBoDaSiI4SLU1G6i30WClMItVw=@a.com,b.onion:5223").value();
}

LinkData request_data(Random& random, QueueMode mode) {
  QueueUri queue;
  queue.versions = {short_links_client_version, short_links_client_version};
  queue.address = {server(), SenderId(random.bytes(24)), crypto::generate_x25519(random).public_key, mode};
  LinkData data;
  data.agent_versions = agent_versions;
  data.queues = {queue};
  return data;
}

FullLink contact_request(Random& random) { return ContactLink{request_data(random, QueueMode::contact)}; }

FullLink invitation_request(Random& random) {
  InvitationLink link{request_data(random, QueueMode::messaging), {}};
  link.e2e.versions = crypto::supported_e2e_versions;
  link.e2e.key1 = crypto::generate_x448(random).public_key;
  link.e2e.key2 = crypto::generate_x448(random).public_key;
  link.e2e.kem.emplace();
  random.fill(link.e2e.kem->mutable_view());
  return link;
}

// A link's maker with all keys.
struct Maker {
  testing::SeededRandom random;
  crypto::Ed25519KeyPair root;
  FixedLinkData fixed;

  explicit Maker(std::uint64_t seed, ConnectionMode mode = ConnectionMode::contact)
      : random(seed), root(crypto::generate_ed25519(random)), fixed{agent_versions, root.public_key, {}, {}} {
    fixed.request = mode == ConnectionMode::contact ? contact_request(random) : invitation_request(random);
  }

  struct Made {
    LinkCredentials credentials;
    Bytes sealed_user;
  };
  [[nodiscard]] Made make(const UserLinkData& user) {
    auto credentials = make_link(random, fixed, root.private_key.clone()).value();
    auto sealed_user = make_user_data(random, credentials, user).value();
    return {std::move(credentials), std::move(sealed_user)};
  }
  [[nodiscard]] SenderId sender_id() const {
    return std::visit([](const auto& link) { return link.data.queues.front().address.sender_id; }, fixed.request);
  }
};

UserLinkData invitation_data(Bytes content) { return {agent_versions, InvitationUserData{std::move(content)}}; }
UserLinkData contact_data(std::vector<LinkOwner> owners = {}, Bytes content = to_bytes("some user data")) {
  return {agent_versions, ContactUserData{true, std::move(owners), {}, std::move(content)}};
}

struct OwnerWithKey {
  LinkOwner owner;
  crypto::Ed25519PrivateKey key;
};

OwnerWithKey new_owner(Random& random, const crypto::Ed25519PrivateKey& by) {
  auto keys = crypto::generate_ed25519(random);
  return {authorize_owner(OwnerId(random.bytes(16)), keys.public_key, by).value(), std::move(keys.private_key)};
}

// As a reader without any check of the writer would meet it.
Result<LinkContents> signed_by(Maker& maker, const UserLinkData& user, const crypto::Ed25519PrivateKey& key) {
  const auto made = maker.make(contact_data());
  const auto keys = contact_link_keys(made.credentials.key);
  const auto sealed = seal_user_data(maker.random, keys.box_key, sign_link_data(user, key).value()).value();
  return open_link_data(ConnectionMode::contact, made.credentials.key, keys.box_key, made.credentials.sealed_fixed,
                        sealed);
}

void expect_untrusted(const Result<LinkContents>& opened, std::string_view part_of_message) {
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind, ErrorKind::authentication);
  EXPECT_EQ(opened.error().advice, Advice::ask_user);
  EXPECT_NE(opened.error().message.find(part_of_message), std::string::npos) << opened.error().message;
}

TEST(LinkData, ContactLinkIsMadeAndOpened) {
  Maker maker(1);
  maker.fixed.entity_id = to_bytes("group");
  const auto made = maker.make(contact_data());
  EXPECT_EQ(made.credentials.id, contact_link_keys(made.credentials.key).id);
  EXPECT_EQ(made.credentials.sealed_fixed.size(), sealed_fixed_size);
  EXPECT_EQ(made.sealed_user.size(), sealed_user_size);

  const auto link = contact_link_of(made.credentials, server(), ContactKind::group);
  const auto received = parse_connection_link(format(link)).value();
  const auto opened =
      open_link(std::get<ShortLink>(received), maker.sender_id(), made.credentials.sealed_fixed, made.sealed_user);
  ASSERT_TRUE(opened) << opened.error().message;
  EXPECT_EQ(opened->fixed, maker.fixed);
  EXPECT_EQ(opened->user, contact_data());
}

TEST(LinkData, InvitationWithKemKeysIsMadeAndOpened) {
  Maker maker(2, ConnectionMode::invitation);
  auto made = maker.make(invitation_data({}));
  EXPECT_TRUE(made.credentials.id.empty());
  made.credentials.id = LinkId(maker.random.bytes(24));
  const auto link = invitation_link_of(made.credentials, server());
  EXPECT_EQ(parse_short_link(format(link)).value(), link);
  EXPECT_EQ(keys_of(link).id, made.credentials.id);
  const auto opened = open_link(link, maker.sender_id(), made.credentials.sealed_fixed, made.sealed_user);
  ASSERT_TRUE(opened) << opened.error().message;
  EXPECT_EQ(opened->fixed, maker.fixed);
}

TEST(LinkData, UserDataIsUpdatedAndTheLinkStays) {
  for (const auto mode : {ConnectionMode::contact, ConnectionMode::invitation}) {
    Maker maker(3, mode);
    const bool contact = mode == ConnectionMode::contact;
    const auto made = maker.make(contact ? contact_data() : invitation_data(to_bytes("first")));
    const auto newer = contact ? contact_data({}, Bytes(300, 7)) : invitation_data(Bytes(255, 8));
    const auto sealed = make_user_data(maker.random, made.credentials, newer);
    ASSERT_TRUE(sealed) << sealed.error().message;
    const auto& key = made.credentials.key;
    const auto box_key = contact ? contact_link_keys(key).box_key.clone() : invitation_box_key(key);
    const auto opened = open_link_data(mode, key, box_key, made.credentials.sealed_fixed, *sealed);
    ASSERT_TRUE(opened) << opened.error().message;
    EXPECT_EQ(opened->user, newer);
    EXPECT_EQ(opened->fixed, maker.fixed);
    EXPECT_NE(*sealed, make_user_data(maker.random, made.credentials, newer).value());  // another nonce
    const auto wrong = contact ? invitation_data({}) : contact_data();
    EXPECT_EQ(make_user_data(maker.random, made.credentials, wrong).error().kind, ErrorKind::conflict);
  }
}

// A group's profile has the group's link; its key must not depend on the profile.
TEST(LinkData, TheLinkMayStandInItsOwnUserData) {
  Maker maker(16);
  const auto credentials = make_link(maker.random, maker.fixed, maker.root.private_key.clone()).value();
  const auto link = contact_link_of(credentials, server(), ContactKind::channel);
  const auto user = contact_data({}, to_bytes(format(link)));
  const auto sealed = make_user_data(maker.random, credentials, user).value();
  const auto opened = open_link(link, maker.sender_id(), credentials.sealed_fixed, sealed);
  ASSERT_TRUE(opened) << opened.error().message;
  EXPECT_EQ(opened->user, user);
}

TEST(LinkData, RelaysTakeRequestsInThePlaceOfTheLink) {
  Maker maker(4);
  ContactUserData data{false, {}, {}, to_bytes("channel")};
  for (const auto* text : {"https://localhost/r#4AkRDmhf64tdRlN406g8lJRg5OCmhD6ynIhi6glOcCM?p=7001&c="
                           "LcJUMfVhwD8yxjAiSaDzzGF3-kLG4Uh0Fl_ZIjrRwjI",
                           "https://localhost/a#4AkRDmhf64tdRlN406g8lJRg5OCmhD6ynIhi6glOcCM"})
    data.relays.push_back(parse_short_link(text).value());
  const UserLinkData user{agent_versions, data};
  const auto opened = signed_by(maker, user, maker.root.private_key);
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->user, user);

  auto invitation = data.relays.front();
  invitation.contact.reset();
  invitation.link_id = LinkId(Bytes(24, 1));
  data.relays.push_back(invitation);
  EXPECT_EQ(encode(UserLinkData{agent_versions, data}).error().kind, ErrorKind::malformed);
  Writer writer;
  writer.character('C');
  write_version_range(writer, agent_versions);
  writer.boolean(false).list(std::vector<LinkOwner>{}, write_link_owner).list(data.relays, write_short_link);
  writer.short_string("channel");
  EXPECT_EQ(decode_user_link_data(writer.view()).error().kind, ErrorKind::malformed);
}

TEST(LinkData, EveryOwnerMaySign) {
  Maker maker(5);
  const auto first = new_owner(maker.random, maker.root.private_key);
  const auto second = new_owner(maker.random, maker.root.private_key);
  const auto third = new_owner(maker.random, first.key);
  const auto fourth = new_owner(maker.random, third.key);
  const auto user = contact_data({first.owner, second.owner, third.owner, fourth.owner});
  const auto& root = maker.root.private_key;
  for (const crypto::Ed25519PrivateKey* key : {&root, &first.key, &second.key, &third.key, &fourth.key}) {
    const auto opened = signed_by(maker, user, *key);
    ASSERT_TRUE(opened) << opened.error().message;
    EXPECT_EQ(opened->user, user);
  }
  expect_untrusted(signed_by(maker, user, crypto::generate_ed25519(maker.random).private_key), "user data signature");
  expect_untrusted(signed_by(maker, contact_data({first.owner}), second.key), "user data signature");
}

TEST(LinkData, OwnersWithoutAuthorizationAreRefused) {
  Maker maker(6);
  const auto& root = maker.root.private_key;
  const auto first = new_owner(maker.random, root);
  const auto second = new_owner(maker.random, root);
  const auto third = new_owner(maker.random, first.key);
  const auto stranger = new_owner(maker.random, crypto::generate_ed25519(maker.random).private_key);
  const auto refused = [&](std::vector<LinkOwner> owners, std::string_view why) {
    expect_untrusted(signed_by(maker, contact_data(std::move(owners)), root), why);
  };
  EXPECT_TRUE(signed_by(maker, contact_data({first.owner, third.owner, second.owner}), root));
  refused({third.owner, first.owner, second.owner}, "owner number 1");
  refused({second.owner, third.owner}, "owner number 2");
  refused({first.owner, second.owner, stranger.owner}, "owner number 3");
  refused({first.owner, first.owner}, "another one");

  auto same_id = second.owner;
  same_id.id = first.owner.id;
  refused({first.owner, same_id}, "another one");
  auto same_key = second.owner;
  same_key.key = first.owner.key;
  refused({first.owner, same_key}, "another one");
  refused({authorize_owner(OwnerId(Bytes(3, 1)), maker.root.public_key, root).value()}, "the key of the link itself");
  auto renamed = first.owner;
  renamed.id = OwnerId(Bytes(16, 9));
  refused({renamed}, "owner number 1");
}

TEST(LinkData, WhatNobodyWouldAcceptIsNotPublished) {
  Maker maker(7);
  const auto owner = new_owner(maker.random, maker.root.private_key);
  auto made = maker.make(contact_data({owner.owner}));
  made.credentials.signing_key = owner.key.clone();
  EXPECT_TRUE(make_user_data(maker.random, made.credentials, contact_data({owner.owner})));
  const auto without_me = make_user_data(maker.random, made.credentials, contact_data());
  ASSERT_FALSE(without_me);
  EXPECT_EQ(without_me.error().kind, ErrorKind::conflict);
  const auto stranger = new_owner(maker.random, owner.key);
  EXPECT_TRUE(make_user_data(maker.random, made.credentials, contact_data({owner.owner, stranger.owner})));
  EXPECT_FALSE(make_user_data(maker.random, made.credentials, contact_data({stranger.owner, owner.owner})));
  EXPECT_EQ(make_link(maker.random, maker.fixed, owner.key.clone()).error().kind, ErrorKind::conflict);
}

// A hundred owners, each authorized by the first, are about as many as fit; each costs its reader every check there is.
TEST(LinkData, ChecksOfOwnersAreBounded) {
  Maker maker(8);
  const auto first = new_owner(maker.random, maker.root.private_key);
  std::vector<LinkOwner> owners{first.owner};
  for (std::uint8_t i = 1; i < 100; ++i) {
    const auto key = crypto::generate_ed25519(maker.random).public_key;
    owners.push_back(authorize_owner(OwnerId(Bytes{i}), key, first.key).value());
  }
  EXPECT_TRUE(encode(contact_data(owners)));
  EXPECT_EQ(check_owners(maker.root.public_key, owners).error().kind, ErrorKind::limit);
  EXPECT_TRUE(check_owners(maker.root.public_key, std::span(owners).first(60)));
  // Authorized by the root key, as many as there can be.
  owners.clear();
  for (std::uint8_t i = 0; i < 255; ++i) {
    const auto key = crypto::generate_ed25519(maker.random).public_key;
    owners.push_back(authorize_owner(OwnerId(Bytes{i}), key, maker.root.private_key).value());
  }
  EXPECT_TRUE(check_owners(maker.root.public_key, owners));
}

TEST(LinkData, AnotherLinksDataIsRefused) {
  Maker maker(9);
  Maker other(10);
  const auto made = maker.make(contact_data());
  const auto theirs = other.make(contact_data());
  const auto keys = contact_link_keys(made.credentials.key);
  const auto open = [&](BytesView fixed, BytesView user, const LinkKey& key, ConnectionMode mode) {
    return open_link_data(mode, key, keys.box_key, fixed, user);
  };
  const auto& fixed = made.credentials.sealed_fixed;
  const auto& key = made.credentials.key;
  EXPECT_TRUE(open(fixed, made.sealed_user, key, ConnectionMode::contact));
  expect_untrusted(open(fixed, made.sealed_user, LinkKey(Bytes(32, 1)), ConnectionMode::contact), "link data hash");
  expect_untrusted(open(fixed, made.sealed_user, LinkKey(), ConnectionMode::contact), "link data hash");
  expect_untrusted(open(fixed, made.sealed_user, key, ConnectionMode::invitation), "another kind");
  EXPECT_FALSE(open(theirs.credentials.sealed_fixed, made.sealed_user, key, ConnectionMode::contact));
  EXPECT_FALSE(open(fixed, theirs.sealed_user, key, ConnectionMode::contact));
  EXPECT_FALSE(open(made.sealed_user, fixed, key, ConnectionMode::contact));

  // Fixed data with the right hash, and signed by somebody who has not the root key.
  const auto octets = encode(maker.fixed).value();
  Writer writer;
  writer.short_string(crypto::sign(other.root.private_key, octets).view()).raw(octets);
  const auto forged = seal_fixed_data(maker.random, keys.box_key, writer.view()).value();
  expect_untrusted(open(forged, made.sealed_user, key, ConnectionMode::contact), "link data signature");

  // User data of an invitation in a contact link.
  const auto user = sign_link_data(invitation_data({}), maker.root.private_key).value();
  const auto sealed = seal_user_data(maker.random, keys.box_key, user).value();
  expect_untrusted(open(fixed, sealed, key, ConnectionMode::contact), "another kind");
}

TEST(LinkData, TheAddressMustBeThatOfTheLink) {
  Maker maker(11);
  const auto made = maker.make(contact_data());
  const auto open = [&](const ShortLink& link, const SenderId& sender_id) {
    return open_link(link, sender_id, made.credentials.sealed_fixed, made.sealed_user);
  };
  auto link = contact_link_of(made.credentials, server());
  EXPECT_TRUE(open(link, maker.sender_id()));
  expect_untrusted(open(link, SenderId(Bytes(24, 1))), "another address");
  link.server.hosts.front() = Host::parse("c.com").value();
  expect_untrusted(open(link, maker.sender_id()), "another address");

  // The server as the link has it: another port and fingerprint, any host of the same.
  link.server.hosts = {server().hosts.back()};
  link.server.port = "443";
  const auto opened = open(link, maker.sender_id());
  ASSERT_TRUE(opened) << opened.error().message;
  EXPECT_EQ(std::get<ContactLink>(opened->fixed.request).data.queues.front().address.server, link.server);
}

TEST(LinkData, AnyChangeOfSealedDataIsNoticed) {
  Maker maker(12);
  const auto made = maker.make(contact_data());
  const auto keys = contact_link_keys(made.credentials.key);
  EXPECT_TRUE(rc::check("changed link data", [&](bool of_user, std::uint16_t at, std::uint8_t change, bool cut) {
    RC_PRE(change != 0 || cut);
    Bytes fixed = made.credentials.sealed_fixed;
    Bytes user = made.sealed_user;
    Bytes& changed = of_user ? user : fixed;
    changed[at % changed.size()] ^= change;
    if (cut) changed.resize(at % changed.size());
    const auto opened = open_link_data(ConnectionMode::contact, made.credentials.key, keys.box_key, fixed, user);
    RC_ASSERT(!opened.has_value());
    RC_ASSERT(is_utf8(opened.error().message));
    RC_ASSERT(opened.error().advice == Advice::ask_user);
  }));
  const Bytes large(max_sealed_size + 1);
  const auto opened =
      open_link_data(ConnectionMode::contact, made.credentials.key, keys.box_key, large, made.sealed_user);
  EXPECT_EQ(opened.error().kind, ErrorKind::limit);
}

TEST(LinkData, WhatFitsAndWhatDoesNot) {
  Maker maker(13);
  const std::size_t empty_size = encode(contact_data({}, Bytes(255))).value().size() - 255;
  const std::size_t largest = max_user_link_data - empty_size;
  EXPECT_EQ(maker.make(contact_data({}, Bytes(largest))).sealed_user.size(), sealed_user_size);
  for (const std::size_t size : {largest + 1, max_user_link_data + 1, std::size_t{70'000}}) {
    const auto refused = encode(contact_data({}, Bytes(size)));
    ASSERT_FALSE(refused) << size;
    EXPECT_EQ(refused.error().kind, ErrorKind::limit);
    EXPECT_NE(refused.error().message.find("make it smaller"), std::string::npos);
  }
  EXPECT_EQ(seal_user_data(maker.random, {}, Bytes(sealed_user_size)).error().kind, ErrorKind::limit);

  maker.fixed.entity_id = Bytes(max_entity_id_size);
  EXPECT_TRUE(encode(maker.fixed));
  maker.fixed.entity_id = Bytes(max_entity_id_size + 1);
  EXPECT_EQ(encode(maker.fixed).error().kind, ErrorKind::limit);
  maker.fixed.entity_id.reset();
  for (const std::size_t size : {max_fixed_link_data, std::size_t{70'000}}) {
    std::get<ContactLink>(maker.fixed.request).data.client_data = std::string(size, 'a');
    EXPECT_EQ(encode(maker.fixed).error().kind, ErrorKind::limit) << size;
  }
  auto many = std::get<ContactLink>(maker.fixed.request);
  many.data.client_data.reset();
  many.data.queues.resize(256, many.data.queues.front());
  maker.fixed.request = many;
  EXPECT_FALSE(encode(maker.fixed));

  const auto key = maker.root.public_key;
  EXPECT_TRUE(authorize_owner(OwnerId(Bytes(max_owner_id_size)), key, maker.root.private_key));
  EXPECT_EQ(authorize_owner(OwnerId(Bytes(max_owner_id_size + 1)), key, maker.root.private_key).error().kind,
            ErrorKind::limit);
  EXPECT_EQ(encode(contact_data({LinkOwner{OwnerId(Bytes(200)), {}, {}}})).error().kind, ErrorKind::limit);
  EXPECT_EQ(encode(contact_data(std::vector<LinkOwner>(256))).error().kind, ErrorKind::limit);
}

TEST(LinkData, EveryCutIsRefusedAndWhatIsNewerIsIgnored) {
  Maker maker(14, ConnectionMode::invitation);
  const auto owner = new_owner(maker.random, maker.root.private_key).owner;
  const auto fixed = encode(maker.fixed).value();
  const auto user = encode(contact_data({owner}, Bytes(300, 1))).value();
  const auto of_invitation = encode(invitation_data(to_bytes("a"))).value();
  for (std::size_t size = 0; size < fixed.size(); ++size)
    EXPECT_FALSE(decode_fixed_link_data(BytesView(fixed).first(size))) << size;
  for (std::size_t size = 0; size < user.size(); ++size)
    EXPECT_FALSE(decode_user_link_data(BytesView(user).first(size))) << size;
  for (std::size_t size = 0; size < of_invitation.size(); ++size)
    EXPECT_FALSE(decode_user_link_data(BytesView(of_invitation).first(size))) << size;

  const auto with_more = [](const Bytes& octets, std::string_view more) {
    return std::move(Writer().raw(octets).raw(more)).take();
  };
  EXPECT_EQ(decode_user_link_data(with_more(user, "newer")).value(), decode_user_link_data(user).value());
  EXPECT_EQ(decode_user_link_data(with_more(of_invitation, "newer")).value(), invitation_data(to_bytes("a")));
  EXPECT_EQ(decode_fixed_link_data(with_more(fixed, "\xFFnewer")).value(), maker.fixed);  // no entity id
  const auto with_id = decode_fixed_link_data(with_more(fixed, "\x02idnewer")).value();
  EXPECT_EQ(with_id.entity_id, to_bytes("id"));

  Writer inside;
  inside.short_string(owner.id.view());
  crypto::write_key(inside, owner.key);
  inside.short_string(owner.authorization.view()).raw("newer");
  const Bytes longer = std::move(Writer().short_string(inside.view())).take();
  Reader reader(longer);
  EXPECT_EQ(read_link_owner(reader).value(), owner);
  EXPECT_TRUE(reader.finish());
}

TEST(LinkData, AnyUserDataComesBack) {
  Maker maker(15);
  const auto relay = parse_short_link("https://a.com/r#4AkRDmhf64tdRlN406g8lJRg5OCmhD6ynIhi6glOcCM").value();
  EXPECT_TRUE(rc::check("user data", [&](bool direct, std::uint8_t owners, std::uint8_t relays, Bytes content) {
    ContactUserData data{direct, {}, {}, std::move(content)};
    for (int i = 0; i < owners % 4; ++i) data.owners.push_back(new_owner(maker.random, maker.root.private_key).owner);
    data.relays.assign(relays % 4, relay);
    const UserLinkData user{agent_versions, std::move(data)};
    RC_ASSERT(decode_user_link_data(encode(user).value()).value() == user);
    const auto invitation = invitation_data(user.content());
    RC_ASSERT(decode_user_link_data(encode(invitation).value()).value() == invitation);
  }));
  for (const std::size_t size : {std::size_t{253}, std::size_t{254}, std::size_t{255}, std::size_t{256}}) {
    const auto invitation = invitation_data(Bytes(size, 0xFF));
    const auto octets = encode(invitation).value();
    EXPECT_EQ(octets.size(), 5 + size + (size < 255 ? 1 : 3));
    EXPECT_EQ(decode_user_link_data(octets).value(), invitation);
  }
}

TEST(ShortLink, SameLink) {
  const auto parse = [](std::string_view text) { return parse_short_link(text).value(); };
  const auto link = parse("https://a.com/a#4AkRDmhf64tdRlN406g8lJRg5OCmhD6ynIhi6glOcCM?h=b.onion&c=AAAA");
  EXPECT_TRUE(same_link(link, link));
  EXPECT_TRUE(same_link(link, parse("simplex:/a#4AkRDmhf64tdRlN406g8lJRg5OCmhD6ynIhi6glOcCM?h=a.com,b.onion")));
  EXPECT_FALSE(same_link(link, parse("https://a.com/g#4AkRDmhf64tdRlN406g8lJRg5OCmhD6ynIhi6glOcCM?h=b.onion")));
  EXPECT_FALSE(same_link(link, parse("https://a.com/a#4AkRDmhf64tdRlN406g8lJRg5OCmhD6ynIhi6glOcCM")));
  EXPECT_FALSE(same_link(link, parse("https://a.com/a#5AkRDmhf64tdRlN406g8lJRg5OCmhD6ynIhi6glOcCM?h=b.onion")));
}

TEST(ShortLink, TooLongATextIsRefusedUnread) {
  const std::string start = "https://a.com/a#4AkRDmhf64tdRlN406g8lJRg5OCmhD6ynIhi6glOcCM?x=";
  EXPECT_TRUE(parse_short_link(start + std::string(max_link_size - start.size(), 'a')));
  EXPECT_EQ(parse_short_link(start + std::string(max_link_size, 'a')).error().kind, ErrorKind::limit);
}

}  // namespace
}  // namespace simplex::protocol
