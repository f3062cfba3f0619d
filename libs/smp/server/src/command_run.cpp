#include "command_run.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>

#include "simplex/encoding/base64.hpp"
#include "notifiers.hpp"
#include "services.hpp"

namespace simplex::smp::server {
namespace {

template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};

// Commands that also work on a blocked queue: its owner may get rid of it; SEND has an answer of its own.
bool works_when_blocked(const ClientCommand& command) {
  return std::holds_alternative<command::Send>(command) || std::holds_alternative<command::Off>(command) ||
         std::holds_alternative<command::Del>(command) || std::holds_alternative<command::Nsub>(command);
}

bool speaks_as_sender(const ClientCommand& command) {
  return std::holds_alternative<command::Send>(command) || std::holds_alternative<command::Skey>(command);
}

void ignore(const Result<>&) {}

}  // namespace

ErrorType store_error() { return errors::Store{"the relay cannot store now"}; }

ErrorType blocked_error(const QueueRecord& record) {
  const auto text = "BLOCKED " + format(record.blocking ? *record.blocking : Blocking{});
  Reader reader(as_bytes(text));
  auto read = read_error(reader);
  // A notice of a form that this version does not know is not passed on.
  if (!read) return errors::Blocked{{record.blocking->reason, std::nullopt}};
  return *std::move(read);
}

void CommandRun::run() {
  const auto& command = request_.received.command;
  if (!request_.authorized) {
    if (!authorized()) {
      shard_.count_refused(request_);
      return error(errors::Auth{});
    }
    if (queue_.record.status == QueueStatus::blocked && !works_when_blocked(command)) {
      return error(blocked_error(queue_.record));
    }
    shard_.touch(queue_);
  }
  std::visit([this](const auto& specific) { operate(specific); }, command);
}

bool CommandRun::authorized() {
  const auto& record = queue_.record;
  return std::visit(Overloaded{
                        [&](const command::Skey& skey) { return may_secure(skey.sender_key); },
                        [&](const command::Lkey& lkey) { return may_secure(lkey.sender_key); },
                        [&](const command::Send&) {
                          // Before the queue is secured, anyone may send, without authorization.
                          if (!record.sender_key) return request_.received.authorization.empty();
                          return authorized_with(*record.sender_key);
                        },
                        [&](const command::Lget&) { return record.is_contact(); },
                        [&](const command::Nsub&) {
                          return record.notifier ? authorized_with(record.notifier->key) : refused_like_missing();
                        },
                        [&](const auto&) { return authorized_by_any(record.recipient_keys); },
                    },
                    request_.received.command);
}

bool CommandRun::may_secure(const crypto::AuthPublicKey& key) {
  const auto& record = queue_.record;
  const bool allowed = record.mode == QueueMode::messaging && (!record.sender_key || *record.sender_key == key);
  return allowed ? authorized_with(key) : refused_like_missing();
}

bool CommandRun::authorized_by_any(std::span<const crypto::AuthPublicKey> keys) {
  return std::ranges::any_of(keys, [&](const auto& key) { return authorized_with(key); });
}

bool CommandRun::refused_like_missing() {
  return verify_nothing(request_.session->params(), request_.received, request_.session->key_or_null());
}

bool CommandRun::authorized_with(const crypto::AuthPublicKey& key) {
  const auto* agreed = std::get_if<crypto::X25519PublicKey>(&key);
  // What a service signed is authorized with the service's certificate, by the ordinary way.
  if (agreed != nullptr && request_.session->key && request_.received.authorization.size() == 80 &&
      !request_.received.service_signature) {
    return authorized_by_agreement(*agreed);
  }
  return verify(request_.session->params(), request_.received, key, request_.session->key_or_null(),
                Services::signed_with(*request_.session, request_.received));
}

bool CommandRun::authorized_by_agreement(const crypto::X25519PublicKey& key) {
  const auto& received = request_.received;
  const BytesView session_id = request_.session->session_id;
  const auto size = static_cast<std::uint8_t>(session_id.size());
  const auto check = [&](const crypto::BoxKey& box) {
    return crypto::verify_authenticator(
        box, crypto::cb_nonce(received.corr_id.view()), *crypto::Authenticator::from(received.authorization),
        {BytesView(&size, 1), session_id, received.body_after_session_id});  // protocol::authorized_bytes
  };
  const auto part = speaks_as_sender(received.command) ? &QueueUse::with_sender : &QueueUse::with_recipient;
  const auto& known = queue_.use().*part;
  if (known && known->client == request_.client && known->key == key) return check(known->box);
  auto box = crypto::box_key(key, *request_.session->key);
  if (!box) return false;
  if (!check(*box)) return false;
  queue_.begin_use().*part = std::make_unique<Agreement>(Agreement{request_.client, key, std::move(*box)});
  return true;
}

