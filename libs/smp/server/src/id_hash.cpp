#include "simplex/smp/server/id_hash.hpp"

#include <bit>

namespace simplex::smp::server {
namespace {

constexpr std::uint64_t of_recipient = 0xFF;  // no IdKind

template <class Tag>
std::uint64_t hash_of(const std::array<std::uint64_t, 6>& keys, std::uint64_t kind, const InlineId<Tag>& id) {
  __extension__ using Wide = unsigned __int128;
  const auto words = std::bit_cast<std::array<std::uint64_t, InlineId<Tag>::max_size / 8>>(id.padded());
  const auto folded = [](Wide product) {
    return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
  };
  std::uint64_t hash = folded(Wide{keys[4] + id.view().size()} * (keys[5] + kind));
  for (std::size_t i = 0; i < words.size(); i += 2) {
    hash += folded(Wide{words[i] + keys[i]} * (words[i + 1] + keys[i + 1]));
  }
  return hash;
}

}  // namespace

IdHash::IdHash(Random& random) {
  for (auto& key : keys_) key = random.number();
}

std::size_t IdHash::operator()(const DirectoryKey& key) const noexcept {
  return hash_of(keys_, static_cast<std::uint64_t>(key.kind), key.id);
}
std::size_t IdHash::operator()(const RecipientId& id) const noexcept { return hash_of(keys_, of_recipient, id); }
std::size_t IdHash::operator()(const SenderId& id) const noexcept {
  return hash_of(keys_, static_cast<std::uint64_t>(IdKind::sender), id);
}

}  // namespace simplex::smp::server
