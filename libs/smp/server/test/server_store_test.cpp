// What Server does with a store that was given to it.
#include <gmock/gmock.h>
#include <unistd.h>

#include "simplex/smp/server/server.hpp"

namespace simplex::smp::server {
namespace {

// Keeps nothing; tells what was done with it.
class WatchedBackend final : public StoreBackend {
 public:
  struct Seen {
    std::size_t shards = 0;
    int closed = 0;
    bool destroyed = false;
  };
  explicit WatchedBackend(Seen& seen) : seen_(seen) {}
  ~WatchedBackend() override { seen_.destroyed = true; }

  std::unique_ptr<Store> shard(std::size_t, std::size_t shards, async::Loop&) override {
    seen_.shards = shards;
    return std::make_unique<MemoryStore>();
  }
  Result<std::vector<ServiceRecord>> services() override { return std::vector<ServiceRecord>(); }
  StoreTotals totals() override { return {.queues = 7, .messages = 11, .notifiers = 0}; }
  Result<> close() override {
    ++seen_.closed;
    return close_result;
  }
  Result<StoreTotals> export_to(StateSink&, const Progress&) override { return StoreTotals(); }
  Result<std::unique_ptr<StateSink>> import() override { return fail(ErrorKind::unsupported, "none"); }
  Result<> remove(Contents) override { return {}; }

  Result<> close_result;

 private:
  Seen& seen_;
};

class ServerWithStore : public ::testing::Test {
 protected:
  ServerSettings settings(std::uint16_t port = 0) {
    ServerSettings made;
    SystemRandom random;
    made.node.credentials =
        transport::make_credentials(transport::SignatureAlgorithm::ed25519, SystemClock().wall(), random);
    made.addresses = {{"127.0.0.1", port}};
    made.threads = 2;
    return made;
  }

  NullLogger logger_;
  WatchedBackend::Seen seen_;
};

TEST_F(ServerWithStore, EveryThreadHasAShardAndTheStoreIsClosedOnce) {
  auto server = Server::start(settings(), std::make_unique<WatchedBackend>(seen_), logger_);
  ASSERT_TRUE(server) << server.error().message;
  EXPECT_EQ(seen_.shards, 2u);
  EXPECT_EQ((*server)->report().queues, 7u);
  EXPECT_EQ((*server)->report().messages, 11u);
  EXPECT_TRUE((*server)->stop());
  EXPECT_TRUE((*server)->stop());
  EXPECT_EQ(seen_.closed, 1);
  EXPECT_TRUE(seen_.destroyed);
}

TEST_F(ServerWithStore, AStoreThatCannotBeClosedIsSaid) {
  auto store = std::make_unique<WatchedBackend>(seen_);
  store->close_result = fail(ErrorKind::storage, "the disk is full");
  auto server = Server::start(settings(), std::move(store), logger_);
  ASSERT_TRUE(server) << server.error().message;
  const auto stopped = (*server)->stop();
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().message, "the disk is full");
}

TEST_F(ServerWithStore, TheStoreIsClosedWhenThePortIsInUse) {
  auto first = Server::start(settings(), logger_);
  ASSERT_TRUE(first) << first.error().message;
  const auto second = Server::start(settings((*first)->ports()[0]), std::make_unique<WatchedBackend>(seen_), logger_);
  ASSERT_FALSE(second);
  EXPECT_EQ(seen_.closed, 1);
  EXPECT_TRUE(seen_.destroyed);
}

}  // namespace
}  // namespace simplex::smp::server
