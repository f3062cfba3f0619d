#include "simplex/smp/server/store_record.hpp"

#include "log_line.hpp"

namespace simplex::smp::server {
namespace {

template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};

std::string keys_text(std::span<const crypto::AuthPublicKey> keys) {
  std::string made;
  for (const auto& key : keys) {
    if (!made.empty()) made += ',';
    made += key_text(key);
  }
  return made;
}

Result<std::vector<crypto::AuthPublicKey>> read_keys(LineReader& line) {
  std::vector<crypto::AuthPublicKey> keys;
  do {
    SIMPLEX_ASSIGN(auto key, line.key<crypto::AuthPublicKey>(" ,"));
    keys.push_back(std::move(key));
  } while (line.skip(","));
  return keys;
}

std::string notifier_text(const NotifierCredentials& notifier) {
  auto made = text_of(notifier.id) + ' ' + key_text(notifier.key) + ' ' + base64url(notifier.dh_secret.reveal());
  if (notifier.service) made += " nsrv=" + text_of(*notifier.service);
  return made;
}

Result<NotifierCredentials> read_notifier(LineReader& line) {
  NotifierCredentials made;
  SIMPLEX_ASSIGN(made.id, line.id<NotifierId>());
  SIMPLEX_TRY(line.expect(" "));
  SIMPLEX_ASSIGN(made.key, line.key<crypto::AuthPublicKey>());
  SIMPLEX_TRY(line.expect(" "));
  SIMPLEX_ASSIGN(made.dh_secret, line.secret<crypto::X25519Secret>());
  if (line.skip(" nsrv=")) {
    SIMPLEX_ASSIGN(made.service, line.id<ServiceId>());
  }
  return made;
}

std::string link_text(const LinkData& link) { return base64url(link.fixed) + ' ' + base64url(link.user); }

Result<> read_link_data(LineReader& line, LinkData& link) {
  SIMPLEX_ASSIGN(link.fixed, line.content());
  SIMPLEX_TRY(line.expect(" "));
  SIMPLEX_ASSIGN(link.user, line.content());
  return {};
}

// The notice is JSON and reaches to the end of the line, or to the field that follows a status.
Result<Blocking> read_blocking(LineReader& line) {
  SIMPLEX_TRY(line.expect("reason="));
  Blocking made;
  if (line.skip("spam")) {
    made.reason = BlockingReason::spam;
  } else if (line.skip("content")) {
    made.reason = BlockingReason::content;
  } else {
    return fail(ErrorKind::malformed, "an unknown reason of blocking");
  }
  if (line.skip(",notice=")) {
    const auto end = line.rest().rfind('}');
    if (!line.rest().starts_with('{') || end == std::string_view::npos) {
      return fail(ErrorKind::malformed, "the notice is not JSON");
    }
    const auto notice = line.rest().substr(0, end + 1);
    made.notice = std::string(notice);
    line.skip(notice);
  }
  return made;
}

Result<QueueRecord> read_queue(LineReader& line) {
  QueueRecord made;
  SIMPLEX_TRY(line.expect("rid="));
  SIMPLEX_ASSIGN(made.recipient_id, line.id<RecipientId>());
  SIMPLEX_TRY(line.expect(" rk="));
  SIMPLEX_ASSIGN(made.recipient_keys, read_keys(line));
  SIMPLEX_TRY(line.expect(" rdh="));
  SIMPLEX_ASSIGN(made.dh_secret, line.secret<crypto::X25519Secret>());
  SIMPLEX_TRY(line.expect(" sid="));
  SIMPLEX_ASSIGN(made.sender_id, line.id<SenderId>());
  SIMPLEX_TRY(line.expect(" sk="));
  if (!line.empty() && !line.rest().starts_with(' ')) {
    SIMPLEX_ASSIGN(made.sender_key, line.key<crypto::AuthPublicKey>());
  }
  if (line.skip(" sndSecure=T") || line.skip(" queue_mode=M")) {
    made.mode = protocol::QueueMode::messaging;
  } else if (line.skip(" sndSecure=F") || line.skip(" queue_mode=C")) {
    made.mode = protocol::QueueMode::contact;
  }
  if (line.skip(" link_id=")) {
    auto link = std::make_shared<LinkData>();
    SIMPLEX_ASSIGN(link->id, line.id<LinkId>());
    SIMPLEX_TRY(line.expect(" queue_data="));
    SIMPLEX_TRY(read_link_data(line, *link));
    made.link = std::move(link);
  }
  if (line.skip(" notifier=")) {
    SIMPLEX_ASSIGN(auto notifier, read_notifier(line));
    made.notifier = std::make_unique<NotifierCredentials>(std::move(notifier));
  }
  if (line.skip(" updated_at=")) {
    SIMPLEX_ASSIGN(const auto seconds, line.number());
    made.updated = Date(seconds);
  }
  if (line.skip(" status=")) {
    if (line.skip("off")) {
      made.status = QueueStatus::suspended;
    } else if (line.skip("blocked,")) {
      SIMPLEX_ASSIGN(auto blocking, read_blocking(line));
      made.blocking = std::make_unique<Blocking>(std::move(blocking));
      made.status = QueueStatus::blocked;
    } else {
      SIMPLEX_TRY(line.expect("active"));
    }
  }
  if (line.skip(" rsrv=")) {
    SIMPLEX_ASSIGN(made.service, line.id<ServiceId>());
  }
  return made;
}

char letter(ServiceRole role) {
  switch (role) {
    case ServiceRole::messaging: return 'M';
    case ServiceRole::notifier: return 'N';
    case ServiceRole::proxy: break;
  }
  return 'P';
}

std::string service_text(const ServiceRecord& service) {
  std::string certificates;
  for (const auto& certificate : service.certificates) {
    if (!certificates.empty()) certificates += ',';
    certificates += base64url(certificate);
  }
  return "service_id=" + text_of(service.id) + " role=" + letter(service.role) + " cert=" + certificates +
         " cert_hash=" + base64url(service.certificate_hash) + " created_at=" + std::to_string(service.created.value());
}

Result<ServiceRecord> read_service(LineReader& line) {
  ServiceRecord made;
  SIMPLEX_TRY(line.expect("service_id="));
  SIMPLEX_ASSIGN(made.id, line.id<ServiceId>());
  SIMPLEX_TRY(line.expect(" role="));
  if (line.skip("M")) {
    made.role = ServiceRole::messaging;
  } else if (line.skip("N")) {
    made.role = ServiceRole::notifier;
  } else if (line.skip("P")) {
    made.role = ServiceRole::proxy;
  } else {
    return fail(ErrorKind::malformed, "an unknown role of a service");
  }
  SIMPLEX_TRY(line.expect(" cert="));
  do {
    SIMPLEX_ASSIGN(auto certificate, line.bytes(" ,"));
    made.certificates.push_back(std::move(certificate));
  } while (line.skip(","));
  SIMPLEX_TRY(line.expect(" cert_hash="));
  SIMPLEX_ASSIGN(made.certificate_hash, line.bytes());
  SIMPLEX_TRY(line.expect(" created_at="));
  SIMPLEX_ASSIGN(const auto seconds, line.number());
  made.created = Date(seconds);
  return made;
}

// Records of a queue alone: "WORD QUEUE".
template <class Record>
Result<StoreRecord> read_plain(LineReader& line) {
  Record made;
  SIMPLEX_ASSIGN(made.queue, line.id<RecipientId>());
  return StoreRecord(std::move(made));
}

// "WORD QUEUE " was read: what follows is in `rest`.
template <class Record, class Read>
Result<StoreRecord> read_with(LineReader& line, Read&& rest) {
  Record made;
  SIMPLEX_ASSIGN(made.queue, line.id<RecipientId>());
  SIMPLEX_TRY(line.expect(" "));
  SIMPLEX_TRY(rest(made));
  return StoreRecord(std::move(made));
}

Result<StoreRecord> read_record(LineReader& line) {
  const auto tag = line.word();
  SIMPLEX_TRY(line.expect(" "));
  if (tag == "CREATE") {
    SIMPLEX_ASSIGN(auto queue, read_queue(line));
    return StoreRecord(CreateQueue{std::move(queue)});
  }
  if (tag == "LINK") {
    return read_with<CreateLink>(line, [&](CreateLink& made) -> Result<> {
      SIMPLEX_ASSIGN(made.link.id, line.id<LinkId>());
      SIMPLEX_TRY(line.expect(" "));
      return read_link_data(line, made.link);
    });
  }
  if (tag == "SECURE") {
    return read_with<SecureQueue>(line, [&](SecureQueue& made) -> Result<> {
      SIMPLEX_ASSIGN(made.sender_key, line.key<crypto::AuthPublicKey>());
      return {};
    });
  }
  if (tag == "KEYS") {
    return read_with<UpdateKeys>(line, [&](UpdateKeys& made) -> Result<> {
      SIMPLEX_ASSIGN(made.recipient_keys, read_keys(line));
      return {};
    });
  }
  if (tag == "NOTIFIER") {
    return read_with<AddNotifier>(line, [&](AddNotifier& made) -> Result<> {
      SIMPLEX_ASSIGN(made.notifier, read_notifier(line));
      return {};
    });
  }
  if (tag == "BLOCK") {
    return read_with<BlockQueue>(line, [&](BlockQueue& made) -> Result<> {
      SIMPLEX_ASSIGN(made.blocking, read_blocking(line));
      return {};
    });
  }
  if (tag == "TIME") {
    return read_with<UpdateTime>(line, [&](UpdateTime& made) -> Result<> {
      SIMPLEX_ASSIGN(const auto seconds, line.number());
      made.date = Date(seconds);
      return {};
    });
  }
  if (tag == "QUEUE_SERVICE") {
    return read_with<QueueService>(line, [&](QueueService& made) -> Result<> {
      if (line.skip("N")) {
        made.party = ServiceParty::notifier;
      } else {
        SIMPLEX_TRY(line.expect("R"));
      }
      SIMPLEX_TRY(line.expect(" "));
      if (!line.empty()) {
        SIMPLEX_ASSIGN(made.service, line.id<ServiceId>());
      }
      return {};
    });
  }
  if (tag == "NEW_SERVICE") {
    SIMPLEX_ASSIGN(auto service, read_service(line));
    return StoreRecord(NewService{std::move(service)});
  }
  if (tag == "LDELETE") return read_plain<DeleteLink>(line);
  if (tag == "NDELETE") return read_plain<DeleteNotifier>(line);
  if (tag == "SUSPEND") return read_plain<SuspendQueue>(line);
  if (tag == "UNBLOCK") return read_plain<UnblockQueue>(line);
  if (tag == "DELETE") return read_plain<DeleteQueue>(line);
  return fail(ErrorKind::unsupported, "an unknown kind of record");
}

}  // namespace

