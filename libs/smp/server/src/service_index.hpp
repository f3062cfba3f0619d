// Which queues of a shard are a service's, how many, and the hash of their ids.
#pragma once

#include <map>
#include <unordered_map>

#include "simplex/smp/server/service_book.hpp"
#include "simplex/smp/server/store_calls.hpp"

namespace simplex::smp::server {

struct ByOctets {
  bool operator()(const RecipientId& a, const RecipientId& b) const {
    return std::ranges::lexicographical_compare(a.view(), b.view());
  }
};

// Over a store that keeps everything, the store is asked, page by page, when a service's queues are counted for the first
// time; from then on the sum follows the changes. Over the memory store the index is here.
class ServiceIndex {
 public:
  template <class T>
  using Done = std::move_only_function<void(Result<T>)>;

  // The store outlives the index; what it answers to a dead index is dropped.
  explicit ServiceIndex(StoreCalls& store) : store_(store), indexes_(!store.keeps_everything()) {}

  // A queue that is in memory now. Only the memory store's are all, so others are not counted.
  void in_memory(const QueueRecord& queue);
  // The store was told.
  void joined(const ServiceId& service, ServiceParty party, const ServiceQueue& queue);
  void left(const ServiceId& service, ServiceParty party, const ServiceQueue& queue);

  void page(const ServiceId& service, ServiceParty party, std::optional<RecipientId> after, std::size_t limit,
            Done<std::vector<ServiceQueue>> done);
  void count(const ServiceId& service, ServiceParty party, Done<ServiceQueues> done);

 private:
  struct Key {
    ServiceId service;
    ServiceParty party;
    friend bool operator==(const Key&, const Key&) = default;
  };
  struct KeyHash {
    std::size_t operator()(const Key& key) const noexcept {
      return std::hash<ServiceId>{}(key.service) ^ static_cast<std::size_t>(key.party);
    }
  };
  struct Change {
    bool present = false;
    ServiceQueue queue;
  };
  struct Scan {
    std::optional<RecipientId> after;  // the queues up to this one are in the sum
    ServiceQueues sum{.count = 0, .hash = {}};
    std::map<RecipientId, Change, ByOctets> changes;  // of queues after it, since the page was asked for
    std::vector<Done<ServiceQueues>> waiting;
  };
  struct Known {
    std::map<RecipientId, std::optional<NotifierId>, ByOctets> queues;  // of the memory store
    std::optional<ServiceQueues> sum;
    std::unique_ptr<Scan> scan;
  };

  static BytesView counted_id(ServiceParty party, const ServiceQueue& queue);
  static void note(ServiceQueues& sum, ServiceParty party, const Change& change);
  void change(const ServiceId& service, ServiceParty party, Change change);
  void scan_on(const Key& key);
  void scanned(const Key& key, Result<std::vector<ServiceQueue>> page);

  StoreCalls& store_;
  bool indexes_;
  std::unordered_map<Key, Known, KeyHash> known_;
  std::shared_ptr<char> life_ = std::make_shared<char>();
};

}  // namespace simplex::smp::server
