// Names of queues and messages on a relay: each party of a queue knows it by another id (simplex-messaging.md, "Simplex
// queue"). Ids are 24 octets on our relays; the wire allows 0 to 255. Compare or look up by view() where a copy is not
// wanted.
#pragma once

#include "simplex/protocol/ids.hpp"

namespace simplex::smp {

using protocol::CorrId;
using protocol::EntityId;
using protocol::LinkId;
using protocol::SenderId;

inline constexpr std::size_t queue_id_size = 24;
inline constexpr std::size_t message_id_size = 24;

struct RecipientIdTag;
using RecipientId = OpaqueBytes<RecipientIdTag>;

struct NotifierIdTag;
using NotifierId = OpaqueBytes<NotifierIdTag>;

struct ServiceIdTag;
using ServiceId = OpaqueBytes<ServiceIdTag>;

// The nonce of the message's encryption from relay to recipient, too.
struct MessageIdTag;
using MessageId = OpaqueBytes<MessageIdTag>;

// Any of them as the entity id of a transmission.
template <class Tag>
[[nodiscard]] EntityId entity_id(const OpaqueBytes<Tag>& id) {
  return EntityId(id.view());
}

}  // namespace simplex::smp