Result<> apply_change(const StoreRecord& change, QueueRecord& queue) {
  return std::visit(
      Overloaded{
          [&](const CreateLink& record) -> Result<> {
            if (queue.link && (queue.link->id != record.link.id || queue.link->fixed != record.link.fixed)) {
              return fail(ErrorKind::conflict, "the queue has another link");
            }
            queue.link = std::make_shared<const LinkData>(record.link);
            return {};
          },
          [&](const DeleteLink&) -> Result<> {
            queue.link.reset();
            return {};
          },
          [&](const SecureQueue& record) -> Result<> {
            if (queue.sender_key && *queue.sender_key != record.sender_key) {
              return fail(ErrorKind::conflict, "the queue is secured with another key");
            }
            queue.sender_key = record.sender_key;
            return {};
          },
          [&](const UpdateKeys& record) -> Result<> {
            queue.recipient_keys = record.recipient_keys;
            return {};
          },
          [&](const AddNotifier& record) -> Result<> {
            queue.notifier = std::make_unique<NotifierCredentials>(record.notifier.clone());
            return {};
          },
          [&](const DeleteNotifier&) -> Result<> {
            queue.notifier.reset();
            return {};
          },
          [&](const SuspendQueue&) -> Result<> {
            queue.status = QueueStatus::suspended;
            queue.blocking.reset();
            return {};
          },
          [&](const BlockQueue& record) -> Result<> {
            queue.status = QueueStatus::blocked;
            queue.blocking = std::make_unique<Blocking>(record.blocking);
            return {};
          },
          [&](const UnblockQueue&) -> Result<> {
            queue.status = QueueStatus::active;
            queue.blocking.reset();
            return {};
          },
          [&](const UpdateTime& record) -> Result<> {
            queue.updated = record.date;
            return {};
          },
          [&](const QueueService& record) -> Result<> {
            if (record.party == ServiceParty::recipient) {
              queue.service = record.service;
              return {};
            }
            if (!queue.notifier) return fail(ErrorKind::conflict, "the queue has no notifier");
            queue.notifier->service = record.service;
            return {};
          },
          [](const auto&) -> Result<> { return fail(ErrorKind::internal, "not a change of a queue"); },
      },
      change);
}

