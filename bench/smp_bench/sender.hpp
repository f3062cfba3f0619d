// How messages get to the relay: directly, or forwarded by a proxy (private routing).
#pragma once

#include "queue.hpp"

namespace simplex::bench {

class Sender {
 public:
  virtual ~Sender() = default;
  virtual void connect(Finished done) = 0;
  // Tells the relay the queue's sender key, and makes it ready for send().
  virtual void secure(Peer& recipient, Queue& queue, Finished done) = 0;
  virtual void send(const Queue& queue, BytesView body, Finished done) = 0;
};

using Lost = std::move_only_function<void(Error)>;
[[nodiscard]] std::unique_ptr<Sender> make_direct_sender(Worker& worker, Lost lost);
[[nodiscard]] std::unique_ptr<Sender> make_routed_sender(Worker& worker, Lost lost);

}  // namespace simplex::bench