QueueReader* CommandRun::fetcher() {
  auto* use = queue_.use_or_null();
  if (use == nullptr) return nullptr;
  const auto found = std::ranges::find(use->fetchers, request_.client, &QueueReader::client);
  return found == use->fetchers.end() ? nullptr : &*found;
}

PendingDelivery* CommandRun::delivered() {
  auto* use = queue_.use_or_null();
  if (use == nullptr) return nullptr;
  if (is_subscriber()) return &use->delivered;
  auto* reader = fetcher();
  return reader != nullptr ? &reader->delivered : nullptr;
}

void CommandRun::run_with_first() {
  // Only SEND comes here while an acknowledged message is removed.
  if (queue_.use().removal || queue_.changing) return wait_for_store();
  if (auto again = run_again()) shard_.load_first(queue_, std::move(again));
}

void CommandRun::run_counted() {
  if (queue_.use().removal || queue_.changing || queue_.storing > 0) return wait_for_store();
  if (auto again = run_again()) shard_.recount(queue_, std::move(again));
}

void CommandRun::wait_for_store() {
  request_.authorized = true;
  queue_.senders_wait = true;
  shard_.wait(queue_.begin_use().deferred, std::move(request_));
}

std::move_only_function<void(Queue&, Result<>)> CommandRun::run_again() {
  request_.authorized = true;
  auto place = shard_.waiting_room_->enter(request_, shard_.settings_.resident.waiting_octets);
  if (!place) {
    ++shard_.statistics_.refused_waiting;
    error(store_error());
    return nullptr;
  }
  request_.own();
  return [&shard = shard_, request = std::move(request_), place = std::move(*place)](Queue& queue,
                                                                                     const Result<>& loaded) mutable {
    if (!loaded) return shard.error(request.origin(), store_error());
    CommandRun(shard, queue, request).run();
  };
}

void CommandRun::operate(const command::Sub&) {
  auto& statistics = shard_.statistics_;
  const bool again = is_subscriber();
  if (!again && fetcher() != nullptr) {
    ++statistics.subscriptions_prohibited;
    return error(CommandError::prohibited);
  }
  if (shard_.services_->subscribe(queue_, request_)) return;
  if (!shard_.knows_first(queue_)) return run_with_first();
  shard_.subscribe(queue_, request_.client);
  if (auto* use = queue_.use_or_null()) use->delivered.reset();
  if (again) ++statistics.subscriptions_duplicate;
  if (!again && queue_.use().messages.count() > 0) ++statistics.subscriptions;
  shard_.answer(origin_, broker::Sok{}, again ? 0 : 1);
  shard_.deliver_next(queue_);
}

void CommandRun::operate(const command::Get&) {
  auto& statistics = shard_.statistics_;
  if (is_subscriber()) {
    ++statistics.gets_prohibited;
    return error(CommandError::prohibited);
  }
  if (!shard_.knows_first(queue_)) return run_with_first();
  auto* reader = fetcher();
  if (reader == nullptr) {
    auto& of_client = shard_.client_queues_[request_.client];
    of_client.fetched.push_back(queue_.record.recipient_id);
    reader = &queue_.begin_use().fetchers.emplace_back(
        QueueReader{request_.client, {*shard_.unacknowledged_, of_client.unacknowledged}});
  }
  const bool again = reader->delivered.take().has_value();
  const auto message = queue_.use().messages.first();
  if (!message) {
    ++statistics.gets_without_message;
    return shard_.answer(origin_, broker::Ok{});
  }
  ++(again ? statistics.gets_duplicate : statistics.gets);
  shard_.hand_out(origin_, queue_, reader->delivered, message, true);
}

void CommandRun::operate(const command::Ack& ack) {
  const bool fetched = !is_subscriber();
  auto* pending = delivered();
  if (pending == nullptr || !*pending) return error(errors::NoMsg{});
  // An empty id means that it is delivered again.
  const bool removes = !ack.message_id.empty();
  if (removes && !std::ranges::equal(ack.message_id.view(), (*pending)->id.view())) {
    return error(errors::NoMsg{});
  }
  const auto message = *pending->take();
  const auto go_on = [&shard = shard_, origin = origin_, message, fetched, removes](Queue& queue,
                                                                                    const Result<>& removed) {
    if (!removed) return shard.error(origin, store_error());
    if (removes && !message.gone) count_removed(shard, queue, message, fetched);
    if (fetched) return shard.answer(origin, broker::Ok{});
    acknowledged(shard, origin, queue);
  };
  if (!removes) return go_on(queue_, {});
  shard_.remove_acknowledged(queue_, message, go_on);
}

