// Commands that come through a proxy, as the proxies and clients of the reference send them.
#include "simplex/smp/proxy_layers.hpp"
#include "engine_world.hpp"

namespace simplex::smp::server {
namespace {

class Forwarded : public ::testing::TestWithParam<std::size_t> {
 protected:
  Forwarded() : world_(GetParam()), proxy_key_(proxy_.agree()) {}

  struct Wrapped {
    crypto::BoxKey key;
    CorrId corr_id;  // of PFWD and of the command in it
    Bytes rfwd;
    CorrId rfwd_corr_id;
  };
  // Without the session id also in a version that had it: the proxy's connection has none.
  Wrapped wrap(const ClientCommand& command, BytesView entity, const crypto::AuthPrivateKey* key, SmpVersion version) {
    const auto own = crypto::generate_x25519(world_.random());
    Wrapped made{crypto::box_key(proxy_.relay_key(), own.private_key).value(),
                 CorrId::generate(world_.random()),
                 {},
                 CorrId::generate(world_.random())};
    ClientAuth auth;
    auth.key = key;
    auth.relay_key = proxy_.relay_key();
    const auto transmission =
        encode_client_transmission({std::max(version, authenticator_version), proxy_.session()->session_id}, auth,
                                   made.corr_id, entity, command)
            .value();
    const auto inner = seal_forwarded(made.key, crypto::cb_nonce(made.corr_id.view()), transmission).value();
    made.rfwd = seal_rfwd(proxy_key_, crypto::cb_nonce(made.rfwd_corr_id.view()),
                          {made.corr_id, version, own.public_key, Content(inner)});
    return made;
  }
  Got forward(const Wrapped& wrapped) {
    proxy_.post(proxy_.transmission(command::Rfwd{Content(wrapped.rfwd)}, {}, nullptr, wrapped.rfwd_corr_id));
    return proxy_.response(wrapped.rfwd_corr_id);
  }
  // What the client gets in PRES.
  Got unwrap(const Wrapped& wrapped, const Got& answer, SmpVersion version) {
    if (!answer.is<broker::Rres>()) return answer;
    auto outer = to_bytes(answer.as<broker::Rres>().encrypted.bytes);
    const auto response = open_rres(proxy_key_, crypto::cb_nonce(wrapped.rfwd_corr_id.view()), outer).value();
    EXPECT_EQ(response.corr_id, wrapped.corr_id);
    auto octets = std::make_shared<Bytes>(to_bytes(response.encrypted.bytes));
    EXPECT_EQ(octets->size(), padded_forwarded_size + crypto::box_tag_size);
    const auto inner =
        open_forwarded(wrapped.key, crypto::reversed(crypto::cb_nonce(wrapped.corr_id.view())), *octets).value();
    auto received =
        decode_broker_transmission({std::max(version, authenticator_version), proxy_.session()->session_id}, inner)
            .value();
    EXPECT_EQ(received.corr_id, wrapped.corr_id);
    return {octets, received.corr_id, to_bytes(received.entity_id), std::move(received.message)};
  }
  Got call(const ClientCommand& command, BytesView entity = {}, const crypto::AuthPrivateKey* key = nullptr,
           SmpVersion version = SmpVersion(18)) {
    const auto wrapped = wrap(command, entity, key, version);
    return unwrap(wrapped, forward(wrapped), version);
  }
  Got send(const TestQueue& queue, const std::string& text, const crypto::AuthPrivateKey* key = nullptr,
           SmpVersion version = SmpVersion(18)) {
    return call(command::Send{{}, Content(as_bytes(text))}, queue.sender_id, key, version);
  }

