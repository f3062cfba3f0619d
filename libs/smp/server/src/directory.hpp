// The directory of a shard: which queue an id leads to.
#pragma once

#include <memory>

#include "pointer_index.hpp"
#include "queue.hpp"

namespace simplex::smp::server {

// Every queue has a sender id, nearly always one whose directory is on the same shard: it is found in the queue itself.
// What else is known has an entry of its own.
class Directory {
 public:
  struct Entry {
    DirectoryKey key;
    RecipientId queue;
    bool remembered = false;  // found in the store, of a queue on another shard: may be dropped at any time
  };
  // One of both, or neither: the id is not known. Until something is changed.
  struct Found {
    Queue* in_memory = nullptr;
    Entry* entry = nullptr;

    explicit operator bool() const { return in_memory != nullptr || entry != nullptr; }
    [[nodiscard]] const RecipientId& queue() const {
      return in_memory != nullptr ? in_memory->record.recipient_id : entry->queue;
    }
  };

  explicit Directory(const IdHash& hash) : hash_(hash), queues_(OfQueue{hash}), entries_(OfEntry{hash}) {}
  ~Directory() {
    entries_.for_each([](Entry& entry) { delete &entry; });
  }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;

  [[nodiscard]] Found find(const DirectoryKey& key) const;
  // A new entry, or what is there already.
  struct Added {
    Found found;
    bool added = false;
  };
  Added add(const DirectoryKey& key, const RecipientId& queue);
  // Replaces what is there.
  void set(const DirectoryKey& key, const RecipientId& queue);
  void erase(const DirectoryKey& key);

  // The sender id of a queue in memory leads to it from now on. Its id must not change, and disown() has to come before
  // its end.
  void own(Queue& queue);
  void disown(const Queue& queue) { queues_.erase(queue); }

  [[nodiscard]] std::size_t size() const { return queues_.size() + entries_.size(); }

 private:
  struct OfQueue {
    IdHash hash;
    std::uint64_t operator()(const Queue& queue) const { return hash(queue.record.sender_id); }
  };
  struct OfEntry {
    IdHash hash;
    std::uint64_t operator()(const Entry& entry) const { return hash(entry.key); }
  };

  IdHash hash_;
  PointerIndex<Queue, OfQueue> queues_;
  PointerIndex<Entry, OfEntry> entries_;
};

}  // namespace simplex::smp::server
