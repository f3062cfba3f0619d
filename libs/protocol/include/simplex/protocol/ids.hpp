// Ids that travel in transmissions, addresses and links. Each is a type of its own; the octets are read with view().
#pragma once

#include <array>
#include <compare>
#include <functional>
#include <optional>

#include "simplex/base/bytes.hpp"
#include "simplex/base/random.hpp"
#include "simplex/base/strong.hpp"

namespace simplex::protocol {

// What a transmission is about (simplex-messaging.md, "SMP transmission"): a queue, a link, a proxy session, a service,
// or nothing. 24 octets on our relays and on the reference's; 0 to 255 on the wire.
struct EntityIdTag;
using EntityId = OpaqueBytes<EntityIdTag>;

// The sender's name for a queue, part of its address.
struct SenderIdTag;
using SenderId = OpaqueBytes<SenderIdTag>;

// The name of a queue's stored link data.
struct LinkIdTag;
using LinkId = OpaqueBytes<LinkIdTag>;

// Pairs a response with its command; the nonce of the command's authenticator too, so it is never used twice. 24 random
// octets, or empty in what a relay sends by itself. Stored inline: copying it allocates nothing.
class CorrId {
 public:
  static constexpr std::size_t size_bytes = 24;

  CorrId() = default;
  // Nothing when longer than 24 octets. Shorter ones are kept as they are, so that an answer repeats them.
  [[nodiscard]] static std::optional<CorrId> from(BytesView bytes);
  [[nodiscard]] static CorrId generate(Random& random);

  [[nodiscard]] BytesView view() const noexcept { return BytesView(bytes_).first(size_); }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }

  friend auto operator<=>(const CorrId&, const CorrId&) = default;

 private:
  std::uint8_t size_ = 0;
  std::array<std::uint8_t, size_bytes> bytes_{};
};

}  // namespace simplex::protocol

template <>
struct std::hash<simplex::protocol::CorrId> {
  std::size_t operator()(const simplex::protocol::CorrId& id) const noexcept { return simplex::hash_bytes(id.view()); }
};
