// Ids as the relay keeps them: inside the value, no heap. The ids of this relay and of the reference's have 24 octets;
// a client may choose a sender id or a link id, of at most 32 octets.
#pragma once

#include <algorithm>
#include <array>
#include <compare>
#include <cstring>
#include <functional>
#include <optional>

#include "simplex/base/strong.hpp"

namespace simplex::smp::server {

template <class Tag>
class InlineId {
 public:
  static constexpr std::size_t max_size = 32;

  constexpr InlineId() = default;
  // Nothing when empty or longer than 32 octets: no queue of a relay has such an id.
  [[nodiscard]] static std::optional<InlineId> from(BytesView bytes) {
    if (bytes.empty() || bytes.size() > max_size) return std::nullopt;
    InlineId made;
    made.size_ = static_cast<std::uint8_t>(bytes.size());
    std::copy(bytes.begin(), bytes.end(), made.bytes_.begin());
    return made;
  }

  [[nodiscard]] BytesView view() const noexcept { return BytesView(bytes_).first(size_); }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] const std::array<std::uint8_t, max_size>& padded() const noexcept { return bytes_; }  // with zeros

  friend auto operator<=>(const InlineId&, const InlineId&) = default;

 private:
  std::uint8_t size_ = 0;
  std::array<std::uint8_t, max_size> bytes_{};
};

// Declared here, or the tags of the protocol room would be meant wherever they happen to be visible.
struct RecipientIdTag;
struct SenderIdTag;
struct LinkIdTag;
struct NotifierIdTag;
struct ServiceIdTag;
struct MessageIdTag;
using RecipientId = InlineId<RecipientIdTag>;
using SenderId = InlineId<SenderIdTag>;
using LinkId = InlineId<LinkIdTag>;
using NotifierId = InlineId<NotifierIdTag>;
using ServiceId = InlineId<ServiceIdTag>;
using MessageId = InlineId<MessageIdTag>;

}  // namespace simplex::smp::server

template <class Tag>
struct std::hash<simplex::smp::server::InlineId<Tag>> {
  std::size_t operator()(const simplex::smp::server::InlineId<Tag>& id) const noexcept {
    return simplex::hash_bytes(id.view());
  }
};
