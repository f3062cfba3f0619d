// A store whose answers are timed: how long changes take to last, and what is asked for to come.
#pragma once

#include <array>
#include <memory>

#include "simplex/base/clock.hpp"
#include "simplex/smp/server/store.hpp"

namespace simplex::smp::server {

// Of one kind of call, by its time. Of one loop.
struct StoreTimes {
  // Upper ends in microseconds; what took longer is counted in the last.
  static constexpr std::array<std::uint64_t, 12> ends = {
      100, 300, 1'000, 3'000, 10'000, 30'000, 100'000, 300'000, 1'000'000, 3'000'000, 10'000'000, 30'000'000};
  std::array<std::uint64_t, ends.size() + 1> buckets{};
  std::uint64_t microseconds = 0;
  std::uint64_t failed = 0;

  void add(Duration time, bool succeeded);
  StoreTimes& operator+=(const StoreTimes& other);
};

struct StoreTiming {
  StoreTimes changes;  // write, add_message, remove_message
  StoreTimes reads;
};

// Passes everything on. Clock, store and timing outlive what it was asked for.
class TimedStore final : public Store {
 public:
  TimedStore(Store& store, const Clock& clock) : store_(store), clock_(clock) {}

  [[nodiscard]] const StoreTiming& timing() const { return *timing_; }

  void write(const StoreRecord& record, Done<> done) override;
  void add_message(const RecipientId& queue, const MessagePtr& message, Done<> done) override;
  void remove_message(const RecipientId& queue, const StoredMessage& message, Done<> done) override;
  void load(const RecipientId& queue, Done<std::optional<LoadedQueue>> done) override;
  void load_messages(const RecipientId& queue, std::size_t max_octets, Done<std::vector<MessagePtr>> done) override;
  void load_link(const RecipientId& queue, Done<std::optional<LinkData>> done) override;
  void find(IdKind kind, const DirectoryId& id, Done<std::optional<RecipientId>> done) override;
  void service_queues(const ServiceId& service, ServiceParty party, std::optional<RecipientId> after, std::size_t limit,
                      Done<std::vector<ServiceQueue>> done) override;
  void expire(std::int64_t before, std::size_t limit, Done<std::vector<Expired>> done) override;
  void flush() override { store_.flush(); }
  [[nodiscard]] bool keeps_everything() const override { return store_.keeps_everything(); }

 private:
  template <class T>
  Done<T> timed(StoreTimes StoreTiming::* kind, Done<T> done) const;

  Store& store_;
  const Clock& clock_;
  std::shared_ptr<StoreTiming> timing_ = std::make_shared<StoreTiming>();  // answers may come after the shard is gone
};

}  // namespace simplex::smp::server