const RecipientId* queue_of(const StoreRecord& record) {
  return std::visit(Overloaded{
                        [](const CreateQueue& create) -> const RecipientId* { return &create.queue.recipient_id; },
                        [](const NewService&) -> const RecipientId* { return nullptr; },
                        [](const auto& other) -> const RecipientId* { return &other.queue; },
                    },
                    record);
}

std::string format_queue(const QueueRecord& queue) {
  std::string made = "CREATE rid=" + text_of(queue.recipient_id) + " rk=" + keys_text(queue.recipient_keys) +
                     " rdh=" + base64url(queue.dh_secret.reveal()) + " sid=" + text_of(queue.sender_id) + " sk=";
  if (queue.sender_key) made += key_text(*queue.sender_key);
  if (queue.mode) made += *queue.mode == protocol::QueueMode::messaging ? " queue_mode=M" : " queue_mode=C";
  if (queue.link) made += " link_id=" + text_of(queue.link->id) + " queue_data=" + link_text(*queue.link);
  if (queue.notifier) made += " notifier=" + notifier_text(*queue.notifier);
  if (queue.updated) made += " updated_at=" + std::to_string(queue.updated->value());
  if (queue.status == QueueStatus::suspended) made += " status=off";
  if (queue.status == QueueStatus::blocked) {
    made += " status=blocked," + format(queue.blocking ? *queue.blocking : Blocking{});
  }
  if (queue.service) made += " rsrv=" + text_of(*queue.service);
  return made;
}