void CommandRun::count_removed(Shard& shard, const Queue& queue, const DeliveredMessage& message, bool fetched) {
  if (message.quota) return;
  auto& statistics = shard.statistics_;
  ++statistics.messages_received;
  if (fetched) ++statistics.messages_received_by_get;
  if (message.notification) ++statistics.messages_received_with_notification;
  const auto took = seconds_since_epoch(shard.clock_.wall()) - message.delivered_at;
  statistics.ack_times.add(static_cast<std::uint64_t>(std::max<std::int64_t>(took, 0)));
  if (shard.active_queues_ != nullptr) {
    shard.active_queues_->note(activity_hash(queue.record.recipient_id.view()), message.notification);
  }
}

void CommandRun::acknowledged(Shard& shard, const Origin& origin, Queue& queue) {
  if (queue.subscriber == origin.client && !shard.knows_first(queue) && !queue.changing) {
    return shard.load_first(queue, [&shard, origin](Queue& loaded, const Result<>& result) {
      // Removed it is; what comes next is delivered when the store answers.
      if (!result) return shard.answer(origin, broker::Ok{});
      acknowledged(shard, origin, loaded);
    });
  }
  answer_next(shard, origin, queue);
}

void CommandRun::answer_next(Shard& shard, const Origin& origin, Queue& queue) {
  const bool waits = queue.subscriber == origin.client && !queue.has_delivered();
  const auto next = waits && shard.knows_first(queue) ? queue.use().messages.first() : nullptr;
  if (!next) {
    shard.services_->return_reader(queue);
    return shard.answer(origin, broker::Ok{});
  }
  shard.hand_out(origin, queue, next, true);
}

void CommandRun::operate(const command::Send& send) {
  auto& statistics = shard_.statistics_;
  if (send.body.size() > max_message_length(request_.session->version)) {
    ++statistics.messages_too_large;
    return error(errors::LargeMsg{});
  }
  const auto& record = queue_.record;
  if (record.status == QueueStatus::suspended) {
    ++statistics.messages_refused;
    return error(errors::Auth{});
  }
  if (record.status == QueueStatus::blocked) {
    ++statistics.messages_to_blocked;
    return error(blocked_error(record));
  }
  if (record.link && record.is_secured_messaging()) {
    // A one-time link was used: its data is of no use any more.
    const auto link = record.link;
    shard_.change_soon(queue_, DeleteLink{record.recipient_id});
    shard_.release(IdKind::link, link->id.view(), record.recipient_id);
  }
  // Only a queue that seems to be full has to know of every message that expired.
  const auto seems_full = [&] {
    return queue_.size() >= shard_.settings_.queue_quota || (queue_.full && queue_.size() > 0);
  };
  const bool knows_first = shard_.knows_first(queue_);
  if (seems_full()) {
    if (!shard_.is_counted(queue_)) return run_counted();
    const auto before = shard_.expired_before();
    if (!knows_first && before && queue_.use().messages.first_may_be_before(*before)) return run_with_first();
  }
  if (queue_.full && queue_.size() > 0) {
    ++statistics.messages_over_quota;
    return error(errors::Quota{});
  }

  auto message = std::make_shared<StoredMessage>();
  message->id = *MessageId::from(shard_.random_.bytes(shard_.settings_.message_id_octets));
  message->sent_at = seconds_since_epoch(shard_.clock_.wall());
  message->position = queue_.next_position++;
  queue_.full = queue_.size() >= shard_.settings_.queue_quota;
  message->quota = queue_.full;
  if (!queue_.full) {
    message->notification = send.flags.notification;
    message->body = to_bytes(send.body.bytes);
  }
  ++queue_.storing;
  MessagePtr stored = std::move(message);
  shard_.store_->add_message(
      record.recipient_id, stored,
      [&shard = shard_, origin = origin_, id = record.recipient_id, stored](const Result<>& added) {
        auto* queue = shard.find(id);
        if (queue != nullptr) --queue->storing;
        const bool waited_for = queue != nullptr && queue->storing == 0 && queue->senders_wait;
        answer_sent(shard, origin, id, queue, stored, added.has_value());
        if (waited_for) shard.run_deferred(id);
      });
}

