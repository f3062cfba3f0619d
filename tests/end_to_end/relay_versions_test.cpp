// Clients of every version of SMP at one relay, over TLS: what each can do, and what it gets for words that came later.
// The reference does not look at the version of a session before it does what it understands, nor do we: what an old
// client can not do follows from the queues that it makes.
#include "relay_program.hpp"

#include "simplex/smp/version.hpp"

namespace simplex::stories {
namespace {

// Those that changed something.
constexpr auto versions = std::to_array<std::uint16_t>({6, 7, 8, 9, 10, 11, 12, 14, 15, 16, 17, 18, 19, 20});

class RelayVersions : public ::testing::Test {
 protected:
  RelayVersions() : place_({"PROXY.enable=off"}) { place_.start(); }
  ~RelayVersions() override { place_.stop(); }

  [[nodiscard]] std::unique_ptr<Caller> caller(std::uint16_t version) {
    caller::Options options;
    options.versions = {initial_version, SmpVersion(version)};
    auto made = std::make_unique<Caller>(place_.line("", nullptr), place_.address(), std::move(options));
    EXPECT_TRUE(made->connected()) << made->error();
    EXPECT_EQ(made->version(), SmpVersion(version));
    return made;
  }
  // SUB is answered OK by older relays.
  static std::string subscribed(std::uint16_t version) { return version >= 16 ? "SOK" : "OK"; }