std::string format_record(const StoreRecord& record) {
  return std::visit(
      Overloaded{
          [](const CreateQueue& create) { return format_queue(create.queue); },
          [](const CreateLink& create) {
            return "LINK " + text_of(create.queue) + ' ' + text_of(create.link.id) + ' ' + link_text(create.link);
          },
          [](const DeleteLink& change) { return "LDELETE " + text_of(change.queue); },
          [](const SecureQueue& change) {
            return "SECURE " + text_of(change.queue) + ' ' + key_text(change.sender_key);
          },
          [](const UpdateKeys& change) {
            return "KEYS " + text_of(change.queue) + ' ' + keys_text(change.recipient_keys);
          },
          [](const AddNotifier& change) {
            return "NOTIFIER " + text_of(change.queue) + ' ' + notifier_text(change.notifier);
          },
          [](const DeleteNotifier& change) { return "NDELETE " + text_of(change.queue); },
          [](const SuspendQueue& change) { return "SUSPEND " + text_of(change.queue); },
          [](const BlockQueue& change) { return "BLOCK " + text_of(change.queue) + ' ' + format(change.blocking); },
          [](const UnblockQueue& change) { return "UNBLOCK " + text_of(change.queue); },
          [](const DeleteQueue& change) { return "DELETE " + text_of(change.queue); },
          [](const UpdateTime& change) {
            return "TIME " + text_of(change.queue) + ' ' + std::to_string(change.date.value());
          },
          [](const NewService& change) { return "NEW_SERVICE " + service_text(change.service); },
          [](const QueueService& change) {
            return "QUEUE_SERVICE " + text_of(change.queue) +
                   (change.party == ServiceParty::recipient ? " R " : " N ") +
                   (change.service ? text_of(*change.service) : std::string());
          },
      },
      record);
}

Result<StoreRecord> parse_record(std::string_view text) {
  LineReader line(text);
  SIMPLEX_ASSIGN(auto record, read_record(line));
  SIMPLEX_TRY(line.finish());
  return record;
}

std::string format_journal_message(const StoredMessage& message) {
  auto made = text_of(message.id) + ' ' + std::to_string(message.sent_at);
  if (message.quota) return made + " quota";
  return made + (message.notification ? " flags=T " : " flags=F ") + base64url(message.body);
}

std::string format_message(const RecipientId& queue, const StoredMessage& message) {
  return "v3 " + text_of(queue) + ' ' + format_journal_message(message);
}

Result<std::shared_ptr<StoredMessage>> parse_journal_message(std::string_view text) {
  LineReader line(text);
  auto message = std::make_shared<StoredMessage>();
  SIMPLEX_ASSIGN(message->id, line.id<MessageId>());
  SIMPLEX_TRY(line.expect(" "));
  SIMPLEX_ASSIGN(message->sent_at, line.number());
  SIMPLEX_TRY(line.expect(" "));
  if (line.rest() == "quota") {
    message->quota = true;
    return message;
  }
  if (line.skip("flags=")) {
    const auto flags = line.word();
    if (flags.empty() || (flags[0] != 'T' && flags[0] != 'F')) return fail(ErrorKind::malformed, "unknown flags");
    message->notification = flags[0] == 'T';
    SIMPLEX_TRY(line.expect(" "));
  }
  SIMPLEX_ASSIGN(message->body, line.content());
  SIMPLEX_TRY(line.finish());
  return message;
}

Result<MessageLine> parse_message(std::string_view text) {
  LineReader line(text);
  SIMPLEX_TRY(line.expect("v3 "));
  SIMPLEX_ASSIGN(const auto queue, line.id<RecipientId>());
  SIMPLEX_TRY(line.expect(" "));
  SIMPLEX_ASSIGN(auto message, parse_journal_message(line.rest()));
  return MessageLine{queue, std::move(message)};
}

}  // namespace simplex::smp::server
