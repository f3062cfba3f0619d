#include "state_view.hpp"

namespace simplex::smp::stores::embedded {

using server::LinkData;
using server::LoadedQueue;
using server::MessagePtr;
using server::QueueRecord;
using server::ServiceQueue;
using server::StoredMessage;

std::unexpected<Error> damaged(const Error& error) {
  if (error.kind == ErrorKind::version) {
    return fail(ErrorKind::version, "a record of the queue store was written by a newer version: run that version",
                Advice::ask_user);
  }
  return fail(ErrorKind::storage,
              "a record of the queue store is damaged (" + error.message +
                  "); other queues go on. To get this one back, stop the relay and restore the store's folder from a "
                  "backup",
              Advice::ask_user);
}

Result<std::optional<QueueRecord>> read_queue(const View& view, const RecipientId& id, Reach reach) {
  SIMPLEX_ASSIGN(const auto value, view.get(Table::queues, queue_key(id), reach));
  if (!value) return std::nullopt;
  SIMPLEX_ASSIGN(auto queue, decoded(decode_queue(id, *value)));
  return std::optional(std::move(queue));
}

Result<> read_link(const View& view, QueueRecord& queue, Reach reach) {
  if (!queue.link) return {};
  SIMPLEX_ASSIGN(const auto value, view.get(Table::links, queue_key(queue.recipient_id), reach));
  if (!value) return damaged({ErrorKind::malformed, "the data of a link is missing", {}});
  SIMPLEX_ASSIGN(auto link, decoded(decode_link(queue.link->id, *value)));
  queue.link = std::make_shared<const LinkData>(std::move(link));
  return {};
}

Result<> scan_headers(const View& view, const RecipientId& queue, Reach reach, const VisitHeader& visit) {
  const auto prefix = queue_key(queue);
  return view.scan(Table::messages, prefix, prefix, reach, [&](BytesView key, BytesView value) -> Result<bool> {
    SIMPLEX_ASSIGN(const auto name, decoded(read_message_key(key)));
    SIMPLEX_ASSIGN(const auto header, decoded(decode_header(value)));
    return visit(name.position, header);
  });
}

Result<MessagePtr> read_message(const View& view, const RecipientId& queue, std::uint64_t position,
                                const MessageHeader& header, Reach reach) {
  SIMPLEX_ASSIGN(auto body, view.get(Table::bodies, message_key(queue, position), reach));
  if (!body || body->size() != header.body_octets) {
    return damaged({ErrorKind::malformed, "the body of a message is missing", {}});
  }
  StoredMessage made;
  made.id = header.id;
  made.sent_at = header.sent_at;
  made.notification = header.notification;
  made.quota = header.quota;
  made.body = std::move(*body);
  made.position = position;
  return std::make_shared<const StoredMessage>(std::move(made));
}

namespace {

// The oldest messages of a queue, and what else its headers say.
struct Messages {
  std::vector<std::pair<std::uint64_t, MessageHeader>> wanted;
  std::size_t octets = 0;
  std::uint32_t count = 0;
  std::uint64_t last_position = 0;
  bool full = false;
};

Result<Messages> read_headers(const View& view, const RecipientId& queue, std::size_t max_octets, bool all,
                              Reach reach) {
  Messages made;
  bool fits = true;
  SIMPLEX_TRY(scan_headers(view, queue, reach, [&](std::uint64_t position, const MessageHeader& header) {
    fits = fits && (made.wanted.empty() || made.octets + header.body_octets <= max_octets);
    if (fits) {
      made.wanted.emplace_back(position, header);
      made.octets += header.body_octets;
    }
    ++made.count;
    made.last_position = position;
    made.full = header.quota;
    return fits || all;
  }));
  return made;
}

Result<std::vector<MessagePtr>> read_wanted(const View& view, const RecipientId& queue, const Messages& messages,
                                            Reach reach) {
  std::vector<MessagePtr> made;
  for (const auto& [position, header] : messages.wanted) {
    SIMPLEX_ASSIGN(auto message, read_message(view, queue, position, header, reach));
    made.push_back(std::move(message));
  }
  return made;
}

}  // namespace

Result<std::optional<LoadedQueue>> load_queue(const View& view, const RecipientId& id, std::size_t max_octets,
                                              Reach reach) {
  SIMPLEX_ASSIGN(auto record, read_queue(view, id, reach));
  if (!record) return std::nullopt;
  SIMPLEX_ASSIGN(const auto headers, read_headers(view, id, max_octets, true, reach));
  LoadedQueue made;
  SIMPLEX_ASSIGN(made.messages, read_wanted(view, id, headers, reach));
  made.record = std::move(*record);
  made.message_count = headers.count;
  made.next_position = headers.last_position + 1;
  made.full = headers.full;
  return std::optional(std::move(made));
}

Result<std::optional<LinkData>> load_link(const View& view, const RecipientId& id, Reach reach) {
  SIMPLEX_ASSIGN(auto record, read_queue(view, id, reach));
  if (!record || !record->link) return std::nullopt;
  SIMPLEX_TRY(read_link(view, *record, reach));
  return std::optional(*record->link);
}

Result<std::vector<MessagePtr>> load_messages(const View& view, const RecipientId& queue, std::size_t max_octets,
                                              Reach reach) {
  SIMPLEX_ASSIGN(const auto headers, read_headers(view, queue, max_octets, false, reach));
  return read_wanted(view, queue, headers, reach);
}

Result<std::optional<RecipientId>> find_queue(const View& view, IdKind kind, BytesView id, Reach reach) {
  SIMPLEX_ASSIGN(const auto value, view.get(Table::ids, id_key(kind, id), reach));
  if (!value) return std::nullopt;
  SIMPLEX_ASSIGN(auto queue, decoded(read_id<RecipientId>(*value)));
  return std::optional(queue);
}

Result<std::vector<ServiceQueue>> list_service_queues(const View& view, const ServiceId& service, ServiceParty party,
                                                      const std::optional<RecipientId>& after, std::size_t limit,
                                                      const IsOurs& is_ours, Reach reach) {
  std::vector<ServiceQueue> made;
  if (limit == 0) return made;
  const auto prefix = service_queues_key(party, service);
  const auto from = after ? service_queue_key(party, service, *after) : prefix;
  SIMPLEX_TRY(view.scan(Table::services, prefix, from, reach, [&](BytesView key, BytesView value) -> Result<bool> {
    Reader rest(key.subspan(prefix.size()));
    SIMPLEX_ASSIGN(const auto queue, decoded(read_id<RecipientId>(rest)));
    if ((after && queue == *after) || !is_ours(queue)) return true;
    ServiceQueue found{queue, std::nullopt, false};
    if (!value.empty()) {
      SIMPLEX_ASSIGN(found.notifier, decoded(read_id<server::NotifierId>(value)));
    }
    SIMPLEX_TRY(scan_headers(view, queue, reach, [&](std::uint64_t, const MessageHeader&) {
      found.may_have_messages = true;
      return false;
    }));
    made.push_back(std::move(found));
    return made.size() < limit;
  }));
  return made;
}

Result<std::vector<TimeName>> find_expired(const View& view, std::int64_t before, std::size_t limit,
                                           const IsOurs& is_ours, Bytes& from) {
  std::vector<TimeName> made;
  if (limit == 0) return made;
  SIMPLEX_TRY(view.scan(Table::times, {}, from, Reach::disk, [&](BytesView key, BytesView) -> Result<bool> {
    SIMPLEX_ASSIGN(const auto name, decoded(read_time_key(key)));
    if (name.sent_at >= before) return false;
    from = to_bytes(key);
    if (is_ours(name.message.queue)) made.push_back(name);
    return made.size() < limit;
  }));
  return made;
}

Result<> scan_services(const View& view, const std::function<Result<>(server::ServiceRecord)>& visit) {
  const auto prefix = as_bytes(services_prefix);
  return view.scan(Table::services, prefix, prefix, Reach::disk, [&](BytesView, BytesView value) -> Result<bool> {
    SIMPLEX_ASSIGN(auto service, decoded(decode_service(value)));
    SIMPLEX_TRY(visit(std::move(service)));
    return true;
  });
}

}  // namespace simplex::smp::stores::embedded
