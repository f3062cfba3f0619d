#include "event_encoding.hpp"

namespace simplex::agent {
namespace {

void write_error(Writer& writer, Failure failure, const Error& error) {
  writer.u8(static_cast<std::uint8_t>(failure)).u8(static_cast<std::uint8_t>(error.kind));
  writer.u8(static_cast<std::uint8_t>(error.advice));
  writer.large_string(as_bytes(std::string_view(error.message).substr(0, 4'096)));
}

struct FailureAndError {
  Failure failure{};
  Error error;
};
Result<FailureAndError> read_error(Reader& reader) {
  FailureAndError both;
  SIMPLEX_ASSIGN(const auto failure, reader.u8());
  SIMPLEX_ASSIGN(const auto kind, reader.u8());
  SIMPLEX_ASSIGN(const auto advice, reader.u8());
  SIMPLEX_ASSIGN(const auto message, reader.large_string());
  both.failure = static_cast<Failure>(failure);
  both.error = {static_cast<ErrorKind>(kind), std::string(as_text(message)), static_cast<Advice>(advice)};
  return both;
}

struct Encoder {
  Writer payload;
  ConnectionId connection;

  std::optional<EventKind> operator()(const InvitationReady& e) {
    connection = e.connection;
    payload.raw(e.link);
    if (!e.short_link.empty()) payload.raw("\n").raw(e.short_link);
    return EventKind::invitation_ready;
  }
  std::optional<EventKind> operator()(const Joined& e) {
    connection = e.connection;
    return EventKind::joined;
  }
  std::optional<EventKind> operator()(const ConfirmationReceived& e) {
    connection = e.connection;
    payload.i64(e.confirmation.value()).boolean(e.pq_support).raw(e.peer_info);
    return EventKind::confirmation_received;
  }
  std::optional<EventKind> operator()(const RequestReceived& e) {
    connection = e.connection;
    payload.i64(e.request.value()).boolean(e.pq_support).raw(e.peer_info);
    return EventKind::request_received;
  }
  std::optional<EventKind> operator()(const PeerInfoReceived& e) {
    connection = e.connection;
    payload.boolean(e.pq_support).raw(e.peer_info);
    return EventKind::peer_info_received;
  }
  std::optional<EventKind> operator()(const Connected& e) {
    connection = e.connection;
    payload.boolean(e.pq_encryption);
    return EventKind::connected;
  }
  std::optional<EventKind> operator()(const MessageReceived& e) {
    connection = e.connection;
    payload.i64(e.message.value());
    return EventKind::message_received;
  }
  std::optional<EventKind> operator()(const MessageSent& e) {
    connection = e.connection;
    payload.i64(e.message.value()).raw(e.proxy);
    return EventKind::message_sent;
  }
  std::optional<EventKind> operator()(const MessageFailed& e) {
    connection = e.connection;
    payload.i64(e.message.value());
    write_error(payload, e.failure, e.error);
    return EventKind::message_failed;
  }
  std::optional<EventKind> operator()(const MessageDelivered& e) {
    connection = e.connection;
    payload.i64(e.message.value()).u8(static_cast<std::uint8_t>(e.status));
    return EventKind::message_delivered;
  }
  std::optional<EventKind> operator()(const RatchetSyncChanged& e) {
    connection = e.connection;
    payload.u8(static_cast<std::uint8_t>(e.state));
    return EventKind::ratchet_sync_changed;
  }
  std::optional<EventKind> operator()(const QueueSwitched& e) {
    connection = e.connection;
    payload.u8(static_cast<std::uint8_t>(e.direction)).u8(static_cast<std::uint8_t>(e.phase));
    return EventKind::queue_switched;
  }
  std::optional<EventKind> operator()(const QueueLost& e) {
    connection = e.connection;
    payload.u8(static_cast<std::uint8_t>(e.direction)).raw(as_bytes(e.relay));
    return EventKind::queue_lost;
  }
  std::optional<EventKind> operator()(const ConnectionFailed& e) {
    connection = e.connection;
    write_error(payload, e.failure, e.error);
    return EventKind::connection_failed;
  }
  std::optional<EventKind> operator()(const LinkDataSet& e) {
    connection = e.connection;
    return EventKind::link_data_set;
  }
  std::optional<EventKind> operator()(const LinkDeleted& e) {
    connection = e.connection;
    return EventKind::link_deleted;
  }
  std::optional<EventKind> operator()(const LinkFailed& e) {
    connection = e.connection;
    write_error(payload, e.failure, e.error);
    return EventKind::link_failed;
  }
  std::optional<EventKind> operator()(const ReceptionFailed& e) {
    connection = e.connection;
    write_error(payload, e.failure, e.error);
    return EventKind::reception_failed;
  }
  std::optional<EventKind> operator()(const ConnectionDeleted& e) {
    connection = e.connection;
    return EventKind::connection_deleted;
  }
  std::optional<EventKind> operator()(const UserDeleted& e) {
    payload.i64(e.user.value());
    return EventKind::user_deleted;
  }
  std::optional<EventKind> operator()(const DatabaseRestored&) { return EventKind::database_restored; }
  template <class Passing>
  std::optional<EventKind> operator()(const Passing&) {
    return std::nullopt;
  }
};

Result<EventBody> read_event(EventKind kind, ConnectionId connection, Reader& reader) {
  switch (kind) {
    case EventKind::invitation_ready: {
      const auto links = as_text(reader.tail());
      const auto end = std::min(links.find('\n'), links.size());
      return InvitationReady{connection, std::string(links.substr(0, end)),
                             std::string(links.substr(std::min(end + 1, links.size())))};
    }
    case EventKind::joined: return Joined{connection};
    case EventKind::confirmation_received: {
      SIMPLEX_ASSIGN(const auto confirmation, reader.i64());
      SIMPLEX_ASSIGN(const bool pq, reader.boolean());
      return ConfirmationReceived{connection, ConfirmationId(confirmation), to_bytes(reader.tail()), pq};
    }
    case EventKind::request_received: {
      SIMPLEX_ASSIGN(const auto request, reader.i64());
      SIMPLEX_ASSIGN(const bool pq, reader.boolean());
      return RequestReceived{connection, RequestId(request), to_bytes(reader.tail()), pq};
    }
    case EventKind::peer_info_received: {
      SIMPLEX_ASSIGN(const bool pq, reader.boolean());
      return PeerInfoReceived{connection, to_bytes(reader.tail()), pq};
    }
    case EventKind::connected: {
      SIMPLEX_ASSIGN(const bool pq, reader.boolean());
      return Connected{connection, pq};
    }
    case EventKind::message_received: {
      SIMPLEX_ASSIGN(const auto message, reader.i64());
      MessageReceived received;
      received.connection = connection;
      received.message = MessageId(message);
      return received;
    }
    case EventKind::message_sent: {
      SIMPLEX_ASSIGN(const auto message, reader.i64());
      return MessageSent{connection, MessageId(message), std::string(as_text(reader.tail()))};
    }
    case EventKind::message_failed: {
      SIMPLEX_ASSIGN(const auto message, reader.i64());
      SIMPLEX_ASSIGN(auto why, read_error(reader));
      return MessageFailed{connection, MessageId(message), why.failure, std::move(why.error)};
    }
    case EventKind::connection_failed: {
      SIMPLEX_ASSIGN(auto why, read_error(reader));
      return ConnectionFailed{connection, why.failure, std::move(why.error)};
    }
    case EventKind::reception_failed: {
      SIMPLEX_ASSIGN(auto why, read_error(reader));
      return ReceptionFailed{connection, why.failure, std::move(why.error)};
    }
    case EventKind::link_data_set: return LinkDataSet{connection};
    case EventKind::link_deleted: return LinkDeleted{connection};
    case EventKind::link_failed: {
      SIMPLEX_ASSIGN(auto why, read_error(reader));
      return LinkFailed{connection, why.failure, std::move(why.error)};
    }
    case EventKind::database_restored: return DatabaseRestored{};
    case EventKind::connection_deleted: return ConnectionDeleted{connection};
    case EventKind::user_deleted: {
      SIMPLEX_ASSIGN(const auto user, reader.i64());
      return UserDeleted{UserId(user)};
    }
    case EventKind::ratchet_sync_changed: {
      SIMPLEX_ASSIGN(const auto state, reader.u8());
      return RatchetSyncChanged{connection, static_cast<RatchetSyncState>(state)};
    }
    case EventKind::queue_switched: {
      SIMPLEX_ASSIGN(const auto direction, reader.u8());
      SIMPLEX_ASSIGN(const auto phase, reader.u8());
      return QueueSwitched{connection, static_cast<QueueDirection>(direction), static_cast<SwitchPhase>(phase)};
    }
    case EventKind::queue_lost: {
      SIMPLEX_ASSIGN(const auto direction, reader.u8());
      return QueueLost{connection, static_cast<QueueDirection>(direction), std::string(as_text(reader.tail()))};
    }
    case EventKind::message_delivered: {
      SIMPLEX_ASSIGN(const auto message, reader.i64());
      SIMPLEX_ASSIGN(const auto bad, reader.u8());
      return MessageDelivered{connection, MessageId(message), bad != 0 ? ReceiptStatus::bad_hash : ReceiptStatus::ok};
    }
  }
  return fail(ErrorKind::malformed, "A stored event is of an unknown kind.");
}

}  // namespace

std::optional<EncodedEvent> encode_event(const EventBody& event) {
  Encoder encoder;
  const auto kind = std::visit(encoder, event);
  if (!kind) return std::nullopt;
  return EncodedEvent{*kind, encoder.connection, std::move(encoder.payload).take()};
}

Result<EventBody> decode_event(EventKind kind, ConnectionId connection, BytesView payload) {
  Reader reader(payload);
  SIMPLEX_ASSIGN(auto event, read_event(kind, connection, reader));
  SIMPLEX_TRY(reader.finish());
  return event;
}

void write_integrity(Writer& writer, const Integrity& integrity) {
  writer.u8(static_cast<std::uint8_t>(integrity.index()));
  if (const auto* skipped = std::get_if<IntegritySkipped>(&integrity)) {
    writer.i64(skipped->from.value()).i64(skipped->to.value());
  } else if (const auto* bad = std::get_if<IntegrityBadId>(&integrity)) {
    writer.i64(bad->previous.value());
  }
}

Result<Integrity> read_integrity(Reader& reader) {
  SIMPLEX_ASSIGN(const auto kind, reader.u8());
  switch (kind) {
    case 0: return IntegrityOk{};
    case 1: {
      SIMPLEX_ASSIGN(const auto from, reader.i64());
      SIMPLEX_ASSIGN(const auto to, reader.i64());
      return IntegritySkipped{SenderMessageId(from), SenderMessageId(to)};
    }
    case 2: {
      SIMPLEX_ASSIGN(const auto previous, reader.i64());
      return IntegrityBadId{SenderMessageId(previous)};
    }
    case 3: return IntegrityBadHash{};
    case 4: return IntegrityDuplicate{};
    default: return fail(ErrorKind::malformed, "A stored message has an unknown integrity.");
  }
}

}  // namespace simplex::agent
