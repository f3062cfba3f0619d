// Durable events as they lie in the database. MessageReceived is not among them: it is made from the message's own row.
#pragma once

#include "simplex/agent/events.hpp"
#include "simplex/encoding/reader.hpp"
#include "simplex/encoding/writer.hpp"

namespace simplex::agent {

// Numbers in the database: never change them.
enum class EventKind : std::uint8_t {
  invitation_ready = 1,
  joined = 2,
  confirmation_received = 3,
  peer_info_received = 4,
  connected = 5,
  message_received = 6,
  message_sent = 7,
  message_failed = 8,
  connection_failed = 9,
  reception_failed = 10,
  connection_deleted = 11,
  message_delivered = 12,
  ratchet_sync_changed = 13,
  request_received = 14,
  queue_switched = 15,
  link_data_set = 16,
  link_deleted = 17,
  link_failed = 18,
  database_restored = 19,
  queue_lost = 20,
  user_deleted = 21,
};

struct EncodedEvent {
  EventKind kind{};
  ConnectionId connection;
  Bytes payload;
};
// Nothing for a passing event. Of MessageReceived only the number is kept.
[[nodiscard]] std::optional<EncodedEvent> encode_event(const EventBody& event);
// For message_received: a MessageReceived with its number alone.
[[nodiscard]] Result<EventBody> decode_event(EventKind kind, ConnectionId connection, BytesView payload);

void write_integrity(Writer& writer, const Integrity& integrity);
[[nodiscard]] Result<Integrity> read_integrity(Reader& reader);

}  // namespace simplex::agent
