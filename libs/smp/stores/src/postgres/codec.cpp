#include "postgres/codec.hpp"

#include "simplex/crypto/key_encoding.hpp"
#include "simplex/encoding/base64.hpp"
#include "simplex/smp/server/store_record.hpp"

namespace simplex::smp::stores::postgres {

using namespace server;
using server::LinkId;
using server::MessageId;
using server::NotifierId;
using server::RecipientId;
using server::SenderId;
using server::ServiceId;

namespace {

std::unexpected<Error> damaged(std::string_view what) {
  return fail(ErrorKind::storage, "a row of the database can't be understood: its " + std::string(what));
}

template <class Key>
Result<Key> read_public_key(BytesView der) {
  auto key = crypto::from_spki<Key>(der);
  if (!key) return damaged("key");
  return key;
}

Result<std::vector<crypto::AuthPublicKey>> read_keys(BytesView octets) {
  Reader reader(octets);
  auto keys = reader.list([](Reader& one) { return crypto::read_key<crypto::AuthPublicKey>(one); });
  if (!keys || keys->empty() || !reader.finish()) return damaged("recipient keys");
  return keys;
}

Result<> read_status(std::string_view text, QueueRecord& queue) {
  if (text == "active") return {};
  if (text == "off") {
    queue.status = QueueStatus::suspended;
    return {};
  }
  constexpr std::string_view blocked = "blocked,";
  if (!text.starts_with(blocked)) return damaged("status");
  // As the log has it.
  auto record =
      parse_record("BLOCK " + base64url(queue.recipient_id.view()) + ' ' + std::string(text.substr(blocked.size())));
  auto* block = record ? std::get_if<BlockQueue>(&*record) : nullptr;
  if (block == nullptr) return damaged("status");
  queue.status = QueueStatus::blocked;
  queue.blocking = std::make_unique<Blocking>(std::move(block->blocking));
  return {};
}

template <class Id>
void append_id(Values& values, const std::optional<Id>& id) {
  if (id) {
    values.bytes(id->view());
  } else {
    values.null();
  }
}

}  // namespace

Bytes encode_keys(std::span<const crypto::AuthPublicKey> keys) {
  Writer writer;
  writer.list(keys, [](Writer& to, const crypto::AuthPublicKey& key) { crypto::write_key(to, key); });
  return std::move(writer).take();
}

std::string status_text(const QueueRecord& queue) {
  switch (queue.status) {
    case QueueStatus::active: return "active";
    case QueueStatus::suspended: return "off";
    case QueueStatus::blocked: break;
  }
  return "blocked," + format(queue.blocking ? *queue.blocking : Blocking{});
}

Bytes encode_certificates(const std::vector<Bytes>& certificates) {
  Writer writer;
  writer.list(certificates, [](Writer& to, const Bytes& certificate) { to.large_string(certificate); });
  return std::move(writer).take();
}

std::string_view role_text(ServiceRole role) {
  switch (role) {
    case ServiceRole::messaging: return "M";
    case ServiceRole::notifier: return "N";
    case ServiceRole::proxy: break;
  }
  return "P";
}

void append_queue(Values& values, const QueueRecord& queue) {
  values.bytes(queue.recipient_id.view());
  values.bytes(encode_keys(queue.recipient_keys));
  values.bytes(queue.dh_secret.reveal());
  values.bytes(queue.sender_id.view());
  if (queue.sender_key) {
    values.bytes(crypto::to_spki(*queue.sender_key));
  } else {
    values.null();
  }
  if (queue.mode) {
    values.text(*queue.mode == protocol::QueueMode::messaging ? "M" : "C");
  } else {
    values.null();
  }
  if (queue.notifier) {
    values.bytes(queue.notifier->id.view());
    values.bytes(crypto::to_spki(queue.notifier->key));
    values.bytes(queue.notifier->dh_secret.reveal());
    append_id(values, queue.notifier->service);
  } else {
    values.null().null().null().null();
  }
  values.text(status_text(queue));
  if (queue.updated) {
    values.int64(queue.updated->value());
  } else {
    values.null();
  }
  append_id(values, queue.link ? std::optional(queue.link->id) : std::nullopt);
  append_id(values, queue.service);
  if (queue.link) {
    values.bytes(queue.link->fixed);
    values.bytes(queue.link->user);
  } else {
    values.null().null();
  }
}

Result<QueueRecord> read_queue(const Rows& rows, std::size_t row, std::size_t first) {
  QueueRecord made;
  SIMPLEX_ASSIGN(made.recipient_id, read_id<RecipientId>(rows, row, first));
  SIMPLEX_ASSIGN(made.recipient_keys, read_keys(rows.bytes(row, first + 1)));
  auto secret = crypto::X25519Secret::from(rows.bytes(row, first + 2));
  if (!secret) return damaged("secret");
  made.dh_secret = std::move(*secret);
  SIMPLEX_ASSIGN(made.sender_id, read_id<SenderId>(rows, row, first + 3));
  if (!rows.is_null(row, first + 4)) {
    SIMPLEX_ASSIGN(made.sender_key, read_public_key<crypto::AuthPublicKey>(rows.bytes(row, first + 4)));
  }
  if (!rows.is_null(row, first + 5)) {
    const auto mode = rows.text(row, first + 5);
    if (mode != "M" && mode != "C") return damaged("queue mode");
    made.mode = mode == "M" ? protocol::QueueMode::messaging : protocol::QueueMode::contact;
  }
  // As the reference has it: a notifier is there when its three columns are.
  if (!rows.is_null(row, first + 6) && !rows.is_null(row, first + 7) && !rows.is_null(row, first + 8)) {
    NotifierCredentials notifier;
    SIMPLEX_ASSIGN(notifier.id, read_id<NotifierId>(rows, row, first + 6));
    SIMPLEX_ASSIGN(notifier.key, read_public_key<crypto::AuthPublicKey>(rows.bytes(row, first + 7)));
    auto notifier_secret = crypto::X25519Secret::from(rows.bytes(row, first + 8));
    if (!notifier_secret) return damaged("notifier's secret");
    notifier.dh_secret = std::move(*notifier_secret);
    if (!rows.is_null(row, first + 9)) {
      SIMPLEX_ASSIGN(notifier.service, read_id<ServiceId>(rows, row, first + 9));
    }
    made.notifier = std::make_unique<NotifierCredentials>(std::move(notifier));
  }
  SIMPLEX_TRY(read_status(rows.text(row, first + 10), made));
  if (!rows.is_null(row, first + 11)) made.updated = Date(rows.int64(row, first + 11));
  if (!rows.is_null(row, first + 12)) {
    auto link = std::make_shared<LinkData>();
    SIMPLEX_ASSIGN(link->id, read_id<LinkId>(rows, row, first + 12));
    link->fixed = to_bytes(rows.bytes(row, first + 14));
    link->user = to_bytes(rows.bytes(row, first + 15));
    made.link = std::move(link);
  }
  if (!rows.is_null(row, first + 13)) {
    SIMPLEX_ASSIGN(made.service, read_id<ServiceId>(rows, row, first + 13));
  }
  return made;
}

void append_service(Values& values, const ServiceRecord& service) {
  values.bytes(service.id.view());
  values.text(role_text(service.role));
  values.bytes(encode_certificates(service.certificates));
  values.bytes(service.certificate_hash);
  values.int64(service.created.value());
}

Result<ServiceRecord> read_service(const Rows& rows, std::size_t row) {
  ServiceRecord made;
  SIMPLEX_ASSIGN(made.id, read_id<ServiceId>(rows, row, 0));
  const auto role = rows.text(row, 1);
  if (role == "M") {
    made.role = ServiceRole::messaging;
  } else if (role == "N") {
    made.role = ServiceRole::notifier;
  } else if (role == "P") {
    made.role = ServiceRole::proxy;
  } else {
    return damaged("role of a service");
  }
  Reader reader(rows.bytes(row, 2));
  auto certificates = reader.list([](Reader& one) { return one.large_string(); });
  if (!certificates || !reader.finish()) return damaged("certificates of a service");
  for (const auto certificate : *certificates) made.certificates.push_back(to_bytes(certificate));
  made.certificate_hash = to_bytes(rows.bytes(row, 3));
  made.created = Date(rows.int64(row, 4));
  return made;
}

Result<MessagePtr> read_message(const Rows& rows, std::size_t row, std::size_t first, std::uint64_t position) {
  auto made = std::make_shared<StoredMessage>();
  made->position = position;
  SIMPLEX_ASSIGN(made->id, read_id<MessageId>(rows, row, first));
  made->sent_at = rows.int64(row, first + 1);
  made->quota = rows.boolean(row, first + 2);
  made->notification = rows.boolean(row, first + 3) && !made->quota;
  if (!made->quota) made->body = to_bytes(rows.bytes(row, first + 4));
  return MessagePtr(std::move(made));
}

}  // namespace simplex::smp::stores::postgres
