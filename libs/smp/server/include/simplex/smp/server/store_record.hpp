// Changes of queue records: what the engine tells the store, and the lines of the reference's smp-server-store.log.
#pragma once

#include <variant>

#include "simplex/base/result.hpp"
#include "simplex/smp/server/queue_record.hpp"

namespace simplex::smp::server {

struct CreateQueue {
  QueueRecord queue;
};
struct CreateLink {
  RecipientId queue;
  LinkData link;
};
struct DeleteLink {
  RecipientId queue;
};
struct SecureQueue {
  RecipientId queue;
  crypto::AuthPublicKey sender_key;
};
struct UpdateKeys {
  RecipientId queue;
  std::vector<crypto::AuthPublicKey> recipient_keys;
};
struct AddNotifier {
  RecipientId queue;
  NotifierCredentials notifier;
};
struct DeleteNotifier {
  RecipientId queue;
};
struct SuspendQueue {
  RecipientId queue;
};
struct BlockQueue {
  RecipientId queue;
  Blocking blocking;
};
struct UnblockQueue {
  RecipientId queue;
};
struct DeleteQueue {
  RecipientId queue;
};
struct UpdateTime {
  RecipientId queue;
  Date date;
};

enum class ServiceRole : std::uint8_t { messaging, notifier, proxy };
// A client service that showed a certificate.
struct ServiceRecord {
  ServiceId id;
  ServiceRole role = ServiceRole::messaging;
  std::vector<Bytes> certificates;  // DER
  Bytes certificate_hash;
  Date created;

  friend bool operator==(const ServiceRecord&, const ServiceRecord&) = default;
};
struct NewService {
  ServiceRecord service;
};
enum class ServiceParty : std::uint8_t { recipient, notifier };
// Gives a queue to a service, or takes it away.
struct QueueService {
  RecipientId queue;
  ServiceParty party = ServiceParty::recipient;
  std::optional<ServiceId> service;
};

using StoreRecord =
    std::variant<CreateQueue, CreateLink, DeleteLink, SecureQueue, UpdateKeys, AddNotifier, DeleteNotifier,
                 SuspendQueue, BlockQueue, UnblockQueue, DeleteQueue, UpdateTime, NewService, QueueService>;

// Applies a change of an existing queue (not CreateQueue, DeleteQueue, NewService: these are for who holds the queues).
// A conflict where the reference refuses it: another sender key, link id or fixed link data than there is.
[[nodiscard]] Result<> apply_change(const StoreRecord& change, QueueRecord& queue);
// The queue that the record is about; nothing for NewService.
[[nodiscard]] const RecipientId* queue_of(const StoreRecord& record);

// One line without its end of line, as the reference writes it.
[[nodiscard]] std::string format_record(const StoreRecord& record);
[[nodiscard]] std::string format_queue(const QueueRecord& queue);  // the CREATE line
// All forms that the reference has ever written.
[[nodiscard]] Result<StoreRecord> parse_record(std::string_view line);

// Lines of smp-server-messages.log: "v3 QUEUE MESSAGE TIME flags=F BODY" or "v3 QUEUE MESSAGE TIME quota".
struct MessageLine {
  RecipientId queue;
  std::shared_ptr<StoredMessage> message;  // without a position
};
[[nodiscard]] std::string format_message(const RecipientId& queue, const StoredMessage& message);
[[nodiscard]] Result<MessageLine> parse_message(std::string_view line);
// The same without "v3 QUEUE ", as journal files have it.
[[nodiscard]] std::string format_journal_message(const StoredMessage& message);
[[nodiscard]] Result<std::shared_ptr<StoredMessage>> parse_journal_message(std::string_view line);

}  // namespace simplex::smp::server