  EngineWorld world_;
  TestClient alice_{world_, 0};
  TestClient proxy_{world_, GetParam() - 1, 20};
  crypto::BoxKey proxy_key_;
};
INSTANTIATE_TEST_SUITE_P(Relay, Forwarded, ::testing::Values(1, 2, 5));

TEST_P(Forwarded, ASenderSecuresAndSends) {
  const auto queue = alice_.create();
  const auto key = alice_.new_key(true);
  const auto secured = call(command::Skey{crypto::public_key(key)}, queue.sender_id, &key);
  EXPECT_TRUE(secured.is<broker::Ok>()) << secured;
  EXPECT_EQ(secured.entity_id, queue.sender_id);
  EXPECT_TRUE(send(queue, "hello", &key).is<broker::Ok>());
  EXPECT_EQ(TestClient::text(queue, alice_.event()), "hello");
  EXPECT_TRUE(send(queue, "unsigned").is_error(errors::Auth{}));
  const auto other = alice_.new_key(true);
  EXPECT_TRUE(send(queue, "by another", &other).is_error(errors::Auth{}));
  EXPECT_EQ(proxy_.unanswered(), 0u);
}

TEST_P(Forwarded, TheVersionIsTheClients) {
  const auto queue = alice_.create();
  EXPECT_TRUE(send(queue, std::string(16'064, 'x'), nullptr, SmpVersion(10)).is<broker::Ok>());
  EXPECT_TRUE(send(queue, std::string(16'064, 'x'), nullptr, SmpVersion(11)).is_error(errors::LargeMsg{}));
  EXPECT_TRUE(send(queue, std::string(16'048, 'x'), nullptr, SmpVersion(20)).is<broker::Ok>());
}

// The reference takes any version that the layers name, of before and after those that it offers.
TEST_P(Forwarded, VersionsThatNoProxyOffersAreServedToo) {
  const auto queue = alice_.create();
  for (const std::uint16_t version : std::initializer_list<std::uint16_t>{1, 6, 7, 21, 1'000}) {
    const auto key = alice_.new_key(true);
    EXPECT_TRUE(send(queue, "hello", nullptr, SmpVersion(version)).is<broker::Ok>()) << version;
    EXPECT_TRUE(send(queue, "signed", &key, SmpVersion(version)).is_error(errors::Auth{})) << version;
  }
  EXPECT_TRUE(send(queue, std::string(16'088, 'x'), nullptr, SmpVersion(6)).is<broker::Ok>());
  EXPECT_TRUE(send(queue, std::string(16'089, 'x'), nullptr, SmpVersion(7)).is_error(errors::LargeMsg{}));
  EXPECT_TRUE(send(queue, std::string(16'049, 'x'), nullptr, SmpVersion(21)).is_error(errors::LargeMsg{}));
}

TEST_P(Forwarded, LinksAreRead) {
  const auto queue = alice_.create(SubscriptionMode::subscribe, command::New::Contact{});
  const Bytes fixed = world_.random().bytes(2'048);
  const Bytes user = world_.random().bytes(13'824);
  const auto link = world_.random().bytes(24);
  ASSERT_TRUE(alice_
                  .call(command::Lset{smp::LinkId(link), {Content(fixed), Content(user)}}, queue.recipient_id,
                        &queue.recipient_key)
                  .is<broker::Ok>());
  const auto got = call(command::Lget{}, link);
  ASSERT_TRUE(got.is<broker::Lnk>()) << got;
  EXPECT_EQ(to_bytes(got.as<broker::Lnk>().data.user.bytes), user);
}

TEST_P(Forwarded, OnlyWhatSendersDoIsDone) {
  const auto queue = alice_.create();
  EXPECT_TRUE(call(command::Sub{}, queue.recipient_id, &queue.recipient_key).is_error(CommandError::prohibited));
  EXPECT_TRUE(call(command::Ping{}).is_error(CommandError::prohibited));
  EXPECT_TRUE(call(command::Rfwd{Content(as_bytes("x"))}).is_error(CommandError::prohibited));
  EXPECT_TRUE(
      call(command::Rslv{*SimplexDomain::parse("alice.simplex")}).is_error(errors::Name{name_errors::NoResolver{}}));
  EXPECT_TRUE(call(command::Send{{}, Content(as_bytes("x"))}).is_error(CommandError::no_entity));
  EXPECT_TRUE(send({{}, {}, {}, world_.random().bytes(24), {}, {}, {}}, "x").is_error(errors::Auth{}));
  EXPECT_EQ(proxy_.unanswered(), 0u);
}

TEST_P(Forwarded, LayersThatDoNotOpenAreRefused) {
  const auto queue = alice_.create();
  const command::Send command{{}, Content(as_bytes("x"))};
  auto flipped = wrap(command, queue.sender_id, nullptr, SmpVersion(18));
  flipped.rfwd.back() ^= 1;
  EXPECT_TRUE(forward(flipped).is_error(errors::Crypto{}));
  auto other_nonce = wrap(command, queue.sender_id, nullptr, SmpVersion(18));
  other_nonce.rfwd_corr_id = CorrId::generate(world_.random());
  EXPECT_TRUE(forward(other_nonce).is_error(errors::Crypto{}));
  auto junk = wrap(command, queue.sender_id, nullptr, SmpVersion(18));
  junk.rfwd = crypto::seal(proxy_key_, crypto::cb_nonce(junk.rfwd_corr_id.view()), as_bytes("junk"));
  EXPECT_TRUE(forward(junk).is_error(CommandError::syntax));
  auto inside = wrap(command, queue.sender_id, nullptr, SmpVersion(18));
  const auto key = crypto::generate_x25519(world_.random()).public_key;
  inside.rfwd = seal_rfwd(proxy_key_, crypto::cb_nonce(inside.rfwd_corr_id.view()),
                          {inside.corr_id, SmpVersion(18), key, Content(Bytes(100, 7))});
  EXPECT_TRUE(forward(inside).is_error(errors::Crypto{}));
  EXPECT_FALSE(alice_.event());
  EXPECT_EQ(proxy_.unanswered(), 0u);
}

TEST_P(Forwarded, WhatIsInsideTheLayersIsAnsweredInsideThem) {
  const auto with_content = [&](BytesView content, std::size_t padded = padded_forwarded_size) {
    const auto own = crypto::generate_x25519(world_.random());
    Wrapped made{crypto::box_key(proxy_.relay_key(), own.private_key).value(),
                 CorrId::generate(world_.random()),
                 {},
                 CorrId::generate(world_.random())};
    const auto inner = crypto::seal_padded(made.key, crypto::cb_nonce(made.corr_id.view()), content, padded).value();
    made.rfwd = seal_rfwd(proxy_key_, crypto::cb_nonce(made.rfwd_corr_id.view()),
                          {made.corr_id, SmpVersion(18), own.public_key, Content(inner)});
    return made;
  };
  const auto answered = [&](BytesView content) {
    const auto wrapped = with_content(content);
    auto answer = forward(wrapped);
    if (!answer.is<broker::Rres>()) return "proxy: " + wire_text(answer.as<broker::Err>().error, SmpVersion(18));
    auto outer = to_bytes(answer.as<broker::Rres>().encrypted.bytes);
    const auto response = open_rres(proxy_key_, crypto::cb_nonce(wrapped.rfwd_corr_id.view()), outer).value();
    auto octets = to_bytes(response.encrypted.bytes);
    const auto inner =
        open_forwarded(wrapped.key, crypto::reversed(crypto::cb_nonce(wrapped.corr_id.view())), octets).value();
    const auto got = decode_broker_transmission({SmpVersion(18), proxy_.session()->session_id}, inner).value();
    return "client: " + wire_text(std::get<broker::Err>(got.message).error, SmpVersion(18));
  };
  const auto before = proxy_.statistics().forwarded_received;
  EXPECT_EQ(answered(as_bytes("not a batch")), "client: BLOCK");
  EXPECT_EQ(answered({}), "client: BLOCK");
  EXPECT_EQ(answered(Bytes{1, 0, 3, 'a', 'b', 'c'}), "client: BLOCK");
  EXPECT_EQ(answered(Bytes{1, 0, 3, 'a', 'b'}), "client: BLOCK");
  EXPECT_EQ(proxy_.statistics().forwarded_received - before, 4u);
  // Only one command at a time is forwarded.
  EXPECT_EQ(answered(Bytes{2, 0, 1, 'a', 0, 1, 'b'}), "proxy: BLOCK");
  EXPECT_EQ(proxy_.statistics().forwarded_received - before, 4u);
  EXPECT_EQ(proxy_.unanswered(), 0u);
}

}  // namespace
}  // namespace simplex::smp::server
