#include "simplex/smp/server/timed_store.hpp"

#include <algorithm>

namespace simplex::smp::server {

void StoreTimes::add(Duration time, bool succeeded) {
  const auto took = static_cast<std::uint64_t>(
      std::max<std::int64_t>(std::chrono::duration_cast<std::chrono::microseconds>(time).count(), 0));
  const auto end = std::ranges::lower_bound(ends, took);
  ++buckets[static_cast<std::size_t>(end - ends.begin())];
  microseconds += took;
  if (!succeeded) ++failed;
}

StoreTimes& StoreTimes::operator+=(const StoreTimes& other) {
  for (std::size_t i = 0; i < buckets.size(); ++i) buckets[i] += other.buckets[i];
  microseconds += other.microseconds;
  failed += other.failed;
  return *this;
}

template <class T>
Store::Done<T> TimedStore::timed(StoreTimes StoreTiming::* kind, Done<T> done) const {
  return [timing = timing_, kind, asked = clock_.now(), &clock = clock_,
          done = std::move(done)](Result<T> result) mutable {
    (timing.get()->*kind).add(clock.now() - asked, result.has_value());
    done(std::move(result));
  };
}

void TimedStore::write(const StoreRecord& record, Done<> done) {
  store_.write(record, timed(&StoreTiming::changes, std::move(done)));
}
void TimedStore::add_message(const RecipientId& queue, const MessagePtr& message, Done<> done) {
  store_.add_message(queue, message, timed(&StoreTiming::changes, std::move(done)));
}
void TimedStore::remove_message(const RecipientId& queue, const StoredMessage& message, Done<> done) {
  store_.remove_message(queue, message, timed(&StoreTiming::changes, std::move(done)));
}
void TimedStore::load(const RecipientId& queue, Done<std::optional<LoadedQueue>> done) {
  store_.load(queue, timed(&StoreTiming::reads, std::move(done)));
}
void TimedStore::load_messages(const RecipientId& queue, std::size_t max_octets, Done<std::vector<MessagePtr>> done) {
  store_.load_messages(queue, max_octets, timed(&StoreTiming::reads, std::move(done)));
}
void TimedStore::load_link(const RecipientId& queue, Done<std::optional<LinkData>> done) {
  store_.load_link(queue, timed(&StoreTiming::reads, std::move(done)));
}
void TimedStore::find(IdKind kind, const DirectoryId& id, Done<std::optional<RecipientId>> done) {
  store_.find(kind, id, timed(&StoreTiming::reads, std::move(done)));
}
void TimedStore::service_queues(const ServiceId& service, ServiceParty party, std::optional<RecipientId> after,
                                std::size_t limit, Done<std::vector<ServiceQueue>> done) {
  store_.service_queues(service, party, std::move(after), limit, timed(&StoreTiming::reads, std::move(done)));
}
void TimedStore::expire(std::int64_t before, std::size_t limit, Done<std::vector<Expired>> done) {
  store_.expire(before, limit, std::move(done));  // it may take long, and nobody waits for it
}

}  // namespace simplex::smp::server
