// The queues that a shard has in memory, by their recipient ids.
#pragma once

#include <memory>

#include "pointer_index.hpp"
#include "queue.hpp"

namespace simplex::smp::server {

// Owns them. Their addresses do not change.
class QueueTable {
 public:
  explicit QueueTable(const IdHash& hash) : hash_(hash), index_(HashOf{hash}) {}
  ~QueueTable() {
    index_.for_each([](Queue& queue) { delete &queue; });
  }
  QueueTable(const QueueTable&) = delete;
  QueueTable& operator=(const QueueTable&) = delete;

  [[nodiscard]] Queue* find(const RecipientId& id) const {
    return index_.find(hash_(id), [&](const Queue& queue) { return queue.record.recipient_id == id; });
  }
  // There is none of its id yet.
  Queue& insert(QueueRecord record) {
    auto made = std::make_unique<Queue>(std::move(record));
    index_.insert(*made);
    return *made.release();
  }
  [[nodiscard]] std::unique_ptr<Queue> extract(Queue& queue) {
    index_.erase(queue);
    return std::unique_ptr<Queue>(&queue);
  }

  [[nodiscard]] std::size_t size() const { return index_.size(); }
  template <class Visit>
  void for_each(Visit&& visit) const {
    index_.for_each(visit);
  }
  // See PointerIndex.
  template <class Visit>
  [[nodiscard]] std::uint64_t walk(std::uint64_t from, Visit&& visit) const {
    return index_.walk(from, visit);
  }

 private:
  struct HashOf {
    IdHash hash;
    std::uint64_t operator()(const Queue& queue) const { return hash(queue.record.recipient_id); }
  };

  IdHash hash_;
  PointerIndex<Queue, HashOf> index_;
};

}  // namespace simplex::smp::server
