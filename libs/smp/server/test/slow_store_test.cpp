// The engine over a store that takes its time, or is full.
#include "engine_world.hpp"

namespace simplex::smp::server {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

// A store that takes its time, with one queue that is there already.
class SlowStories : public ::testing::Test {
 protected:
  SlowStories() : world_(std::vector<Store*>{&store_}) {
    const auto corr_id = CorrId::generate(world_.random());
    auto dh = crypto::generate_x25519(world_.random());
    queue_.recipient_key = alice_.new_key();
    alice_.post(alice_.transmission(command::New{crypto::public_key(queue_.recipient_key),
                                                 dh.public_key,
                                                 {},
                                                 SubscriptionMode::subscribe,
                                                 command::New::Messaging{},
                                                 {}},
                                    {}, &queue_.recipient_key, corr_id));
    stored();
    const auto got = alice_.response(corr_id);
    const auto& ids = got.as<broker::Ids>();
    queue_.recipient_id = to_bytes(ids.recipient_id.view());
    queue_.sender_id = to_bytes(ids.sender_id.view());
    queue_.box = crypto::box_key(ids.relay_dh_key, dh.private_key).value();
  }
  void stored(const Result<>& result = {}) {
    store_.answer_all(result);
    world_.run();
  }
  CorrId post(TestClient& client, const ClientCommand& command, BytesView entity, const crypto::AuthPrivateKey* key) {
    const auto corr_id = CorrId::generate(world_.random());
    client.post(client.transmission(command, entity, key, corr_id));
    return corr_id;
  }

  SlowStore store_;
  EngineWorld world_;
  TestClient alice_{world_};
  TestClient bob_{world_};
  TestQueue queue_;
  const Result<> full_ = fail(ErrorKind::storage, "no space left");
};

bool is_store_error(const Got& got) {
  const auto* err = std::get_if<broker::Err>(&got.message);
  return err != nullptr && err->error.is<errors::Store>();
}

TEST_F(SlowStories, NothingIsAcknowledgedOrDeliveredBeforeItIsStored) {
  const auto sent = post(bob_, command::Send{{}, Content(as_bytes("one"))}, queue_.sender_id, nullptr);
  EXPECT_THAT(bob_.inbox, IsEmpty());
  EXPECT_THAT(alice_.inbox, IsEmpty());
  stored();
  EXPECT_TRUE(bob_.response(sent).is<broker::Ok>());
  const auto message = alice_.event();
  EXPECT_EQ(TestClient::text(queue_, message), "one");

  const auto acked =
      post(alice_, command::Ack{message->as<broker::Msg>().id}, queue_.recipient_id, &queue_.recipient_key);
  EXPECT_THAT(alice_.inbox, IsEmpty());
  stored();
  EXPECT_TRUE(alice_.response(acked).is<broker::Ok>());
}

TEST_F(SlowStories, AFullDiskIsToldToThePeerAndNothingIsChanged) {
  const auto sent = post(bob_, command::Send{{}, Content(as_bytes("one"))}, queue_.sender_id, nullptr);
  stored(full_);
  EXPECT_TRUE(is_store_error(bob_.response(sent)));
  EXPECT_THAT(alice_.inbox, IsEmpty());

  const auto key = bob_.new_key(true);
  const auto secured = post(bob_, command::Skey{crypto::public_key(key)}, queue_.sender_id, &key);
  stored(full_);
  EXPECT_TRUE(is_store_error(bob_.response(secured)));
  const auto deleted = post(alice_, command::Del{}, queue_.recipient_id, &queue_.recipient_key);
  stored(full_);
  EXPECT_TRUE(is_store_error(alice_.response(deleted)));

  const auto again = post(bob_, command::Send{{}, Content(as_bytes("not secured"))}, queue_.sender_id, nullptr);
  stored();
  EXPECT_TRUE(bob_.response(again).is<broker::Ok>());
  EXPECT_EQ(TestClient::text(queue_, alice_.event()), "not secured");
}

TEST_F(SlowStories, ANewQueueThatIsNotStoredLeavesNothing) {
  const auto key = bob_.new_key();
  const auto dh = crypto::generate_x25519(world_.random());
  const auto created =
      post(bob_,
           command::New{
               crypto::public_key(key), dh.public_key, {}, SubscriptionMode::subscribe, command::New::Messaging{}, {}},
           {}, &key);
  stored(full_);
  EXPECT_TRUE(is_store_error(bob_.response(created)));
  EXPECT_EQ(world_.shard(0).queue_count(), 1u);
  EXPECT_EQ(bob_.subscriptions(), 0u);
}

TEST_F(SlowStories, CommandsOfAQueueWaitForItsChange) {
  const auto key = bob_.new_key(true);
  const auto secured = post(bob_, command::Skey{crypto::public_key(key)}, queue_.sender_id, &key);
  const auto open = post(bob_, command::Send{{}, Content(as_bytes("open"))}, queue_.sender_id, nullptr);
  const auto closed = post(bob_, command::Send{{}, Content(as_bytes("closed"))}, queue_.sender_id, &key);
  EXPECT_THAT(bob_.inbox, IsEmpty());
  stored();
  EXPECT_TRUE(bob_.response(secured).is<broker::Ok>());
  EXPECT_TRUE(bob_.response(open).is_error(errors::Auth{})) << "secured by now";
  EXPECT_TRUE(bob_.response(closed).is<broker::Ok>());

  const auto deleted = post(alice_, command::Del{}, queue_.recipient_id, &queue_.recipient_key);
  const auto late = post(bob_, command::Send{{}, Content(as_bytes("late"))}, queue_.sender_id, &key);
  stored();
  EXPECT_TRUE(alice_.response(deleted).is<broker::Ok>());
  EXPECT_TRUE(bob_.response(late).is_error(errors::Auth{}));
}

}  // namespace
}  // namespace simplex::smp::server