void CommandRun::answer_sent(Shard& shard, const Origin& origin, const RecipientId& id, Queue* queue,
                             const MessagePtr& message, bool stored) {
  if (!stored) {
    if (queue != nullptr && message->quota) queue->full = false;
    return shard.error(origin, store_error());
  }
  if (queue != nullptr) {
    shard.notifiers_->notify(*queue, *message);
    shard.stored(*queue, message);
  }
  if (message->quota) {
    ++shard.statistics_.messages_over_quota;
    return shard.error(origin, errors::Quota{});
  }
  ++shard.statistics_.messages_sent;
  if (message->notification) ++shard.statistics_.messages_sent_with_notification;
  if (shard.active_queues_ != nullptr) shard.active_queues_->note(activity_hash(id.view()), message->notification);
  shard.answer(origin, broker::Ok{});
}

void CommandRun::secure(const crypto::AuthPublicKey& key, bool with_link) {
  const auto& record = queue_.record;
  if (record.sender_key && *record.sender_key != key) return error(errors::Auth{});
  const auto secured = [&shard = shard_, origin = origin_, with_link](Queue& queue, const Result<>& written) {
    if (!written) return shard.error(origin, store_error());
    ++shard.statistics_.queues_secured;
    if (with_link) return shard.answer_link(origin, queue);
    shard.answer(origin, broker::Ok{});
  };
  // The same key again: the answer to the first was lost.
  if (record.sender_key) return secured(queue_, {});
  shard_.change(queue_, SecureQueue{record.recipient_id, key}, secured);
}

void CommandRun::write_change(StoreRecord record) {
  shard_.change(queue_, std::move(record), [&shard = shard_, origin = origin_](Queue&, const Result<>& written) {
    if (!written) return shard.error(origin, store_error());
    shard.answer(origin, broker::Ok{});
  });
}

void CommandRun::operate(const command::Rkey& keys) {
  if (queue_.record.mode != QueueMode::contact) return error(errors::Auth{});
  write_change(UpdateKeys{queue_.record.recipient_id, keys.recipient_keys});
}

void CommandRun::operate(const command::Lset& set) {
  const auto& record = queue_.record;
  const auto id = LinkId::from(set.link_id.view());
  if (record.is_secured_messaging() || !id) return error(errors::Auth{});
  LinkData link{*id, to_bytes(set.data.fixed.bytes), to_bytes(set.data.user.bytes)};
  if (record.link) {
    // Whether it is the same fixed data, the store says that keeps it.
    if (record.link->id != link.id || (!shard_.resident_ && record.link->fixed != link.fixed)) {
      return error(errors::Auth{});
    }
    return write_link(std::move(link));
  }
  queue_.changing = true;  // nothing else happens to the queue while the directory of the link answers
  shard_.reserve(
      IdKind::link, *DirectoryId::from(link.id.view()), record.recipient_id,
      [&shard = shard_, origin = origin_, id = record.recipient_id, link = std::move(link)](auto outcome) mutable {
        auto* queue = shard.find(id);
        if (queue == nullptr) return;
        queue->changing = false;
        if (outcome != between_shards::Reservation::granted) {
          const bool taken = outcome == between_shards::Reservation::taken;
          shard.error(origin, taken ? ErrorType(errors::Auth{}) : store_error());
          return shard.run_deferred(id);
        }
        const auto name = link.id;
        shard.change(*queue, CreateLink{id, std::move(link)},
                     [&shard, origin, name](Queue& changed, const Result<>& written) {
                       if (!written) {
                         shard.release(IdKind::link, name.view(), changed.record.recipient_id);
                         return shard.error(origin, store_error());
                       }
                       shard.kept(IdKind::link, name.view(), changed.record.recipient_id);
                       shard.answer(origin, broker::Ok{});
                     });
      });
}

void CommandRun::write_link(LinkData link) {
  shard_.change(queue_, CreateLink{queue_.record.recipient_id, std::move(link)},
                [&shard = shard_, origin = origin_](Queue&, const Result<>& written) {
                  if (written) return shard.answer(origin, broker::Ok{});
                  const bool another = written.error().kind == ErrorKind::conflict;
                  shard.error(origin, another ? ErrorType(errors::Auth{}) : store_error());
                });
}

void CommandRun::operate(const command::Ldel&) {
  if (!queue_.record.link) return shard_.answer(origin_, broker::Ok{});
  const auto link = queue_.record.link;
  shard_.change(queue_, DeleteLink{queue_.record.recipient_id},
                [&shard = shard_, origin = origin_, link](Queue& queue, const Result<>& written) {
                  if (!written) return shard.error(origin, store_error());
                  shard.release(IdKind::link, link->id.view(), queue.record.recipient_id);
                  shard.answer(origin, broker::Ok{});
                });
}

