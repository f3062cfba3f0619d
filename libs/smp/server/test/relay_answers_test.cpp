// Destinations that are silent, go away, or answer what nobody asked for.
#include "private_routing.hpp"

namespace simplex::smp::server {
namespace {

TEST_F(PrivateRouting, ARelayWithAnotherIdentityIsNotReached) {
  SimRelay relay(world_, "relay");
  auto address = relay.address();
  address.key_hash = protocol::KeyHash(Bytes(32, 9));
  EXPECT_EQ(user()->open_error(address), "PROXY BROKER NETWORK");
}

TEST_F(PrivateRouting, ASilentRelayIsGivenUpAndComesBackAlsoWhenTheAskerHasLeft) {
  for (const bool leaves : {false, true}) {
    ScriptedDestination relay(world_, "relay" + std::to_string(static_cast<int>(leaves)));
    relay.handshakes = false;
    auto bob = user();
    const auto asked = bob->ask(relay.address());
    ASSERT_TRUE(world_.run()([&] { return relay.connections == 1; }));
    if (leaves) bob->leave();
    world_.time.advance(seconds(46));
    if (!leaves) EXPECT_EQ(asked->error, "PROXY BROKER NETWORK");
    EXPECT_EQ(asked->done, !leaves);
    EXPECT_EQ(proxy().counters().connecting, 0U);
    relay.handshakes = true;
    world_.time.advance(seconds(31));
    EXPECT_EQ(user()->open_error(relay.address()), "");
    EXPECT_TRUE(relay.knows_proxy());
  }
}

TEST_F(PrivateRouting, WhatARelayAnswersIsMeasured) {
  ScriptedDestination relay(world_, "relay");
  const auto bob = user();
  Route route;
  ASSERT_EQ(bob->open(relay.address(), route), "");
  const auto expect = [&](const std::string& error, std::function<void(const ScriptedDestination::Rfwd&)> answer) {
    relay.on_rfwd = std::move(answer);
    EXPECT_EQ(bob->send(route, Bytes(24, 1), "x"), error);
  };
  using Rfwd = ScriptedDestination::Rfwd;
  const Bytes whole(padded_forwarded_size + crypto::box_tag_size, 7);
  const auto sealed = [&](const CorrId& nonce, const ForwardedResponse& response) {
    return seal_rres(relay.key(), crypto::cb_nonce(nonce.view()), response);
  };
  const auto response = [&](const CorrId& corr_id, BytesView octets) {
    return ForwardedResponse{corr_id, Content(octets)};
  };
  expect("CRYPTO", [&](const Rfwd& rfwd) { relay.answer(rfwd.corr_id, broker::Rres{Content(whole)}); });
  expect("CRYPTO", [&](const Rfwd& rfwd) {
    const auto other = sealed(CorrId::generate(world_.random), response(rfwd.forwarded.corr_id, whole));
    relay.answer(rfwd.corr_id, broker::Rres{Content(other)});
  });
  expect("CRYPTO", [&](const Rfwd& rfwd) {
    auto cut = sealed(rfwd.corr_id, response(rfwd.forwarded.corr_id, whole));
    cut.resize(cut.size() / 2);
    relay.answer(rfwd.corr_id, broker::Rres{Content(cut)});
  });
  expect("PROXY BROKER RESPONSE BLOCK",
         [&](const Rfwd& rfwd) { relay.answer_rres(rfwd.corr_id, response(CorrId::generate(world_.random), whole)); });
  for (const std::size_t size : {std::size_t{0}, whole.size() - 1, whole.size() + 1, std::size_t{16'280}}) {
    expect("PROXY BROKER RESPONSE BLOCK", [&](const Rfwd& rfwd) {
      relay.answer_rres(rfwd.corr_id, response(rfwd.forwarded.corr_id, Bytes(size, 7)));
    });
  }
  expect("PROXY BROKER RESPONSE BLOCK", [&](const Rfwd& rfwd) {
    const auto junk = crypto::seal(relay.key(), crypto::reversed(crypto::cb_nonce(rfwd.corr_id.view())), Bytes{200, 1});
    relay.answer(rfwd.corr_id, broker::Rres{Content(junk)});
  });
  expect("PROXY BROKER UNEXPECTED PONG", [&](const Rfwd& rfwd) { relay.answer(rfwd.corr_id, broker::Pong{}); });
  expect("PROXY PROTOCOL AUTH", [&](const Rfwd& rfwd) { relay.answer(rfwd.corr_id, broker::Err{errors::Auth{}}); });
  expect("PROXY PROTOCOL CRYPTO", [&](const Rfwd& rfwd) { relay.answer(rfwd.corr_id, broker::Err{errors::Crypto{}}); });
  expect("PROXY BROKER RESPONSE too long",
         [&](const Rfwd& rfwd) { relay.answer(rfwd.corr_id, broker::Err{errors::Store{std::string(16'200, 'x')}}); });
  expect("PROXY BROKER RESPONSE CMD UNKNOWN", [&](const Rfwd& rfwd) {
    protocol::Batch batch;
    auto octets = encode_broker_transmission(relay.params(), rfwd.corr_id, {}, broker::Pong{});
    octets[octets.size() - 3] = 'Z';
    ASSERT_TRUE(batch.add(octets));
    relay.send_content(batch.take());
  });
  // Answers to nothing, and twice, disturb nobody.
  expect("PROXY PROTOCOL QUOTA", [&](const Rfwd& rfwd) {
    relay.answer(CorrId::generate(world_.random), broker::Pong{});
    relay.answer(rfwd.corr_id, broker::Err{errors::Quota{}});
    relay.answer(rfwd.corr_id, broker::Err{errors::Auth{}});
    relay.answer(CorrId(), broker::End{});
  });
  EXPECT_EQ(proxy().statistics().forwarded.successes, 3U) << "errors of the relay are its answers";
  EXPECT_EQ(proxy().statistics().forwarded.other_errors, proxy().statistics().forwarded.requests - 3);
  EXPECT_FALSE(bob->disconnected);
  EXPECT_TRUE(bob->ping());
}

TEST_F(PrivateRouting, ARelayThatNeverAnswersIsATimeoutAndFreesWhatItHeld) {
  ScriptedDestination relay(world_, "relay");
  SimRelay other(world_, "other");
  const auto bob = user();
  Route route;
  ASSERT_EQ(bob->open(relay.address(), route), "");
  std::vector<std::shared_ptr<ProxyUser::Sent>> sent;
  for (int i = 0; i < 500; ++i)
    sent.push_back(bob->post(route, command::Send{{}, Content(as_bytes("x"))}, Bytes(24, 1)));
  world_.time.advance(seconds(20));
  // Past the bound nothing more is read from bob; what others do goes on.
  const auto bound = proxy().settings.limits.proxied;
  EXPECT_GE(proxy().counters().unanswered, bound);
  EXPECT_LE(proxy().counters().unanswered, bound + 8);
  const auto carol = user();
  EXPECT_EQ(carol->open_error(other.address()), "");
  EXPECT_EQ(carol->send(route, Bytes(24, 1), "x"), "PROXY BROKER TIMEOUT");
  EXPECT_EQ(sent[0]->result.text(), "PROXY BROKER TIMEOUT");
  // A session that has answered nothing for so long is closed; then there is none.
  ASSERT_TRUE(world_.run()([&] { return std::ranges::all_of(sent, [](const auto& each) { return each->done; }); }));
  EXPECT_EQ(sent.back()->result.text(), "PROXY NO_SESSION");
  EXPECT_EQ(proxy().counters().unanswered, 0U);
  EXPECT_EQ(proxy().counters().connected, 1U) << "the other";
  EXPECT_LE(relay.seen, 6 * (bound + 8));
  EXPECT_TRUE(bob->ping());
}

TEST_F(PrivateRouting, BlocksThatAreNoneEndTheSessionOrDisturbNobody) {
  ScriptedDestination relay(world_, "relay");
  const auto bob = user();
  for (const auto& garbage : {Bytes(100, 0xff), Bytes(1, 1), Bytes(16'000, 0x2a), Bytes{0}}) {
    Route route;
    ASSERT_EQ(bob->open(relay.address(), route), "");
    relay.on_rfwd = [&](const auto&) {
      for (int i = 0; i < 100; ++i) relay.send_content(garbage);
    };
    const auto answer = bob->send(route, Bytes(24, 1), "x");
    EXPECT_TRUE(answer == "PROXY BROKER TIMEOUT" || answer == "PROXY NO_SESSION") << answer;
    EXPECT_EQ(proxy().counters().unanswered, 0U);
  }
  EXPECT_TRUE(bob->ping());
}

TEST_F(PrivateRouting, ADestinationThatSpeaksUnaskedCostsNothing) {
  ScriptedDestination relay(world_, "relay");
  const auto bob = user();
  Route route;
  ASSERT_EQ(bob->open(relay.address(), route), "");
  world_.time.advance(seconds(1));
  for (int i = 0; i < 500; ++i) relay.answer(CorrId::generate(world_.random), broker::Err{errors::Auth{}});
  const auto answer = bob->send(route, Bytes(24, 1), "x");
  EXPECT_TRUE(answer == "PROXY BROKER TIMEOUT" || answer == "PROXY NO_SESSION") << answer;
  EXPECT_EQ(proxy().counters().unanswered, 0U);
  EXPECT_LE(proxy().counters().connected, 1U);
  EXPECT_TRUE(bob->ping());
}

TEST_F(PrivateRouting, WhenARelayGoesInTheMiddleEveryCommandIsAnswered) {
  ScriptedDestination relay(world_, "relay");
  const auto bob = user();
  Route route;
  ASSERT_EQ(bob->open(relay.address(), route), "");
  std::vector<std::shared_ptr<ProxyUser::Sent>> sent;
  for (int i = 0; i < 10; ++i)
    sent.push_back(bob->post(route, command::Send{{}, Content(as_bytes("x"))}, Bytes(24, 1)));
  ASSERT_TRUE(world_.run()([&] { return relay.seen > 5; }));
  relay.disconnect();
  ASSERT_TRUE(world_.run()([&] { return std::ranges::all_of(sent, [](const auto& each) { return each->done; }); }));
  for (const auto& each : sent) {
    EXPECT_TRUE(each->result.text() == "PROXY BROKER TIMEOUT" || each->result.text() == "PROXY NO_SESSION")
        << each->result.text();
  }
  EXPECT_EQ(proxy().counters().unanswered, 0U);
  EXPECT_EQ(proxy().counters().connected, 0U);
}

}  // namespace
}  // namespace simplex::smp::server
