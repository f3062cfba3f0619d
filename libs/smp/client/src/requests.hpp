// The commands of one session that have no answer yet: which answer belongs to which command, and until when it is
// waited for. No I/O: time is an argument, and calling back is up to the owner.
#pragma once

#include <deque>
#include <functional>
#include <optional>
#include <unordered_map>
#include <vector>

#include "simplex/base/clock.hpp"
#include "simplex/smp/client/client.hpp"

namespace simplex::smp::client {

struct Request {
  EntityId entity;
  Done<BrokerMessage> done;
  bool message_may_answer = false;  // SUB, GET, ACK: a MSG answers, and is a message to be pushed as well
  bool sent = false;                // handed to the connection
};

// A command whose caller was told `timeout`; its answer may still come.
struct LateRequest {
  EntityId entity;
  bool message_may_answer = false;
};

class Requests {
 public:
  void add(const CorrId& id, Request request, Instant deadline);
  [[nodiscard]] bool contains(const CorrId& id) const { return requests_.contains(id); }
  // Hands the command over to the connection. False when it is gone: it has timed out while waiting.
  [[nodiscard]] bool mark_sent(const CorrId& id);

  // The command that this answers; forgotten here, so that a second answer finds nothing.
  [[nodiscard]] std::optional<Request> take(const CorrId& id);
  [[nodiscard]] std::optional<LateRequest> take_late(const CorrId& id);

  // One command whose time has come, or nothing. What was sent is remembered as late.
  [[nodiscard]] std::optional<Request> expire_one(Instant now);
  [[nodiscard]] std::optional<Instant> next_deadline();
  // All of them, in the order of adding.
  [[nodiscard]] std::vector<Request> take_all();

  [[nodiscard]] std::size_t size() const noexcept { return requests_.size(); }
  [[nodiscard]] std::size_t in_flight() const noexcept { return in_flight_; }

 private:
  void drop_answered();
  void remember_late(const CorrId& id, LateRequest late);

  std::unordered_map<CorrId, Request> requests_;
  std::deque<std::pair<Instant, CorrId>> deadlines_;  // in order; answered ones are dropped when they come first
  std::unordered_map<CorrId, LateRequest> late_;
  std::deque<CorrId> late_order_;
  std::size_t in_flight_ = 0;
};

}  // namespace simplex::smp::client
