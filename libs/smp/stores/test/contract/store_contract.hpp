// What every durable StoreBackend must do (smp/server/store.hpp), as tests that a store instantiates:
//
//   INSTANTIATE_TEST_SUITE_P(Embedded, StoreContract, ::testing::Values(StoreKind{"embedded", make_embedded_place}));
//
// The helpers are for the stores' own tests, too: StoreRun is a store with its shards, each on a loop of its own.
#pragma once

#include <gmock/gmock.h>

#include <future>
#include <map>
#include <thread>

#include "simplex/base/log.hpp"
#include "simplex/smp/server/shard.hpp"
#include "simplex/smp/server/store.hpp"
#include "simplex/testing/random.hpp"

namespace simplex::smp::stores {

// The relay's ids, not those that the protocol room has under the same names.
using server::LinkId;
using server::MessageId;
using server::NotifierId;
using server::RecipientId;
using server::SenderId;
using server::ServiceId;

// Where stores are kept during one test: folders, a database. Two stores, 0 and 1, that know nothing of each other.
class StorePlace {
 public:
  virtual ~StorePlace() = default;
  // Opens the store, and makes it the first time.
  [[nodiscard]] virtual Result<std::unique_ptr<server::StoreBackend>> open(std::size_t store) = 0;
};

struct StoreKind {
  std::string name;
  std::function<std::unique_ptr<StorePlace>()> make;
};
inline void PrintTo(const StoreKind& kind, std::ostream* out) { *out << kind.name; }

// ---- samples

[[nodiscard]] server::RecipientId make_recipient_id(Random& random);
[[nodiscard]] server::ServiceId make_service_id(Random& random);
// Nothing but what every queue has.
[[nodiscard]] server::QueueRecord make_queue(Random& random);
[[nodiscard]] server::NotifierCredentials make_notifier(Random& random);
[[nodiscard]] server::LinkData make_link(Random& random);
// With link, notifier, sender key, date.
[[nodiscard]] server::QueueRecord make_full_queue(Random& random);
[[nodiscard]] server::ServiceRecord make_service(Random& random, server::ServiceRole role);
[[nodiscard]] server::MessagePtr make_message(Random& random, std::uint64_t position, std::size_t octets,
                                              std::int64_t sent_at = 1'795'392'000);
[[nodiscard]] server::MessagePtr make_quota_marker(Random& random, std::uint64_t position,
                                                   std::int64_t sent_at = 1'795'392'000);
template <class Id>
[[nodiscard]] server::DirectoryId directory_id(const Id& id) {
  return *server::DirectoryId::from(id.view());
}
// All that is kept of a message, but its position.
[[nodiscard]] std::string text_of(const server::StoredMessage& message);
[[nodiscard]] std::vector<std::string> texts_of(const std::vector<server::MessagePtr>& messages);

// What went through a sink, as text.
struct State {
  std::map<std::string, std::string> services;
  std::map<std::string, std::string> queues;                 // by recipient id
  std::map<std::string, std::vector<std::string>> messages;  // the same

  friend bool operator==(const State&, const State&) = default;
};
// Expects the order that StateSink says.
class CollectingSink final : public server::StateSink {
 public:
  Result<> add_service(const server::ServiceRecord& service) override;
  Result<> add_queue(const server::QueueRecord& queue) override;
  Result<> add_message(const server::RecipientId& queue, const server::StoredMessage& message) override;
  Result<> commit() override {
    committed = true;
    return {};
  }
  State state;
  bool committed = false;

 private:
  std::string current_;  // queue whose messages come now
};

// ---- a store in use

// The calls of one turn of a shard's loop. Each gives a future of what its `done` gets.
class Turn {
 public:
  Turn(server::Store& store, async::Loop& loop, std::vector<int>& order) : store_(store), loop_(loop), order_(order) {}

  [[nodiscard]] async::Loop& loop() { return loop_; }
  std::future<Result<>> write(const server::StoreRecord& record);
  std::future<Result<>> create(const server::QueueRecord& queue) { return write(server::CreateQueue{queue.clone()}); }
  std::future<Result<>> add(const server::RecipientId& queue, const server::MessagePtr& message);
  std::future<Result<>> remove(const server::RecipientId& queue, const server::MessagePtr& message);
  std::future<Result<std::optional<server::LoadedQueue>>> load(const server::RecipientId& queue);
  std::future<Result<std::optional<server::LinkData>>> load_link(const server::RecipientId& queue);
  std::future<Result<std::vector<server::MessagePtr>>> load_messages(const server::RecipientId& queue,
                                                                     std::size_t max_octets);
  std::future<Result<std::optional<server::RecipientId>>> find(server::IdKind kind, const server::DirectoryId& id);
  std::future<Result<std::vector<server::ServiceQueue>>> service_queues(const server::ServiceId& service,
                                                                        server::ServiceParty party,
                                                                        std::optional<server::RecipientId> after,
                                                                        std::size_t limit);
  std::future<Result<std::vector<server::Store::Expired>>> expire(std::int64_t before, std::size_t limit);

 private:
  template <class T>
  std::pair<server::Store::Done<T>, std::future<Result<T>>> expect_done();

  server::Store& store_;
  async::Loop& loop_;
  std::vector<int>& order_;
  int calls_ = 0;
};

class StoreRun {
 public:
  StoreRun(std::unique_ptr<server::StoreBackend> backend, std::size_t shards);
  ~StoreRun();  // closes
  StoreRun(const StoreRun&) = delete;
  StoreRun& operator=(const StoreRun&) = delete;

  // Runs the calls as one turn of the shard's loop, with the flush at its end; returns when the turn is over, which may
  // be before the dones are called.
  void turn(std::size_t shard, const std::function<void(Turn&)>& calls);
  // As the engine does it: a turn on the queue's shard.
  [[nodiscard]] std::size_t shard_of(const server::RecipientId& queue) const;

  // One call in a turn of its own, waited for.
  Result<> write(const server::StoreRecord& record);
  Result<> create(const server::QueueRecord& queue) { return write(server::CreateQueue{queue.clone()}); }
  Result<> add(const server::RecipientId& queue, const server::MessagePtr& message);
  Result<> remove(const server::RecipientId& queue, const server::MessagePtr& message);
  // With the data of its link.
  Result<std::optional<server::LoadedQueue>> load(const server::RecipientId& queue);
  Result<std::vector<server::MessagePtr>> load_messages(const server::RecipientId& queue, std::size_t max_octets);
  Result<std::optional<server::RecipientId>> find(server::IdKind kind, const server::DirectoryId& id,
                                                  std::size_t shard = 0);
  Result<std::vector<server::ServiceQueue>> service_queues(std::size_t shard, const server::ServiceId& service,
                                                           server::ServiceParty party,
                                                           std::optional<server::RecipientId> after, std::size_t limit);
  Result<std::vector<server::Store::Expired>> expire(std::size_t shard, std::int64_t before, std::size_t limit);

  server::StoreBackend& backend() { return *backend_; }
  server::Store& store(std::size_t shard) { return *shards_[shard]->store; }
  // Stops the loops, then closes the store. Once.
  Result<> close();
  // Order in which the dones of a shard's last turn were called.
  [[nodiscard]] std::vector<int> order(std::size_t shard);

 private:
  struct OneShard {
    std::unique_ptr<async::ThreadLoop> loop;
    std::unique_ptr<server::Store> store;
    std::vector<int> order;
    std::thread thread;
  };
  std::unique_ptr<server::StoreBackend> backend_;
  std::vector<std::unique_ptr<OneShard>> shards_;
  bool closed_ = false;
};

// What the future has, or a failed test when it takes a minute.
template <class T>
T await(std::future<T> future) {
  if (future.wait_for(std::chrono::minutes(1)) != std::future_status::ready) {
    ADD_FAILURE() << "a done was not called within a minute";
    std::abort();  // nothing that follows would be true, and loops still point to what the test made
  }
  return future.get();
}

// ---- the tests

class StoreContract : public ::testing::TestWithParam<StoreKind> {
 protected:
  void SetUp() override { place_ = GetParam().make(); }
  // Opens the store 0 (again) with so many shards.
  void open(std::size_t shards);
  void reopen(std::size_t shards);
  // The store's whole state as it exports it. Closes the run.
  State state(std::size_t store = 0);
  [[nodiscard]] std::unique_ptr<server::StoreBackend> open_backend(std::size_t store);
  // A queue that the store has.
  server::QueueRecord created(server::QueueRecord queue);
  // The record as the store gives it back, or "none".
  std::string loaded(const server::RecipientId& queue);
  // Bodies and all of the queue's messages.
  std::vector<std::string> messages(const server::RecipientId& queue);

  testing::SeededRandom random_{3};
  std::unique_ptr<StorePlace> place_;
  std::unique_ptr<StoreRun> run_;
};

}  // namespace simplex::smp::stores
