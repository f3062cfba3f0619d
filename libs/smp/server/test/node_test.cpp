// Nodes and their connections in virtual time, over pipes: what connections may cost, and how they end.
#include <gmock/gmock.h>

#include <algorithm>
#include <deque>

#include "simplex/crypto/hash.hpp"
#include "simplex/smp/message_body.hpp"
#include "node_world.hpp"

namespace simplex::smp::server {
namespace {

using ::testing::SizeIs;

const std::string long_text(16'000, 'x');
command::Send long_message() { return command::Send{{}, Content(as_bytes(long_text))}; }

TEST(Node, AConnectionThatSaysNothingIsClosed) {
  NodeWorld world(1);
  world.start();
  PipeClient silent(world, 0, false);
  world.time.advance(std::chrono::seconds(119));
  EXPECT_FALSE(silent.closed);
  EXPECT_EQ(world.load.connections, 1u);
  world.time.advance(std::chrono::seconds(2));
  EXPECT_TRUE(silent.closed);
  EXPECT_EQ(world.load.connections, 0u);
  EXPECT_EQ(world.nodes[0]->counters().failed_handshakes, 1u);
  EXPECT_EQ(world.nodes[0]->counters().timed_out_handshakes, 1u);
}

TEST(Node, InactiveConnectionsAreClosedAfterSixHoursButNotSubscribers) {
  NodeWorld world(1);
  world.start();
  PipeClient subscriber(world, 0);
  crypto::AuthPrivateKey key;
  Bytes sender_id;
  subscriber.create(key, sender_id);
  PipeClient idle(world, 0);
  PipeClient busy(world, 0);
  for (int hour = 0; hour < 10; ++hour) {
    world.time.advance(std::chrono::hours(1));
    EXPECT_EQ(busy.call(command::Ping{}), "PONG");
    EXPECT_EQ(idle.closed, hour >= 6) << hour;
  }
  EXPECT_FALSE(subscriber.closed);
  EXPECT_EQ(world.nodes[0]->counters().closed_inactive, 1u);
}

TEST(Node, AReaderThatReadsNothingIsDroppedAndCostsLittleBefore) {
  NodeWorld world(1);
  world.start();
  PipeClient alice(world, 0);
  PipeClient bob(world, 0);
  std::vector<crypto::AuthPrivateKey> keys(100);
  std::vector<Bytes> sender_ids(100);
  for (std::size_t i = 0; i < keys.size(); ++i) alice.create(keys[i], sender_ids[i]);
  const auto before = world.nodes[0]->counters().blocks_out;
  alice.pause();
  for (const auto& id : sender_ids) EXPECT_EQ(bob.call(long_message(), id), "OK");
  const auto to_alice = world.nodes[0]->counters().blocks_out - before - sender_ids.size();
  EXPECT_LE(to_alice * transport::block_size, world.settings.limits.pending + transport::block_size);
  world.time.advance(std::chrono::minutes(7));
  EXPECT_EQ(world.nodes[0]->counters().dropped_slow, 1u);
  EXPECT_EQ(bob.call(command::Ping{}), "PONG");
  alice.resume();
  world.time.advance(std::chrono::seconds(1));
  EXPECT_TRUE(alice.closed);

  // Nothing is lost: the next connection gets what was not acknowledged.
  EXPECT_EQ(world.nodes[0]->shard().message_count(), sender_ids.size());
}

TEST(Node, AReaderThatIsSlowButReadsGetsAll) {
  NodeWorld world(1);
  world.start();
  PipeClient alice(world, 0);
  PipeClient bob(world, 0);
  std::vector<crypto::AuthPrivateKey> keys(60);
  std::vector<Bytes> sender_ids(60);
  for (std::size_t i = 0; i < keys.size(); ++i) alice.create(keys[i], sender_ids[i]);
  alice.pause();
  for (const auto& id : sender_ids) EXPECT_EQ(bob.call(long_message(), id), "OK");
  for (int minute = 0; minute < 20; ++minute) {
    world.time.advance(std::chrono::minutes(4));
    alice.resume();
    world.time.run_until([&, seen = alice.events.size()] { return alice.events.size() > seen + 3; },
                         std::chrono::seconds(1));
    alice.pause();
  }
  alice.resume();
  world.time.advance(std::chrono::seconds(1));
  EXPECT_FALSE(alice.closed);
  EXPECT_THAT(alice.events, SizeIs(sender_ids.size()));
}

TEST(Node, ACommanderThatDoesNotReadIsNotReadEither) {
  NodeWorld world(1);
  world.settings.limits.pending = 64 * 1'024;
  world.start();
  PipeClient mallory(world, 0);
  const auto before = world.nodes[0]->counters().blocks_in;
  mallory.pause();
  for (int i = 0; i < 500; ++i) mallory.send(command::Ping{});
  world.time.advance(std::chrono::seconds(1));
  EXPECT_LE(world.nodes[0]->counters().blocks_in - before, 10u);
  EXPECT_EQ(world.nodes[0]->counters().paused_pending, 1u);
  mallory.resume();
  world.time.advance(std::chrono::seconds(1));
  EXPECT_THAT(mallory.answers, SizeIs(500));
}

TEST(Node, ShortCommandsWithLongAnswersWaitForTheReader) {
  NodeWorld world(1);
  world.start();
  PipeClient mallory(world, 0);
  const auto key = crypto::AuthPrivateKey(crypto::generate_ed25519(world.random).private_key);
  const auto dh = crypto::generate_x25519(world.random);
  const Bytes link_id(24, 7);
  const auto corr_id = CorrId::generate(world.random);
  const auto sender_id = to_bytes(crypto::sha3_384(corr_id.view()).view().first(queue_id_size));
  const std::string data(13'000, 'y');
  command::New::Contact contact{command::New::ContactLink{
      protocol::LinkId(link_id), protocol::SenderId(sender_id), {Content(as_bytes("x")), Content(as_bytes(data))}}};
  EXPECT_EQ(mallory.call(
                command::New{
                    crypto::public_key(key), dh.public_key, {}, SubscriptionMode::only_create, std::move(contact), {}},
                {}, &key, corr_id),
            "IDS");
  const auto before = world.nodes[0]->counters().blocks_out;
  mallory.pause();
  constexpr int count = 200;
  mallory.send(command::Lget{}, link_id, nullptr, count);
  world.time.advance(std::chrono::seconds(1));
  const auto sent = world.nodes[0]->counters().blocks_out - before;
  EXPECT_LE(sent * transport::block_size, world.settings.limits.pending + transport::block_size);
  mallory.resume();
  world.time.advance(std::chrono::seconds(1));
  EXPECT_EQ(std::ranges::count(mallory.answers, "LNK", [](const auto& answer) { return answer.second; }), count);
  EXPECT_EQ(world.load.pending, 0u);

  // What waits counts, also for commands that do not say what their answers are to.
  mallory.pause();
  mallory.send(command::Lget{}, link_id, nullptr, count, CorrId());
  world.time.advance(std::chrono::seconds(1));
  EXPECT_GE(world.load.pending, count * data.size());
  mallory.resume();
  world.time.advance(std::chrono::seconds(1));
  EXPECT_EQ(world.load.pending, 0u);
  EXPECT_FALSE(mallory.closed);
}

TEST(Node, SlowReadersTogetherHaveNoMoreThanTheRelayHasRoomFor) {
  NodeWorld world(2);
  world.settings.limits.pending_in_all = 512 * 1'024;
  world.start();
  std::vector<std::unique_ptr<PipeClient>> readers;
  for (std::size_t i = 0; i < 10; ++i) readers.push_back(std::make_unique<PipeClient>(world, i % 2));
  PipeClient good(world, 0);
  PipeClient sender(world, 1);
  const auto fill = [&](PipeClient& reader) {
    std::vector<crypto::AuthPrivateKey> keys(20);
    std::vector<Bytes> sender_ids(20);
    for (std::size_t i = 0; i < keys.size(); ++i) reader.create(keys[i], sender_ids[i]);
    if (&reader != &good) reader.pause();
    for (const auto& id : sender_ids) EXPECT_EQ(sender.call(long_message(), id), "OK");
  };
  for (auto& reader : readers) fill(*reader);
  // 10 readers with 320 KB each; a block for each of them may be over it.
  EXPECT_GT(world.load.pending, world.settings.limits.pending_in_all);
  EXPECT_LE(world.load.pending, world.settings.limits.pending_in_all + 12 * transport::block_size);
  // Who reads is served all the same, and the others have less time.
  fill(good);
  world.time.advance(std::chrono::seconds(1));
  EXPECT_THAT(good.events, SizeIs(20));
  world.time.advance(std::chrono::seconds(90));
  EXPECT_LE(world.load.pending, world.settings.limits.pending_in_all);
  EXPECT_GT(world.nodes[0]->counters().dropped_crowded + world.nodes[1]->counters().dropped_crowded, 0u);
  readers.clear();
  world.time.advance(std::chrono::seconds(1));
  EXPECT_EQ(world.load.pending, 0u);
}

TEST(Node, ConnectionsThatDoNotFinishTheHandshakeKeepNobodyOut) {
  NodeWorld world(1);
  world.settings.limits.handshakes = 50;
  world.start();
  std::vector<std::unique_ptr<PipeClient>> silent;
  for (int i = 0; i < 200; ++i) silent.push_back(std::make_unique<PipeClient>(world, 0, false));
  world.time.advance(std::chrono::seconds(1));
  EXPECT_EQ(world.nodes[0]->gauges().handshakes, 50u);
  EXPECT_EQ(world.load.connections, 50u);
  EXPECT_EQ(world.nodes[0]->counters().dropped_handshakes, 150u);
  EXPECT_EQ(std::ranges::count_if(silent, [](const auto& each) { return each->closed; }), 150);
  PipeClient client(world, 0);
  EXPECT_EQ(client.call(command::Ping{}), "PONG");
  EXPECT_EQ(world.nodes[0]->gauges().handshakes, 49u);
}

TEST(Node, NewCredentialsAndPasswordAreForWhatComesLater) {
  NodeWorld world(1);
  world.start();
  PipeClient before(world, 0);
  world.nodes[0]->use_password(BasicAuth::from(as_bytes("secret")).value());
  const auto key = crypto::AuthPrivateKey(crypto::generate_ed25519(world.random).private_key);
  const auto dh = crypto::generate_x25519(world.random);
  const command::New create{
      crypto::public_key(key), dh.public_key, {}, SubscriptionMode::subscribe, command::New::Messaging{}, {}};
  EXPECT_EQ(before.call(create, {}, &key), "ERR");
  world.nodes[0]->use_password(std::nullopt);
  EXPECT_EQ(before.call(create, {}, &key), "IDS");
  world.nodes[0]->use_credentials(
      transport::make_credentials(transport::SignatureAlgorithm::ed448, world.time.wall(), world.random));
  EXPECT_TRUE(PipeClient(world, 0).closed);  // its relay is another now
  EXPECT_EQ(before.call(command::Ping{}), "PONG");
}

TEST(Node, SubscriptionsAreCountedAsTheyComeAndGo) {
  NodeWorld world(2);
  world.start();
  auto alice = std::make_unique<PipeClient>(world, 0);
  PipeClient bob(world, 0);
  crypto::AuthPrivateKey key;
  Bytes sender_id;
  for (int i = 0; i < 5; ++i) alice->create(key, sender_id);
  bob.create(key, sender_id);
  EXPECT_EQ(world.nodes[0]->shard().gauges().subscriptions, 6u);
  EXPECT_EQ(world.nodes[0]->shard().gauges().subscribed_clients, 2u);
  alice.reset();
  world.time.advance(std::chrono::seconds(1));
  EXPECT_EQ(world.nodes[0]->shard().gauges().subscriptions, 1u);
  EXPECT_EQ(world.nodes[0]->shard().gauges().subscribed_clients, 1u);
  EXPECT_EQ(world.nodes[0]->shard().gauges().clients, 1u);
}

TEST(Node, StoppingSendsWhatWaitsAndEndsInTime) {
  NodeWorld world(2);
  world.start();
  PipeClient alice(world, 0);
  PipeClient bob(world, 1);
  PipeClient silent(world, 1, false);
  crypto::AuthPrivateKey key;
  Bytes sender_id;
  alice.create(key, sender_id);
  const auto sent = bob.send(long_message(), sender_id);
  world.time.run_until([&] { return world.nodes[0]->shard().message_count() == 1; }, std::chrono::seconds(1));
  std::size_t stopped = 0;
  for (auto& node : world.nodes) node->stop(std::chrono::seconds(5), [&] { ++stopped; });
  world.time.advance(std::chrono::seconds(1));
  EXPECT_EQ(stopped, 2u);
  EXPECT_TRUE(alice.closed && bob.closed && silent.closed);
  EXPECT_EQ(bob.answers[sent], "OK");
  EXPECT_EQ(world.load.connections, 0u);
}

TEST(Node, StoppingDoesNotWaitForAReaderThatReadsNothing) {
  NodeWorld world(1);
  world.start();
  PipeClient alice(world, 0);
  PipeClient bob(world, 0);
  crypto::AuthPrivateKey key;
  Bytes sender_id;
  alice.create(key, sender_id);
  alice.pause();
  EXPECT_EQ(bob.call(long_message(), sender_id), "OK");
  bool stopped = false;
  world.nodes[0]->stop(std::chrono::seconds(5), [&] { stopped = true; });
  world.time.advance(std::chrono::seconds(4));
  EXPECT_FALSE(stopped);
  EXPECT_TRUE(bob.closed);
  world.time.advance(std::chrono::seconds(2));
  EXPECT_TRUE(stopped);
}

TEST(Node, ManyConnectionsComeAndGo) {
  NodeWorld world(3);
  world.start();
  PipeClient alice(world, 0);
  crypto::AuthPrivateKey key;
  Bytes sender_id;
  alice.create(key, sender_id);
  for (int i = 0; i < 60; ++i) {
    PipeClient bob(world, static_cast<std::size_t>(i) % 3);
    if (i % 2 == 0) EXPECT_EQ(bob.call(command::Send{{}, Content(as_bytes("hi"))}, sender_id), "OK");
  }
  world.time.advance(std::chrono::seconds(1));
  EXPECT_EQ(world.load.connections, 1u);
  EXPECT_EQ(world.nodes[0]->shard().message_count() + world.nodes[1]->shard().message_count() +
                world.nodes[2]->shard().message_count(),
            30u);
}

}  // namespace
}  // namespace simplex::smp::server
