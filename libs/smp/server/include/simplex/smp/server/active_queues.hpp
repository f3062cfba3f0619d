// Which queues were used: the engine says so, whoever counts them by day, week and month is behind it.
#pragma once

#include <cstdint>

#include "simplex/base/bytes.hpp"

namespace simplex::smp::server {

// What a queue is counted by, the same in every run: FNV-1 of 64 bits over the length and the octets of its recipient id,
// which is also what the reference writes in its statistics file.
[[nodiscard]] constexpr std::uint64_t activity_hash(BytesView recipient_id) noexcept {
  constexpr std::uint64_t start = 0xcbf2'9ce4'8422'2325;
  constexpr std::uint64_t prime = 0x0000'0100'0000'01b3;
  std::uint64_t hash = start * prime ^ recipient_id.size();
  for (const auto octet : recipient_id) hash = hash * prime ^ octet;
  return hash;
}

// One for each shard, called on its loop for every message that was taken by SEND or removed by ACK: it has to be quick.
class ActiveQueues {
 public:
  virtual ~ActiveQueues() = default;
  // `queue`: activity_hash() of its recipient id.
  // `notification`: the message had the notification flag; such a queue is counted among all and among these.
  virtual void note(std::uint64_t queue, bool notification) = 0;
};

}  // namespace simplex::smp::server
