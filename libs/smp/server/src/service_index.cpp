#include "service_index.hpp"

namespace simplex::smp::server {
namespace {

constexpr std::size_t page_size = 4'096;

}  // namespace

BytesView ServiceIndex::counted_id(ServiceParty party, const ServiceQueue& queue) {
  return party == ServiceParty::notifier && queue.notifier ? queue.notifier->view() : queue.queue.view();
}

void ServiceIndex::note(ServiceQueues& sum, ServiceParty party, const Change& change) {
  if (change.present) {
    add(sum, counted_id(party, change.queue));
  } else {
    remove(sum, counted_id(party, change.queue));
  }
}

void ServiceIndex::in_memory(const QueueRecord& queue) {
  if (!indexes_) return;
  if (queue.service) change(*queue.service, ServiceParty::recipient, {true, {queue.recipient_id, std::nullopt}});
  if (queue.notifier && queue.notifier->service) {
    change(*queue.notifier->service, ServiceParty::notifier, {true, {queue.recipient_id, queue.notifier->id}});
  }
}

void ServiceIndex::joined(const ServiceId& service, ServiceParty party, const ServiceQueue& queue) {
  change(service, party, {true, queue});
}

void ServiceIndex::left(const ServiceId& service, ServiceParty party, const ServiceQueue& queue) {
  change(service, party, {false, queue});
}

void ServiceIndex::change(const ServiceId& service, ServiceParty party, Change change) {
  const Key key{service, party};
  if (indexes_) {
    auto& known = known_[key];
    if (!known.sum) known.sum = ServiceQueues{.count = 0, .hash = {}};
    const bool changed = change.present ? known.queues.emplace(change.queue.queue, change.queue.notifier).second
                                        : known.queues.erase(change.queue.queue) > 0;
    if (changed) note(*known.sum, party, change);
    if (known.queues.empty()) known_.erase(key);
    return;
  }
  const auto found = known_.find(key);
  if (found == known_.end()) return;  // nobody has asked yet
  auto& known = found->second;
  if (known.sum) {
    note(*known.sum, party, change);
  } else if (known.scan) {
    auto& scan = *known.scan;
    if (scan.after && !ByOctets{}(*scan.after, change.queue.queue)) {
      note(scan.sum, party, change);
    } else {
      const auto queue = change.queue.queue;
      scan.changes.insert_or_assign(queue, std::move(change));
    }
  }
}

void ServiceIndex::page(const ServiceId& service, ServiceParty party, std::optional<RecipientId> after,
                        std::size_t limit, Done<std::vector<ServiceQueue>> done) {
  if (!indexes_) return store_->service_queues(service, party, after, limit, std::move(done));
  std::vector<ServiceQueue> made;
  if (const auto found = known_.find(Key{service, party}); found != known_.end()) {
    const auto& queues = found->second.queues;
    auto next = after ? queues.upper_bound(*after) : queues.begin();
    for (; next != queues.end() && made.size() < limit; ++next) made.push_back({next->first, next->second});
  }
  done(std::move(made));
}

void ServiceIndex::count(const ServiceId& service, ServiceParty party, Done<ServiceQueues> done) {
  const Key key{service, party};
  if (indexes_) {
    const auto found = known_.find(key);
    return done(found == known_.end() ? ServiceQueues{.count = 0, .hash = {}} : *found->second.sum);
  }
  auto& known = known_[key];
  if (known.sum) return done(*known.sum);
  const bool scans = known.scan != nullptr;
  if (!scans) known.scan = std::make_unique<Scan>();
  known.scan->waiting.push_back(std::move(done));
  if (!scans) scan_on(key);
}

void ServiceIndex::scan_on(const Key& key) {
  const auto after = known_.at(key).scan->after;
  store_->service_queues(key.service, key.party, after, page_size,
                         [this, key, life = std::weak_ptr(life_)](Result<std::vector<ServiceQueue>> page) {
                           if (!life.expired()) scanned(key, std::move(page));
                         });
}

void ServiceIndex::scanned(const Key& key, Result<std::vector<ServiceQueue>> page) {
  const auto found = known_.find(key);
  if (found == known_.end() || !found->second.scan) return;
  auto& scan = *found->second.scan;
  const bool finished = !page || page->size() < page_size;
  if (page) {
    for (const auto& queue : *page) {
      // The page may have been read before or after a change that came since.
      const auto changed = scan.changes.find(queue.queue);
      if (changed == scan.changes.end()) {
        add(scan.sum, counted_id(key.party, queue));
      } else {
        if (changed->second.present) note(scan.sum, key.party, changed->second);
        scan.changes.erase(changed);
      }
    }
    if (!page->empty()) scan.after = page->back().queue;
    while (!scan.changes.empty()) {
      const auto first = scan.changes.begin();
      if (!finished && (!scan.after || ByOctets{}(*scan.after, first->first))) break;
      if (first->second.present) note(scan.sum, key.party, first->second);
      scan.changes.erase(first);
    }
    if (!finished) return scan_on(key);
  }
  const auto ended = std::move(found->second.scan);
  if (page) {
    found->second.sum = ended->sum;
  } else {
    known_.erase(found);
  }
  for (auto& done : ended->waiting) {
    if (page) {
      done(ended->sum);
    } else {
      done(std::unexpected(page.error()));
    }
  }
}

}  // namespace simplex::smp::server
