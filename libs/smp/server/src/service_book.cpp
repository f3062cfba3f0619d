#include "simplex/smp/server/service_book.hpp"

#include "simplex/crypto/hash.hpp"
#include "simplex/smp/ids.hpp"

namespace simplex::smp::server {
namespace {

std::string key_of(BytesView hash) { return std::string(as_text(hash)); }

void exclude(ServiceQueues& queues, const IdsHash& hash) {
  if (queues.count > 1) {
    --queues.count;
    queues.hash = combine(queues.hash, hash);
  } else {
    queues = {.count = 0, .hash = {}};
  }
}

}  // namespace

IdsHash hash_of(BytesView queue_id) { return IdsHash(crypto::md5(queue_id).array()); }

void add(ServiceQueues& queues, BytesView queue_id) {
  ++queues.count;
  queues.hash = combine(queues.hash, hash_of(queue_id));
}

void remove(ServiceQueues& queues, BytesView queue_id) { exclude(queues, hash_of(queue_id)); }

void ServiceBook::set_limits(const ServiceLimits& limits) {
  const std::lock_guard lock(mutex_);
  limits_ = limits;
}

void ServiceBook::restore(const std::vector<ServiceRecord>& services) {
  const std::lock_guard lock(mutex_);
  for (const auto& service : services) keep(service);
}

void ServiceBook::keep(const ServiceRecord& service) {
  auto kept = std::make_shared<const ServiceRecord>(
      ServiceRecord{service.id, service.role, {}, service.certificate_hash, service.created});
  stored_.insert_or_assign(service.id, kept);
  stored_by_hash_.insert_or_assign(key_of(service.certificate_hash), std::move(kept));
}

ServiceBook::RecordPtr ServiceBook::find(BytesView hash) const {
  const auto key = key_of(hash);
  if (const auto found = stored_by_hash_.find(key); found != stored_by_hash_.end()) return found->second;
  if (const auto found = unproven_by_hash_.find(key); found != unproven_by_hash_.end()) return *found->second;
  return nullptr;
}

ServiceBook::RecordPtr ServiceBook::enter(ServiceRole role, const std::vector<Bytes>& certificates, BytesView hash,
                                          Date today, Random& random) {
  const std::lock_guard lock(mutex_);
  if (auto known = find(hash)) {
    if (known->role == role) return known;
    ++refused_;
    return nullptr;
  }
  if (stored_.size() >= limits_.services) {
    ++refused_;
    return nullptr;
  }
  auto made = std::make_shared<const ServiceRecord>(
      ServiceRecord{*ServiceId::from(random.bytes(queue_id_size)), role, certificates, to_bytes(hash), today});
  while (!unproven_.empty() && unproven_.size() >= limits_.unproven) {
    unproven_by_hash_.erase(key_of(unproven_.front()->certificate_hash));
    unproven_.pop_front();
    ++forgotten_;
  }
  if (limits_.unproven == 0) return made;
  unproven_.push_back(made);
  unproven_by_hash_.emplace(key_of(hash), std::prev(unproven_.end()));
  return made;
}

bool ServiceBook::is_stored(const ServiceId& service) const {
  const std::lock_guard lock(mutex_);
  return stored_.contains(service);
}

bool ServiceBook::may_store(const ServiceRecord& service) const {
  const std::lock_guard lock(mutex_);
  return stored_.size() < limits_.services && !stored_by_hash_.contains(key_of(service.certificate_hash));
}

void ServiceBook::stored(const ServiceRecord& service) {
  const std::lock_guard lock(mutex_);
  keep(service);
  const auto unproven = unproven_by_hash_.find(key_of(service.certificate_hash));
  if (unproven == unproven_by_hash_.end()) return;
  unproven_.erase(unproven->second);
  unproven_by_hash_.erase(unproven);
}

ServiceBook::Taken ServiceBook::sit_down(Place& place, ClientId client) {
  Taken taken;
  if (place.seat.client != client) {
    if (place.seat.client != ClientId()) {
      taken.previous = place.seat.client;
      taken.lost = place.queues;
    }
    place.seat = {client, place.seat.generation + 1};
    place.queues = {.count = 0, .hash = {}};
    place.all = false;
    taken.changed = true;
  }
  taken.seat = place.seat;
  taken.role = place.role;
  taken.counted = place.queues.count > 0;
  return taken;
}

ServiceBook::Taken ServiceBook::take(const ServiceId& service, ClientId client, BytesView queue_id, bool again) {
  const auto hash = hash_of(queue_id);
  const std::lock_guard lock(mutex_);
  auto& place = places_[service];
  if (const auto found = stored_.find(service); found != stored_.end()) place.role = found->second->role;
  auto taken = sit_down(place, client);
  if (!again || !taken.counted) {
    ++place.queues.count;
    place.queues.hash = combine(place.queues.hash, hash);
  }
  return taken;
}

ServiceBook::Taken ServiceBook::take_all(const ServiceId& service, ClientId client, const ServiceQueues& queues) {
  const std::lock_guard lock(mutex_);
  auto& place = places_[service];
  if (const auto found = stored_.find(service); found != stored_.end()) place.role = found->second->role;
  auto taken = sit_down(place, client);
  place.queues = queues;
  place.all = true;
  return taken;
}

ServiceBook::Seat ServiceBook::forget_queue(const ServiceId& service, BytesView queue_id) {
  const auto hash = hash_of(queue_id);
  const std::lock_guard lock(mutex_);
  const auto found = places_.find(service);
  if (found == places_.end()) return {};
  exclude(found->second.queues, hash);
  return found->second.seat;
}

std::optional<ServiceBook::Seat> ServiceBook::leave(const ServiceId& service, ClientId client) {
  const std::lock_guard lock(mutex_);
  const auto found = places_.find(service);
  if (found == places_.end() || found->second.seat.client != client) return std::nullopt;
  auto& place = found->second;
  place.seat = {ClientId(), place.seat.generation + 1};
  place.queues = {.count = 0, .hash = {}};
  place.all = false;
  return place.seat;
}

std::optional<ServiceQueues> ServiceBook::subscribed_to_all(const ServiceId& service, ClientId client) const {
  const std::lock_guard lock(mutex_);
  const auto found = places_.find(service);
  if (found == places_.end() || found->second.seat.client != client || !found->second.all) return std::nullopt;
  return found->second.queues;
}

ServiceBook::Counters ServiceBook::counters() const {
  const std::lock_guard lock(mutex_);
  Counters made;
  for (const auto& [id, service] : stored_) {
    made.recipient_services += service->role == ServiceRole::messaging ? 1 : 0;
    made.notifier_services += service->role == ServiceRole::notifier ? 1 : 0;
  }
  for (const auto& [id, place] : places_) {
    const bool taken = place.seat.client != ClientId();
    const auto count = static_cast<std::uint64_t>(place.queues.count);
    if (place.role == ServiceRole::notifier) {
      made.notifier_seats += taken ? 1 : 0;
      made.notifier_queues += count;
    } else {
      made.recipient_seats += taken ? 1 : 0;
      made.recipient_queues += count;
    }
  }
  made.unproven = unproven_.size();
  made.forgotten = forgotten_;
  made.refused = refused_;
  return made;
}

}  // namespace simplex::smp::server
