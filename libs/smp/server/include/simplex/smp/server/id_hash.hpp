// Hashes of ids, for tables in memory.
#pragma once

#include <array>
#include <cstdint>

#include "simplex/base/random.hpp"
#include "simplex/smp/server/queue_names.hpp"

namespace simplex::smp::server {

// What a directory is asked for.
struct DirectoryKey {
  IdKind kind;
  DirectoryId id;
  friend bool operator==(const DirectoryKey&, const DirectoryKey&) = default;
};

// With keys of its own: clients choose ids of links, and must not be able to make them collide.
class IdHash {
 public:
  explicit IdHash(Random& random);
  [[nodiscard]] std::size_t operator()(const DirectoryKey& key) const noexcept;
  [[nodiscard]] std::size_t operator()(const RecipientId& id) const noexcept;
  [[nodiscard]] std::size_t operator()(const SenderId& id) const noexcept;  // as of the key of the same id

 private:
  std::array<std::uint64_t, 6> keys_;
};

}  // namespace simplex::smp::server
