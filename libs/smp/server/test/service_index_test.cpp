// The index of services' queues over a store that answers page by page, while queues come and go.
#include <deque>
#include <set>

#include "engine_world.hpp"
#include "service_index.hpp"

namespace simplex::smp::server {
namespace {

// Answers later, from what it has then or had when it was asked.
class PagedStore final : public Store {
 public:
  void write(const StoreRecord&, Done<> done) override { done({}); }
  void add_message(const RecipientId&, const MessagePtr&, Done<> done) override { done({}); }
  void remove_message(const RecipientId&, const StoredMessage&, Done<> done) override { done({}); }
  void load(const RecipientId&, Done<std::optional<LoadedQueue>> done) override { done(std::nullopt); }
  void load_messages(const RecipientId&, std::size_t, Done<std::vector<MessagePtr>> done) override {
    done(std::vector<MessagePtr>());
  }
  void load_link(const RecipientId&, Done<std::optional<LinkData>> done) override { done(std::nullopt); }
  void find(IdKind, const DirectoryId&, Done<std::optional<RecipientId>> done) override { done(std::nullopt); }
  void service_queues(const ServiceId&, ServiceParty, std::optional<RecipientId> after, std::size_t limit,
                      Done<std::vector<ServiceQueue>> done) override {
    auto early = page(after, limit);
    waiting.push_back([this, after, limit, early = std::move(early), done = std::move(done)](bool late) mutable {
      if (failing) return done(fail(ErrorKind::storage, "gone"));
      done(late ? page(after, limit) : std::move(early));
    });
  }
  void expire(std::int64_t, std::size_t, Done<std::vector<Expired>> done) override { done(std::vector<Expired>()); }
  void flush() override {}
  [[nodiscard]] bool keeps_everything() const override { return true; }

  std::vector<ServiceQueue> page(std::optional<RecipientId> after, std::size_t limit) const {
    std::vector<ServiceQueue> made;
    auto next = after ? queues.upper_bound(*after) : queues.begin();
    for (; next != queues.end() && made.size() < limit; ++next) made.push_back({*next, std::nullopt, true});
    return made;
  }

  std::set<RecipientId, ByOctets> queues;
  std::deque<std::move_only_function<void(bool)>> waiting;
  bool failing = false;
};

TEST(ServiceIndexTest, CountsWhileQueuesComeAndGo) {
  testing::SeededRandom random(5);
  const auto service = *ServiceId::from(Bytes(24, 1));
  constexpr auto party = ServiceParty::recipient;
  for (int round = 0; round < 20; ++round) {
    PagedStore store;
    StoreCalls calls(store);
    ServiceIndex index(calls);
    std::vector<RecipientId> ids;
    for (int i = 0; i < 10'000; ++i) ids.push_back(*RecipientId::from(random.bytes(24)));
    store.queues.insert(ids.begin(), ids.end());
    const auto change = [&] {
      const auto& id = ids[random.below(ids.size())];
      if (store.queues.erase(id) > 0) {
        index.left(service, party, {id, std::nullopt, true});
      } else {
        store.queues.insert(id);
        index.joined(service, party, {id, std::nullopt, true});
      }
    };
    std::optional<ServiceQueues> counted;
    index.count(service, party, [&](const Result<ServiceQueues>& made) { counted = *made; });
    std::optional<ServiceQueues> too;
    index.count(service, party, [&](const Result<ServiceQueues>& made) { too = *made; });
    while (!store.waiting.empty()) {
      ASSERT_EQ(store.waiting.size(), 1u) << "both ask the store once";
      for (int i = 0; i < 50; ++i) change();
      auto answer = std::move(store.waiting.front());
      store.waiting.pop_front();
      answer(random.below(2) == 0);
      if (!counted) change();
    }
    const auto truth = [&] {
      ServiceQueues sum{.count = 0, .hash = {}};
      for (const auto& id : store.queues) add(sum, id.view());
      return sum;
    };
    ASSERT_TRUE(counted);
    EXPECT_EQ(*counted, truth());
    EXPECT_EQ(too, counted);
    for (int i = 0; i < 100; ++i) change();
    index.count(service, party, [&](const Result<ServiceQueues>& made) { counted = *made; });
    EXPECT_EQ(*counted, truth()) << "from then on it follows the changes";
    EXPECT_TRUE(store.waiting.empty());
  }
}

TEST(ServiceIndexTest, AStoreThatFailsIsAskedAgain) {
  PagedStore store;
  StoreCalls calls(store);
  ServiceIndex index(calls);
  const auto service = *ServiceId::from(Bytes(24, 1));
  store.queues.insert(*RecipientId::from(Bytes(24, 9)));
  store.failing = true;
  bool failed = false;
  const auto ask = [&](auto then) {
    index.count(service, ServiceParty::recipient, std::move(then));
    auto answer = std::move(store.waiting.front());
    store.waiting.pop_front();
    answer(true);
  };
  ask([&](const Result<ServiceQueues>& made) { failed = !made; });
  EXPECT_TRUE(failed);
  store.failing = false;
  ask([&](const Result<ServiceQueues>& made) { EXPECT_EQ(made->count, 1); });
}

}  // namespace
}  // namespace simplex::smp::server
