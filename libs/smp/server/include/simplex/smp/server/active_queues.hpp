// Which queues were used: the engine says so, whoever counts them by day, week and month is behind it.
#pragma once

#include <cstdint>

namespace simplex::smp::server {

// One for each shard, called on its loop for every message that was taken by SEND or removed by ACK: it has to be quick.
class ActiveQueues {
 public:
  virtual ~ActiveQueues() = default;
  // `queue`: a hash of the recipient id, the same for one queue in every run of the relay (FNV-1a, 64 bit).
  // `notification`: the message had the notification flag; such a queue is counted among all and among these.
  virtual void note(std::uint64_t queue, bool notification) = 0;
};

}  // namespace simplex::smp::server
