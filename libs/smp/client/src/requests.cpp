#include "requests.hpp"

#include <algorithm>

namespace simplex::smp::client {

namespace {

constexpr std::size_t max_late = 1'024;

}  // namespace

void Requests::add(const CorrId& id, Request request, Instant deadline) {
  requests_.insert_or_assign(id, std::move(request));
  // Nearly always the last: most commands have the same time.
  const auto later = std::upper_bound(deadlines_.begin(), deadlines_.end(), deadline,
                                      [](Instant time, const auto& other) { return time < other.first; });
  deadlines_.emplace(later, deadline, id);
}

bool Requests::mark_sent(const CorrId& id) {
  const auto found = requests_.find(id);
  if (found == requests_.end()) return false;
  if (!std::exchange(found->second.sent, true)) ++in_flight_;
  return true;
}

std::optional<Request> Requests::take(const CorrId& id) {
  const auto found = requests_.find(id);
  // What was not sent can't be answered.
  if (found == requests_.end() || !found->second.sent) return std::nullopt;
  Request request = std::move(found->second);
  requests_.erase(found);
  --in_flight_;
  return request;
}

std::optional<LateRequest> Requests::take_late(const CorrId& id) {
  const auto found = late_.find(id);
  if (found == late_.end()) return std::nullopt;
  LateRequest late = std::move(found->second);
  late_.erase(found);
  return late;
}

void Requests::drop_answered() {
  while (!deadlines_.empty() && !requests_.contains(deadlines_.front().second)) deadlines_.pop_front();
}

std::optional<Request> Requests::expire_one(Instant now) {
  drop_answered();
  if (deadlines_.empty() || deadlines_.front().first > now) return std::nullopt;
  const auto found = requests_.find(deadlines_.front().second);
  deadlines_.pop_front();
  Request request = std::move(found->second);
  if (request.sent) {
    --in_flight_;
    remember_late(found->first, {request.entity, request.message_may_answer});
  }
  requests_.erase(found);
  return request;
}

std::optional<Instant> Requests::next_deadline() {
  drop_answered();
  if (deadlines_.empty()) return std::nullopt;
  return deadlines_.front().first;
}

std::vector<Request> Requests::take_all() {
  std::vector<Request> all;
  all.reserve(requests_.size());
  for (const auto& [deadline, id] : deadlines_) {
    if (const auto found = requests_.find(id); found != requests_.end()) {
      all.push_back(std::move(found->second));
      requests_.erase(found);
    }
  }
  deadlines_.clear();
  in_flight_ = 0;
  return all;
}

void Requests::remember_late(const CorrId& id, LateRequest late) {
  if (late_order_.size() >= max_late) {
    late_.erase(late_order_.front());
    late_order_.pop_front();
  }
  late_.insert_or_assign(id, std::move(late));
  late_order_.push_back(id);
}

}  // namespace simplex::smp::client
