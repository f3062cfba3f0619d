// A node over a store that begins with what it was asked only when it is flushed, and answers later.
#include <gtest/gtest.h>

#include "keeping_store.hpp"
#include "node_world.hpp"

namespace simplex::smp::server {
namespace {

// As lazy as the real ones: what nobody flushes is never answered.
class LazyStore final : public Store {
 public:
  LazyStore(KeptQueues& kept, std::size_t index, std::size_t shards, async::Loop& loop)
      : loop_(loop), store_(kept, index, shards) {}

  void write(const StoreRecord& record, Done<> done) override { store_.write(record, std::move(done)); }
  void add_message(const RecipientId& queue, const MessagePtr& message, Done<> done) override {
    store_.add_message(queue, message, std::move(done));
  }
  void remove_message(const RecipientId& queue, const StoredMessage& message, Done<> done) override {
    store_.remove_message(queue, message, std::move(done));
  }
  void load(const RecipientId& queue, Done<std::optional<LoadedQueue>> done) override {
    store_.load(queue, std::move(done));
  }
  void load_messages(const RecipientId& queue, std::size_t max_octets, Done<std::vector<MessagePtr>> done) override {
    store_.load_messages(queue, max_octets, std::move(done));
  }
  void load_link(const RecipientId& queue, Done<std::optional<LinkData>> done) override {
    store_.load_link(queue, std::move(done));
  }
  void find(IdKind kind, const DirectoryId& id, Done<std::optional<RecipientId>> done) override {
    store_.find(kind, id, std::move(done));
  }
  void service_queues(const ServiceId& service, ServiceParty party, std::optional<RecipientId> after, std::size_t limit,
                      Done<std::vector<ServiceQueue>> done) override {
    store_.service_queues(service, party, after, limit, std::move(done));
  }
  void expire(std::int64_t before, std::size_t limit, Done<std::vector<Expired>> done) override {
    store_.expire(before, limit, std::move(done));
  }
  void flush() override {
    const auto begun = store_.waiting.size() - begun_;
    if (begun == 0) return;
    begun_ += begun;
    loop_.post([this, begun] {
      for (std::size_t i = 0; i < begun; ++i) {
        --begun_;
        EXPECT_TRUE(store_.answer_one());
      }
    });
  }
  [[nodiscard]] bool keeps_everything() const override { return true; }

 private:
  async::Loop& loop_;
  KeepingStore store_;
  std::size_t begun_ = 0;
};

class LazyStories : public ::testing::TestWithParam<std::size_t> {
 protected:
  KeptQueues kept_;
  static EngineSettings tiny() {
    EngineSettings settings;
    settings.resident = {0, 1, 1, 0, 1 << 20};
    return settings;
  }
  NodeWorld world_{GetParam(),
                   [this](std::size_t index, std::size_t count, async::Loop& loop) {
                     return std::make_unique<LazyStore>(kept_, index, count, loop);
                   },
                   tiny()};
};

INSTANTIATE_TEST_SUITE_P(Nodes, LazyStories, ::testing::Values(1, 2));

TEST_P(LazyStories, MessagesComeOneAfterTheOtherThoughEachIsAskedForInACompletion) {
  crypto::AuthPrivateKey key;
  Bytes sender_id;
  Bytes recipient_id;
  {
    PipeClient alice(world_, 0);
    alice.create(key, sender_id);
    recipient_id = alice.recipient_id;
  }
  PipeClient bob(world_, GetParam() - 1);
  constexpr int count = 12;
  for (int i = 0; i < count; ++i) {
    EXPECT_EQ(bob.call(command::Send{{}, Content(as_bytes("text"))}, sender_id), "OK");
  }
  PipeClient alice(world_, 0);
  EXPECT_EQ(alice.call(command::Sub{}, recipient_id, &key), "SOK");
  world_.time.run_until([&] { return !alice.events.empty(); }, std::chrono::seconds(10));
  ASSERT_EQ(alice.events, std::vector<std::string>{"MSG"});
  for (int i = 1; i < count; ++i) {
    EXPECT_EQ(alice.call(command::Ack{*alice.delivered}, recipient_id, &key), "MSG") << i;
  }
  EXPECT_EQ(alice.call(command::Ack{*alice.delivered}, recipient_id, &key), "OK");
  EXPECT_EQ(alice.call(command::Del{}, recipient_id, &key), "OK");
}

}  // namespace
}  // namespace simplex::smp::server
