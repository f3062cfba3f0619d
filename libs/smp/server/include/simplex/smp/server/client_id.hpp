// A connection: the shard it lives on (upper 16 bits), and its number there, from 1.
#pragma once

#include "simplex/base/strong.hpp"

namespace simplex::smp::server {

struct ClientIdTag;
using ClientId = StrongInt<ClientIdTag, std::uint64_t>;
[[nodiscard]] constexpr std::size_t shard_of(ClientId client) { return client.value() >> 48; }
[[nodiscard]] constexpr ClientId make_client_id(std::size_t shard, std::uint64_t number) {
  return ClientId(static_cast<std::uint64_t>(shard) << 48 | number);
}

}  // namespace simplex::smp::server
