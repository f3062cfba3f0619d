#include "state_change.hpp"

#include <algorithm>
#include <unordered_map>

#include "records.hpp"
#include "state_view.hpp"

namespace simplex::smp::stores::embedded {

using server::QueueRecord;
using server::StoredMessage;
using server::StoreRecord;

template <class F>
Result<Totals> StateChange::step(F&& work) {
  Totals totals;
  change_.mark();
  if (auto done = std::forward<F>(work)(totals); !done) {
    change_.undo();
    return std::unexpected(std::move(done).error());
  }
  change_.forget_mark();
  return totals;
}

Result<Totals> StateChange::write(const StoreRecord& record) {
  return step([&](Totals& totals) -> Result<> {
    if (const auto* made = std::get_if<server::CreateQueue>(&record)) return create(made->queue, totals);
    if (const auto* made = std::get_if<server::NewService>(&record)) return add_service(made->service);
    if (const auto* made = std::get_if<server::DeleteQueue>(&record)) return remove_queue(made->queue, totals);
    return change(record, *server::queue_of(record), totals);
  });
}

std::vector<StateChange::Lead> StateChange::leads_to(const QueueRecord& queue) {
  std::vector<Lead> made;
  const auto& id = queue.recipient_id;
  const auto id_octets = to_bytes(id.view());
  made.push_back({Table::ids, id_key(IdKind::sender, queue.sender_id.view()), id_octets});
  if (queue.link) made.push_back({Table::ids, id_key(IdKind::link, queue.link->id.view()), id_octets});
  if (queue.service) {
    made.push_back({Table::services, service_queue_key(ServiceParty::recipient, *queue.service, id), {}});
  }
  if (const auto* notifier = queue.notifier.get()) {
    made.push_back({Table::ids, id_key(IdKind::notifier, notifier->id.view()), id_octets});
    if (notifier->service) {
      made.push_back({Table::services, service_queue_key(ServiceParty::notifier, *notifier->service, id),
                      to_bytes(notifier->id.view())});
    }
  }
  return made;
}

Result<> StateChange::replace_leads(const std::vector<Lead>& before, const std::vector<Lead>& after) {
  for (const auto& lead : before) {
    const bool stays = std::ranges::any_of(
        after, [&](const Lead& other) { return other.table == lead.table && other.key == lead.key; });
    if (!stays) change_.remove(lead.table, lead.key);
  }
  for (const auto& lead : after) {
    if (std::ranges::find(before, lead) != before.end()) continue;
    if (lead.table == Table::ids) {
      SIMPLEX_ASSIGN(const auto other, change_.get(lead.table, lead.key, Reach::disk));
      if (other && *other != lead.value) return fail(ErrorKind::conflict, "another queue has this id");
    }
    change_.put(lead.table, lead.key, lead.value);
  }
  return {};
}

Result<> StateChange::create(const QueueRecord& queue, Totals& totals) {
  const auto key = queue_key(queue.recipient_id);
  SIMPLEX_ASSIGN(const auto other, change_.get(Table::queues, key, Reach::disk));
  if (other) return fail(ErrorKind::conflict, "the queue exists already");
  SIMPLEX_ASSIGN(const auto value, encode_queue(queue));
  SIMPLEX_TRY(replace_leads({}, leads_to(queue)));
  if (queue.link) {
    SIMPLEX_ASSIGN(const auto link, encode_link(*queue.link));
    change_.put(Table::links, key, link);
  }
  change_.put(Table::queues, key, value);
  totals.queues = 1;
  totals.notifiers = queue.notifier ? 1 : 0;
  return {};
}

Result<> StateChange::change(const StoreRecord& record, const RecipientId& id, Totals& totals) {
  const auto key = queue_key(id);
  SIMPLEX_ASSIGN(auto queue, read_queue(change_, id, Reach::disk));
  if (!queue) return fail(ErrorKind::not_found, "the queue does not exist");
  // Only a change of the link looks at its data.
  if (queue->link && std::holds_alternative<server::CreateLink>(record)) {
    SIMPLEX_TRY(read_link(change_, *queue, Reach::disk));
  }
  const auto leads = leads_to(*queue);
  const auto link = queue->link;
  const bool notifier = queue->notifier != nullptr;
  SIMPLEX_TRY(server::apply_change(record, *queue));
  SIMPLEX_ASSIGN(const auto value, encode_queue(*queue));
  SIMPLEX_TRY(replace_leads(leads, leads_to(*queue)));
  if (queue->link && queue->link != link) {
    SIMPLEX_ASSIGN(const auto data, encode_link(*queue->link));
    change_.put(Table::links, key, data);
  } else if (!queue->link && link) {
    change_.remove(Table::links, key);
  }
  change_.put(Table::queues, key, value);
  totals.notifiers = (queue->notifier ? 1 : 0) - (notifier ? 1 : 0);
  return {};
}

Result<> StateChange::remove_queue(const RecipientId& id, Totals& totals) {
  const auto key = queue_key(id);
  known_.queues.erase(id);
  SIMPLEX_ASSIGN(const auto queue, read_queue(change_, id, Reach::disk));
  if (!queue) return fail(ErrorKind::not_found, "the queue does not exist");
  SIMPLEX_TRY(remove_messages(id, totals));
  SIMPLEX_TRY(replace_leads(leads_to(*queue), {}));
  if (queue->link) change_.remove(Table::links, key);
  change_.remove(Table::queues, key);
  totals.queues = -1;
  totals.notifiers = queue->notifier ? -1 : 0;
  return {};
}

Result<> StateChange::add_service(const server::ServiceRecord& service) {
  const auto key = service_key(service.id);
  const auto hash = service_hash_key(service.certificate_hash);
  SIMPLEX_ASSIGN(const auto same_id, change_.get(Table::services, key, Reach::disk));
  SIMPLEX_ASSIGN(const auto same_hash, change_.get(Table::services, hash, Reach::disk));
  if (same_id || same_hash) return fail(ErrorKind::conflict, "the service exists already");
  SIMPLEX_ASSIGN(const auto value, encode_service(service));
  change_.put(Table::services, key, value);
  change_.put(Table::services, hash, service.id.view());
  return {};
}

// ---- messages

// Only create() and remove_queue() change the answer.
Result<bool> StateChange::is_there(const RecipientId& queue) {
  if (known_.queues.contains(queue)) return true;
  SIMPLEX_ASSIGN(const auto record, change_.get(Table::queues, queue_key(queue), Reach::disk));
  if (!record) return false;
  if (known_.queues.size() >= Known::most_queues) known_.queues.clear();
  known_.queues.insert(queue);
  return true;
}

Result<Totals> StateChange::add_message(const RecipientId& queue, const StoredMessage& message) {
  return step([&](Totals& totals) -> Result<> {
    SIMPLEX_ASSIGN(const bool there, is_there(queue));
    if (!there) return fail(ErrorKind::not_found, "the queue does not exist");
    const auto key = message_key(queue, message.position);
    if (known_.ghosts) {
      SIMPLEX_ASSIGN(const auto other, change_.get(Table::messages, key, Reach::disk));
      if (other) {
        // Of a commit that failed, and of which the disk kept everything nevertheless.
        SIMPLEX_ASSIGN(const auto ghost, decoded(decode_header(*other)));
        drop_message(queue, message.position, ghost.sent_at);
        --totals.messages;
      }
    }
    SIMPLEX_ASSIGN(const auto header, encode_header(message));
    change_.put(Table::messages, key, header);
    change_.put(Table::bodies, key, message.body);
    // A quota marker does not expire.
    if (!message.quota) change_.put(Table::times, time_key(message.sent_at, queue, message.position), {});
    ++totals.messages;
    return {};
  });
}

void StateChange::drop_message(const RecipientId& queue, std::uint64_t position, std::int64_t sent_at) {
  const auto key = message_key(queue, position);
  change_.remove(Table::messages, key);
  change_.remove(Table::bodies, key);
  change_.remove(Table::times, time_key(sent_at, queue, position));
}

Result<Totals> StateChange::remove_message(const RecipientId& queue, std::uint64_t position,
                                           const server::MessageId& id) {
  return step([&](Totals& totals) -> Result<> {
    SIMPLEX_ASSIGN(const auto value, change_.get(Table::messages, message_key(queue, position), Reach::disk));
    if (!value) return {};
    SIMPLEX_ASSIGN(const auto header, decoded(decode_header(*value)));
    if (header.id != id) return {};
    drop_message(queue, position, header.sent_at);
    totals.messages = -1;
    return {};
  });
}

Result<> StateChange::remove_messages(const RecipientId& queue, Totals& totals) {
  std::vector<std::pair<std::uint64_t, std::int64_t>> found;
  SIMPLEX_TRY(scan_headers(change_, queue, Reach::disk, [&](std::uint64_t position, const MessageHeader& header) {
    found.emplace_back(position, header.sent_at);
    return true;
  }));
  for (const auto& [position, sent_at] : found) drop_message(queue, position, sent_at);
  totals.messages -= static_cast<std::int64_t>(found.size());
  return {};
}

Result<Totals> StateChange::remove_expired(std::span<const TimeName> messages,
                                           std::vector<server::Store::Expired>& removed) {
  removed.clear();
  std::unordered_map<RecipientId, std::size_t> known;
  return step([&](Totals& totals) -> Result<> {
    for (const auto& [sent_at, message] : messages) {
      const auto key = message_key(message.queue, message.position);
      SIMPLEX_ASSIGN(const auto value, change_.get(Table::messages, key, Reach::disk));
      if (!value) continue;
      SIMPLEX_ASSIGN(const auto header, decoded(decode_header(*value)));
      if (header.sent_at != sent_at) {
        // It went meanwhile, its queue was empty, and a new message took its place.
        change_.remove(Table::times, time_key(sent_at, message.queue, message.position));
        continue;
      }
      drop_message(message.queue, message.position, sent_at);
      --totals.messages;
      const auto [at, added] = known.emplace(message.queue, removed.size());
      if (added) removed.push_back({message.queue, 0});
      ++removed[at->second].messages;
    }
    return {};
  });
}

}  // namespace simplex::smp::stores::embedded
