#include "directory.hpp"

#include <algorithm>

namespace simplex::smp::server {

Directory::Found Directory::find(const DirectoryKey& key) const {
  const auto hash = hash_(key);
  if (key.kind == IdKind::sender) {
    auto* queue = queues_.find(hash, [&](const Queue& each) {
      return each.record.sender_id.padded() == key.id.padded() &&
             each.record.sender_id.view().size() == key.id.view().size();
    });
    if (queue != nullptr) return {queue, nullptr};
  }
  return {nullptr, entries_.find(hash, [&](const Entry& entry) { return entry.key == key; })};
}

Directory::Added Directory::add(const DirectoryKey& key, const RecipientId& queue) {
  if (const auto found = find(key)) return {found, false};
  auto made = std::make_unique<Entry>(Entry{key, queue});
  entries_.insert(*made);
  return {{nullptr, made.release()}, true};
}

void Directory::set(const DirectoryKey& key, const RecipientId& queue) {
  const auto found = find(key);
  if (found.in_memory != nullptr) queues_.erase(*found.in_memory);
  if (found.entry != nullptr) {
    *found.entry = Entry{key, queue};
  } else {
    add(key, queue);
  }
}

void Directory::erase(const DirectoryKey& key) {
  const auto found = find(key);
  if (found.in_memory != nullptr) queues_.erase(*found.in_memory);
  if (found.entry == nullptr) return;
  const std::unique_ptr<Entry> gone(found.entry);
  entries_.erase(*gone);
}

void Directory::own(Queue& queue) {
  erase({IdKind::sender, *DirectoryId::from(queue.record.sender_id.view())});
  queues_.insert(queue);
}

}  // namespace simplex::smp::server