void CommandRun::operate(const command::Nkey& notifier) {
  const auto& record = queue_.record;
  const auto ours = crypto::generate_x25519(shard_.random_);
  auto secret = crypto::dh(notifier.keys.dh_key, ours.private_key);
  if (!secret) return error(errors::Auth{});
  const auto name = shard_.new_id(IdKind::notifier);
  if (!shard_.take_id(IdKind::notifier, name, record.recipient_id)) return error(errors::Internal{});
  const auto id = *NotifierId::from(name.view());
  const auto previous = std::make_shared<const std::unique_ptr<NotifierCredentials>>(
      record.notifier ? std::make_unique<NotifierCredentials>(record.notifier->clone()) : nullptr);
  shard_.change(
      queue_, AddNotifier{record.recipient_id, {id, notifier.keys.auth_key, std::move(*secret), std::nullopt}},
      [&shard = shard_, origin = origin_, id, previous, key = ours.public_key](Queue& queue, const Result<>& written) {
        if (!written) {
          shard.release(IdKind::notifier, id.view(), queue.record.recipient_id);
          return shard.error(origin, store_error());
        }
        if (const auto& old = *previous) {
          shard.release(IdKind::notifier, old->id.view(), queue.record.recipient_id);
          shard.services_->notifier_removed(*old, queue.record.recipient_id, origin.client);
        }
        ++shard.statistics_.notifiers_created;
        shard.answer(origin, broker::Nid{smp::NotifierId(id.view()), key});
      });
}

void CommandRun::operate(const command::Ndel&) {
  if (!queue_.record.notifier) return shard_.answer(origin_, broker::Ok{});
  shard_.change(queue_, DeleteNotifier{queue_.record.recipient_id},
                [&shard = shard_, origin = origin_,
                 old = std::make_shared<const NotifierCredentials>(queue_.record.notifier->clone())](
                    Queue& queue, const Result<>& written) {
                  if (!written) return shard.error(origin, store_error());
                  ++shard.statistics_.notifiers_deleted;
                  shard.release(IdKind::notifier, old->id.view(), queue.record.recipient_id);
                  shard.services_->notifier_removed(*old, queue.record.recipient_id, origin.client);
                  shard.answer(origin, broker::Ok{});
                });
}

void CommandRun::operate(const command::Nsub&) { shard_.notifiers_->subscribe(queue_, request_); }

void CommandRun::operate(const command::Off&) { write_change(SuspendQueue{queue_.record.recipient_id}); }

void CommandRun::operate(const command::Del&) {
  shard_.change(queue_, DeleteQueue{queue_.record.recipient_id},
                [&shard = shard_, origin = origin_](Queue& queue, const Result<>& written) {
                  if (!written) return shard.error(origin, store_error());
                  const bool own = !queue.record.service && queue.subscriber == origin.client;
                  shard.deleted(queue, origin.client);
                  shard.answer(origin, broker::Ok{}, own ? -1 : 0);
                });
}

void CommandRun::operate(const command::Que&) {
  if (!shard_.is_counted(queue_)) return run_counted();
  if (!shard_.knows_first(queue_)) return run_with_first();
  QueueState state;
  state.secured = queue_.record.sender_key.has_value();
  state.notifications = queue_.record.notifier != nullptr;
  state.size = static_cast<std::int64_t>(queue_.size());
  const auto read_as = [&](SubscriptionState kind, const PendingDelivery& pending) {
    QueueState::Subscription subscription{kind, std::nullopt};
    if (pending) subscription.delivered = base64_standard(pending->id.view());
    state.subscription = std::move(subscription);
  };
  if (is_subscriber()) {
    read_as(SubscriptionState::none, queue_.use().delivered);
  } else if (const auto* reader = fetcher()) {
    read_as(SubscriptionState::prohibited, reader->delivered);
  }
  if (const auto message = queue_.use().messages.first()) {
    const auto& first = *message;
    state.first_message = QueueState::FirstMessage{
        base64_standard(first.id.view()), fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time_t{first.sent_at})),
        first.quota ? StoredMessageKind::quota : StoredMessageKind::message};
  }
  shard_.answer(origin_, broker::Info{std::move(state)});
}

void Shard::touch(Queue& queue) {
  const auto today = date_of(seconds_since_epoch(clock_.wall()));
  if (queue.record.updated == today) return;
  change_soon(queue, UpdateTime{queue.record.recipient_id, today});
}

void Shard::change_soon(Queue& queue, const StoreRecord& record) {
  if (apply_change(record, queue.record)) store_->write(record, ignore);
}

}  // namespace simplex::smp::server