  SystemRandom random_;
  end_to_end::RelayProgramPlace place_;
};

TEST_F(RelayVersions, AQueueLivesInEachOfThem) {
  for (const auto version : versions) {
    SCOPED_TRACE(version);
    const auto alice = caller(version);
    const auto phone = caller(version);
    const auto bob = caller(version);
    const auto queue = alice->create();
    EXPECT_EQ(bob->send(queue.sender, "not secured yet"), "OK");
    EXPECT_EQ(alice->receive(queue), "not secured yet");
    const auto key = bob->new_key();
    EXPECT_EQ(alice->secure(queue, key), "OK");
    EXPECT_EQ(bob->send(queue.sender, "by nobody"), "ERR AUTH");
    const std::string longest(max_message_length(SmpVersion(version)), 'x');
    for (const auto& text : {std::string("hello"), longest, std::string("last")})
      EXPECT_EQ(bob->send(queue.sender, text, &key), "OK");
    EXPECT_EQ(alice->receive(queue), "hello");
    EXPECT_EQ(alice->event_of(queue), longest);

    EXPECT_EQ(phone->subscribe(queue), subscribed(version));
    EXPECT_EQ(alice->event().text(), "END");
    EXPECT_EQ(phone->receive(queue), longest);
    EXPECT_EQ(phone->receive(queue), "last");
    EXPECT_EQ(alice->get(queue), "OK") << "it is empty";
    EXPECT_EQ(bob->send(queue.sender, "fetched", &key), "OK");
    EXPECT_EQ(alice->get(queue), "fetched");
    EXPECT_EQ(phone->receive(queue), "fetched");
    EXPECT_EQ(alice->state(queue), "0 secured");

    EXPECT_EQ(alice->suspend(queue), "OK");
    EXPECT_EQ(bob->send(queue.sender, "late", &key), "ERR AUTH");
    EXPECT_EQ(alice->remove(queue), "OK");
    EXPECT_EQ(phone->event().text(), version >= 10 ? "DELD" : "END");
    EXPECT_EQ(alice->remove(queue), "ERR AUTH");
    EXPECT_EQ(alice->call(command::Ping{}), "PONG");
  }
}

TEST_F(RelayVersions, NotificationsComeInEachOfThem) {
  for (const auto version : versions) {
    SCOPED_TRACE(version);
    const auto alice = caller(version);
    const auto bob = caller(version);
    const auto push = caller(version);
    const auto queue = alice->create();
    const auto notifier = alice->add_notifier(queue);
    ASSERT_TRUE(notifier);
    EXPECT_EQ(push->subscribe(*notifier), subscribed(version));
    EXPECT_EQ(bob->send(queue.sender, "hello"), "OK");
    const auto told = push->event();
    EXPECT_EQ(told.text(), "NMSG");
    EXPECT_EQ(told.entity_id, to_bytes(notifier->id.view()));
    EXPECT_EQ(alice->remove_notifier(queue), "OK");
    EXPECT_EQ(push->event().text(), version >= 10 ? "DELD" : "END");
  }
}

TEST_F(RelayVersions, EachTalksToEach) {
  std::vector<std::unique_ptr<Caller>> recipients;
  std::vector<std::unique_ptr<Caller>> senders;
  for (const auto version : versions) {
    recipients.push_back(caller(version));
    senders.push_back(caller(version));
  }
  for (const auto& alice : recipients) {
    for (const auto& bob : senders) {
      SCOPED_TRACE(std::to_string(bob->version().value()) + " to " + std::to_string(alice->version().value()));
      const auto queue = alice->create();
      const auto key = bob->new_key();
      const bool by_sender = alice->version() >= sender_key_version && bob->version() >= sender_key_version;
      EXPECT_EQ(by_sender ? bob->secure_as_sender(queue.sender, key) : alice->secure(queue, key), "OK");
      const std::string longest(max_message_length(bob->version()), 'x');
      EXPECT_EQ(bob->send(queue.sender, longest, &key), "OK");
      EXPECT_EQ(alice->receive(queue), longest);
    }
  }
}

// A client of each version says the words of all later ones.
TEST_F(RelayVersions, LaterWordsAreAnsweredAsTheReferenceDoes) {
  const auto with = [](std::string_view fixed) {
    return QueueLinkData{Content(as_bytes(fixed)), Content(as_bytes("u"))};
  };
  for (const auto version : versions) {
    SCOPED_TRACE(version);
    const auto alice = caller(version);
    const auto bob = caller(version);
    const bool has_modes = version >= 9;
    const auto key = bob->new_key();
    const auto other = bob->new_key();

    // 9: SKEY, for queues that were made so. Before, nobody but the recipient could secure a queue.
    const auto queue = alice->create();
    EXPECT_EQ(bob->secure_as_sender(queue.sender, key), has_modes ? "OK" : "ERR AUTH");
    const auto contact = alice->create(command::New::Contact{});
    EXPECT_EQ(bob->secure_as_sender(contact.sender, key), "ERR AUTH");

    // 15: link data.
    const auto set = [&](const Queue& of, const LinkId& link) {
      return alice->call(command::Lset{link, with("f")}, of.recipient.view(), &of.key);
    };
    const auto link = LinkId(random_.bytes(24));
    EXPECT_EQ(set(queue, link), has_modes ? "ERR AUTH" : "OK") << "secured above, where that went";
    const auto contact_link = LinkId(random_.bytes(24));
    EXPECT_EQ(set(contact, contact_link), "OK");
    EXPECT_EQ(bob->call(command::Lget{}, contact_link.view()), "LNK") << "a queue of no mode may be an address";
    EXPECT_EQ(bob->call(command::Lkey{crypto::public_key(key)}, contact_link.view(), &key), "ERR AUTH");
    const auto invitation = alice->create();
    const auto once = LinkId(random_.bytes(24));
    EXPECT_EQ(set(invitation, once), "OK");
    EXPECT_EQ(bob->call(command::Lkey{crypto::public_key(key)}, once.view(), &key), has_modes ? "LNK" : "ERR AUTH");
    EXPECT_EQ(alice->call(command::Ldel{}, contact.recipient.view(), &contact.key), "OK");

    // 15: several recipients, of addresses.
    const command::Rkey keys{{crypto::public_key(contact.key), crypto::public_key(other)}};
    EXPECT_EQ(alice->call(keys, contact.recipient.view(), &contact.key), has_modes ? "OK" : "ERR AUTH");
    EXPECT_EQ(alice->call(keys, queue.recipient.view(), &queue.key), "ERR AUTH");

    // 8: private routing, which is off here.
    const auto relay = place_.address();
    EXPECT_EQ(bob->call(command::Prxy{relay, {}}), "ERR PROXY BASIC_AUTH");
    const auto dh = crypto::generate_x25519(random_).public_key;
    const Bytes session(32, 1);
    EXPECT_EQ(bob->call(command::Pfwd{current_version, dh, Content(as_bytes("x"))}, session), "ERR PROXY NO_SESSION");
    EXPECT_EQ(bob->call(command::Rfwd{Content(as_bytes("x"))}),
              version < 7 ? "ERR PROXY BROKER TRANSPORT NO_AUTH" : "ERR CRYPTO")
        << "there is a key for it from 7 on";

    // 16, 19: services; 20: names.
    for (const auto as : {receive_service_version, SmpVersion(version)}) {
      if (as < SmpVersion(version)) continue;
      EXPECT_EQ(alice->ask(command::Subs{queues_of()}, session, &key, as).text(),
                as >= receive_service_version && version < 19 ? "ERR CMD SYNTAX" : "ERR SERVICE");
      EXPECT_EQ(alice->ask(command::Nsubs{queues_of()}, session, &key, as).text(),
                as >= receive_service_version && version < 19 ? "ERR CMD SYNTAX" : "ERR SERVICE");
    }
    EXPECT_EQ(alice->call(command::Rslv{*SimplexDomain::parse("alice.simplex")}), "ERR NAME NO_RESOLVER");

    // NEW as later versions write it is another's words.
    const auto own = alice->new_key();
    const command::New create{crypto::public_key(own),   dh, {}, SubscriptionMode::subscribe,
                              command::New::Messaging{}, {}};
    for (const auto as : {sender_key_version, short_links_version, new_ntf_creds_version}) {
      const auto level = [](SmpVersion of) {
        return of >= new_ntf_creds_version ? 3 : of >= short_links_version ? 2 : of >= sender_key_version ? 1 : 0;
      };
      if (as <= SmpVersion(version) || level(as) == level(SmpVersion(version))) continue;
      EXPECT_EQ(alice->ask(create, {}, &own, as).text(), "ERR CMD SYNTAX") << as.value();
    }
    EXPECT_EQ(alice->ask(create, {}, &own).text(), "IDS");
  }
}

}  // namespace
}  // namespace simplex::stories
