#include "delivery.hpp"

#include <algorithm>

#include "simplex/crypto/pad.hpp"
#include "simplex/smp/client_message.hpp"
#include "failures.hpp"

namespace simplex::agent {
namespace {

// On their way to one queue at once. More brings nothing: their answers come together.
constexpr std::size_t most_in_flight = 16;
// Relays allow 128 messages in a queue, unless their operators change it.
constexpr std::int64_t surely_free = 64;

bool is_confirmation(DeliveryKind kind) { return kind == DeliveryKind::info || kind == DeliveryKind::info_reply; }

bool notifies(DeliveryKind kind) {
  return kind != DeliveryKind::other && kind != DeliveryKind::cover && kind != DeliveryKind::queue_keys &&
         kind != DeliveryKind::queue_use;
}

}  // namespace

// ---- accepting ------------------------------------------------------------------------------------------------------

Result<MessageId> DeliveryQueues::enqueue(const Connection& connection, const SndQueue& queue, DeliveryKind kind,
                                          AMessage message, std::optional<SharedBody> shared, bool notify) {
  if (connection.doubt != KeyDoubt::none) {
    return fail(ErrorKind::conflict, "The database is an old copy: new encryption keys have to be agreed on first.",
                Advice::retry);
  }
  const bool waits_to_be_mixed = kind == DeliveryKind::user || std::holds_alternative<message::Receipts>(message);
  SIMPLEX_ASSIGN(auto numbers, core_.connections.next_to_send(connection.key));
  auto plaintext = encode(AgentMessage{numbers.number, numbers.previous, std::move(message)});
  const auto padded = padded_message_size(connection.agent_version, connection.pq);
  if (!crypto::fits_padded(plaintext.size(), padded)) {
    return fail(ErrorKind::limit, "The message is too long.", Advice::ask_user);
  }
  const auto hash = hash_of(plaintext);
  SIMPLEX_TRY(core_.connections.set_sent_hash(connection.key, hash));
  std::optional<crypto::PqEncryption> pq;
  if (kind == DeliveryKind::user) {
    pq = connection.pq_wanted;
    SIMPLEX_TRY(core_.messages.insert_sent(connection.key, numbers.number, {numbers.message, hash}, core_.now()));
  }
  SIMPLEX_ASSIGN(auto prepared, core_.ratchets.encrypt_header(connection.key, pq, core_.config.versions.e2e.max));
  std::optional<WallTime> not_before;
  if (connection.max_delay > Duration::zero() && waits_to_be_mixed) {
    const auto most = static_cast<std::uint64_t>(connection.max_delay.count());
    not_before = core_.now() + Duration(static_cast<Duration::rep>(core_.dependencies.random.below(most + 1)));
  }
  SIMPLEX_TRY(store({.key = {},
                     .conn = connection.key,
                     .queue = queue.key,
                     .message = numbers.message,
                     .kind = kind,
                     .encrypt_key = std::move(prepared.key),
                     .padded_size = padded,
                     .plaintext = std::move(plaintext),
                     .pq = prepared.pq,
                     .created = core_.now(),
                     .shared = shared,
                     .notify = notify,
                     .not_before = not_before}));
  return numbers.message;
}

// A confirmation counts as the first message of its direction, though its number is not written in it.
Result<> DeliveryQueues::enqueue_confirmation(const Connection& connection, const SndQueue& queue,
                                              const RatchetContent& content) {
  SIMPLEX_ASSIGN(auto numbers, core_.connections.next_to_send(connection.key));
  auto plaintext = encode(content);
  const auto padded = padded_info_size(connection.agent_version, connection.pq);
  if (!crypto::fits_padded(plaintext.size(), padded)) {
    return fail(ErrorKind::limit, "The connection information is too long.", Advice::ask_user);
  }
  SIMPLEX_TRY(core_.connections.set_sent_hash(connection.key, hash_of(plaintext)));
  SIMPLEX_ASSIGN(auto prepared, core_.ratchets.encrypt_header(connection.key, crypto::to_encryption(connection.pq),
                                                              core_.config.versions.e2e.max));
  return store(
      {.key = {},
       .conn = connection.key,
       .queue = queue.key,
       .message = numbers.message,
       .kind = std::holds_alternative<AgentConnInfoReply>(content) ? DeliveryKind::info_reply : DeliveryKind::info,
       .encrypt_key = std::move(prepared.key),
       .padded_size = padded,
       .plaintext = std::move(plaintext),
       .pq = prepared.pq,
       .created = core_.now()});
}

Result<> DeliveryQueues::enqueue_receipt(const Connection& connection, const StoredMessage& message) {
  SIMPLEX_ASSIGN(const auto queue, core_.queues.snd_queue_of(connection.key));
  const bool understood = connection.agent_version >= receipts_agent_version && !message.hash.empty();
  if (!queue || !connection.may_send() || !understood) return {};
  message::Receipts receipts;
  receipts.receipts.push_back({message.content.sender_message, message.hash, {}});
  SIMPLEX_TRY(enqueue(connection, *queue, DeliveryKind::other, std::move(receipts)));
  return {};
}

Result<> DeliveryQueues::enqueue_ratchet_keys(const Connection& connection, const crypto::E2eRatchetParams& keys) {
  SIMPLEX_ASSIGN(const auto queue, core_.queues.snd_queue_of(connection.key));
  if (!queue) return not_connected();
  const auto info = encode(AgentRatchetInfo{});
  return store({.key = {},
                .conn = connection.key,
                .queue = queue->key,
                .message = {},
                .kind = DeliveryKind::ratchet_keys,
                .encrypt_key = std::nullopt,
                .padded_size = 0,
                .plaintext = encode(AgentRatchetKey{core_.config.versions.agent.max, keys, Content(info)}),
                .pq = false,
                .created = core_.now()});
}

Result<> DeliveryQueues::enqueue_request(const Connection& connection, const AddressRequest& request,
                                         const protocol::InvitationLink& invitation) {
  SIMPLEX_ASSIGN(auto queue, make_snd_queue(core_.dependencies.random, connection.key, request.queue, request.client));
  queue.purpose = QueuePurpose::request;
  SIMPLEX_ASSIGN(queue.key, core_.queues.insert(queue));
  return store({.key = {},
                .conn = connection.key,
                .queue = queue.key,
                .message = {},
                .kind = DeliveryKind::request,
                .encrypt_key = std::nullopt,
                .padded_size = 0,
                .plaintext = encode(AgentInvitation{request.agent, invitation, Content(request.info)}),
                .pq = false,
                .created = core_.now()});
}

Result<> DeliveryQueues::enqueue_add(const Connection& connection, const SndQueue& queue, const RcvQueue& added,
                                     const RcvQueue& replaced) {
  message::QueueAdd message;
  message.queues.push_back({.queue = {core_.config.versions.smp_client, added.address()},
                            .replaces = SenderQueue{replaced.server, replaced.sender_id}});
  SIMPLEX_TRY(enqueue(connection, queue, DeliveryKind::other, std::move(message)));
  return {};
}

Result<> DeliveryQueues::enqueue_use(const Connection& connection, const SndQueue& queue, const RcvQueue& use) {
  message::QueueUse message;
  message.queues.push_back({.queue = {use.server, use.sender_id}, .primary = true});
  SIMPLEX_TRY(enqueue(connection, queue, DeliveryKind::queue_use, std::move(message)));
  return {};
}

Result<> DeliveryQueues::offer_keys(const Connection& connection, const SndQueue& added) {
  SIMPLEX_ASSIGN(const auto current, core_.queues.snd_queue_of(connection.key));
  if (!current) return {};
  SIMPLEX_ASSIGN(const auto waiting, core_.messages.waiting(current->key, DeliveryKind::queue_keys));
  const bool later = waiting > 0 || !connection.may_send();
  SIMPLEX_TRY(core_.queues.set_keys_due(added.key, later));
  if (later) return {};
  message::QueueKeys keys;
  const protocol::QueueAddress address{
      .server = added.server, .sender_id = added.sender_id, .dh_key = added.dh_public, .mode = added.mode};
  keys.queues.push_back({.queue = {added.client_version, address}, .sender_key = crypto::public_key(added.sender_key)});
  SIMPLEX_TRY(enqueue(connection, *current, DeliveryKind::queue_keys, std::move(keys)));
  return {};
}

Result<> DeliveryQueues::offer_keys_if_due(const Connection& connection) {
  SIMPLEX_ASSIGN(const auto added, core_.queues.snd_replacement_of(connection.key));
  if (!added || !added->parked()) return {};
  SIMPLEX_ASSIGN(const bool due, core_.queues.keys_due(added->key));
  return due ? offer_keys(connection, *added) : Result<>();
}

Result<> DeliveryQueues::store(Delivery delivery) {
  delivery.notify = delivery.notify && notifies(delivery.kind);
  SIMPLEX_ASSIGN(delivery.key, core_.messages.insert(delivery));
  core_.turn.after_commit([this, key = delivery.key, queue = delivery.queue] {
    committed_ = std::max(committed_, key);
    kick(queue);
  });
  if (delivery.kind == DeliveryKind::request) return {};
  return store_twin(std::move(delivery));
}

// ---- sending --------------------------------------------------------------------------------------------------------

Result<> DeliveryQueues::start() {
  SIMPLEX_ASSIGN(committed_, core_.messages.last());
  SIMPLEX_ASSIGN(const auto queues, core_.messages.queues_with_deliveries());
  for (const auto queue : queues) kick(queue);
  return {};
}

void DeliveryQueues::stop() { queues_.clear(); }

void DeliveryQueues::kick(SndQueueKey queue) {
  const auto found = queues_.find(queue);
  if (found != queues_.end() &&
      (found->second.settling || found->second.timer.armed() || found->second.waiting || !found->second.has_room())) {
    return;
  }
  if (auto done = send_some(queue); !done) core_.storage_failed(done.error());
}

bool DeliveryQueues::Sending::has_room() const {
  if (in_flight == 0) return true;
  return !alone && !settling && !trying && in_flight < most_in_flight &&
         unread + static_cast<std::int64_t>(in_flight) < surely_free;
}

// Until a queue is in use the answer decides what comes next.
bool DeliveryQueues::goes_alone(const Delivery& delivery, const SndQueue& queue) {
  return is_confirmation(delivery.kind) || delivery.kind == DeliveryKind::hello ||
         delivery.kind == DeliveryKind::request || !carries_messages(queue.purpose);
}

Result<> DeliveryQueues::send_some(SndQueueKey queue_key) {
  auto found = queues_.find(queue_key);
  std::optional<SndQueue> queue;
  for (;;) {
    const bool others = found != queues_.end() && found->second.in_flight > 0;
    if (others && !found->second.has_room()) return {};
    SIMPLEX_ASSIGN(auto delivery,
                   core_.messages.first_of(queue_key, others ? found->second.last : DeliveryKey(), committed_));
    if (delivery && !queue) {
      SIMPLEX_ASSIGN(queue, core_.queues.snd_queue(queue_key));
    }
    if (!delivery || !queue || queue->parked()) {
      // What is known of the peer's reading serves the next message.
      if (found != queues_.end() && !others && found->second.unread >= surely_free) queues_.erase(found);
      return {};
    }
    if (found == queues_.end()) {
      // All that was ever sent to the peer may wait there.
      SIMPLEX_ASSIGN(const auto sent, core_.connections.last_sent(delivery->conn));
      found = queues_.try_emplace(queue_key, core_.config.timeouts, sent.value()).first;
    }
    auto& sending = found->second;
    if (const auto left = left_of_delay(*delivery); left > Duration::zero()) {
      if (!others) hold(queue_key, sending, left);  // else after their answers
      return {};
    }
    if (!others) {
      SIMPLEX_ASSIGN(const auto connection, core_.connections.by_key(delivery->conn));
      const auto way = routes_.way(connection, queue->server);
      sending.relay = way.relay;
      sending.proxied = way.proxied;
      sending.counts = way.relay != nullptr && !way.proxied
                           ? &way.relay->counts()
                           : &core_.statistics.at(connection.user, protocol::format(queue->server));
      sending.alone = false;
      if (way.relay == nullptr) {
        retry(queue_key, sending, *delivery, Routes::no_way());
        return {};
      }
    }
    if (sending.relay->client() == nullptr) {
      if (others) return {};  // their answers come first
      sending.waiting = true;
      relays_.need(*sending.relay);
      return {};
    }
    // Proxies and relays may take up forwarded commands in another order.
    const bool alone = sending.proxied || goes_alone(*delivery, *queue);
    if (alone && others) return {};
    sending.alone = alone;
    SIMPLEX_TRY(send_one(std::move(*delivery), *queue, sending));
  }
}

Result<> DeliveryQueues::send_one(Delivery delivery, const SndQueue& queue, Sending& sending) {
  SIMPLEX_ASSIGN(const auto body, body_of(delivery, queue));
  const bool unsigned_ =
      delivery.kind == DeliveryKind::request ||
      (is_confirmation(delivery.kind) && !protocol::sender_can_secure(queue.mode) && !sending.secured);
  const smp::MessageFlags flags{.notification = delivery.notify};
  ++sending.in_flight;
  sending.last = delivery.key;
  const auto* key = unsigned_ ? nullptr : &queue.sender_key;
  smp::client::Done<> done =
      [this, delivery = std::move(delivery), proxy = sending.proxied ? sending.relay->name() : std::string()](
          const smp::client::Outcome<>& outcome) mutable { answered(std::move(delivery), outcome, proxy); };
  sending.counts->add(sending.proxied ? RelayCounter::sent_via_proxy_attempts : RelayCounter::sent_direct_attempts);
  if (sending.proxied) {
    sending.relay->counts().add(RelayCounter::sent_proxied_attempts);
    routes_.send_message({sending.relay, true}, queue.server, queue.sender_id, key, flags, body, std::move(done));
  } else {
    sending.relay->client()->send_message(queue.sender_id, key, flags, body, std::move(done));
  }
  return {};
}

Result<Bytes> DeliveryQueues::body_of(const Delivery& delivery, const SndQueue& queue) {
  smp::PublicHeader header{queue.client_version, std::nullopt};
  if (delivery.kind == DeliveryKind::request) header.dh_key = queue.dh_public;
  if (!delivery.encrypt_key) {
    return smp::seal_client_message(queue.e2e_key, crypto::random_nonce(core_.dependencies.random), header,
                                    {std::nullopt, Content(delivery.plaintext)});
  }
  SIMPLEX_ASSIGN(const auto encrypted, delivery.encrypt_key->encrypt(delivery.plaintext, delivery.padded_size));
  Bytes envelope;
  std::optional<crypto::AuthPublicKey> sender_key;
  if (is_confirmation(delivery.kind)) {
    header.dh_key = queue.dh_public;
    // Where we could secure the queue ourselves the relay has our key already.
    if (!protocol::sender_can_secure(queue.mode)) sender_key = crypto::public_key(queue.sender_key);
    SIMPLEX_ASSIGN(const auto connection, core_.connections.by_key(delivery.conn));
    std::optional<crypto::E2eRatchetParams> e2e;
    if (delivery.kind == DeliveryKind::info_reply) {
      SIMPLEX_ASSIGN(e2e, core_.ratchets.e2e_params(delivery.conn));
    }
    envelope = encode(AgentConfirmation{connection.agent_version, e2e, Content(encrypted)});
  } else {
    envelope = encode(AgentMessageEnvelope{core_.config.versions.agent.max, Content(encrypted)});
  }
  return smp::seal_client_message(queue.e2e_key, crypto::random_nonce(core_.dependencies.random), header,
                                  {sender_key, Content(envelope)});
}

void DeliveryQueues::answered(Delivery delivery, const smp::client::Outcome<>& outcome, const std::string& proxy) {
  const auto queue = delivery.queue;
  const auto found = queues_.find(queue);
  if (found == queues_.end()) return;
  auto& sending = found->second;
  --sending.in_flight;
  count(sending, outcome);
  Result<> done;
  if (outcome) {
    ++sending.unread;
    sending.taken = std::max(sending.taken, delivery.message);
    if (!sending.settling) {
      // A queue that was full takes one when it is empty.
      if (std::exchange(sending.full, false)) sending.unread = 1;
      sending.trying = false;
      sending.fast.reset();
      sending.slow.reset();
    }
    const auto removed = [&] { return sent(delivery, proxy); };
    done = delivery.kind == DeliveryKind::user ? core_.turn.run_unhurried(removed) : core_.turn.run(removed);
  } else {
    const auto& why = outcome.error();
    bool other_way = false;
    if (why.at_proxy && cannot_route(why)) {
      const auto elsewhere = goes_elsewhere(queue, *sending.relay);
      if (!elsewhere) return core_.storage_failed(elsewhere.error());
      other_way = *elsewhere;
    }
    const bool full = why.is<smp::errors::Quota>() && !is_confirmation(delivery.kind);
    if (why.kind == smp::client::Failure::Kind::network) {  // the session is ending
      ++sending.unread;                                     // the relay may have it
      sending.lost = sending.settling = true;
    } else if (other_way) {
      sending.settling = true;
    } else if (full || tries_again(delivery.kind, why)) {
      if (!full) ++sending.unread;
      if (!sending.failed) sending.failed = Failed{std::move(delivery), why};
      sending.full = sending.full || full;
      sending.trying = sending.settling = true;
    } else if (is_confirmation(delivery.kind) && failure_of(why) == Failure::authorization &&
               !std::exchange(sending.secured, true)) {
      // An earlier one may have arrived, and the peer has secured the queue with the key in it: this one then needs it.
      sending.settling = true;
    } else {
      if (!sending.settling) {
        sending.fast.reset();
        sending.slow.reset();
      }
      done = core_.turn.run([&] { return give_up(delivery, failure_of(why), why.error); });
    }
  }
  if (!done) return core_.storage_failed(done.error());
  // The next message may go before the commit: were this turn undone, the relay would get this one twice, and the peer
  // knows it by its hash.
  auto still = queues_.find(queue);
  if (still != queues_.end()) {
    if (!still->second.settling) {
      kick(queue);
    } else if (still->second.in_flight == 0) {
      settled(queue, still->second);
    }
    still = queues_.find(queue);
  }
  // While others are on their way the removal has time: their answers come soon, and share its transaction.
  if (still == queues_.end() || still->second.in_flight == 0) core_.turn.hurry();
}

void DeliveryQueues::count(const Sending& sending, const smp::client::Outcome<>& outcome) {
  if (outcome) {
    sending.counts->add(sending.proxied ? RelayCounter::sent_via_proxy : RelayCounter::sent_direct);
    if (sending.proxied) sending.relay->counts().add(RelayCounter::sent_proxied);
  } else if (outcome.error().is<smp::errors::Quota>()) {
    sending.counts->add(RelayCounter::sent_quota_errors);
  } else if (outcome.error().is<smp::errors::Auth>()) {
    sending.counts->add(RelayCounter::sent_auth_errors);
  } else if (!is_temporary(outcome.error())) {
    sending.counts->add(RelayCounter::sent_other_errors);
  }
}

// All are answered, and the first one that is left goes next.
void DeliveryQueues::settled(SndQueueKey queue, Sending& sending) {
  sending.settling = false;
  const auto failed = std::exchange(sending.failed, std::nullopt);
  if (std::exchange(sending.lost, false)) {
    sending.waiting = true;
  } else if (failed) {
    retry(queue, sending, failed->delivery, failed->why);
  } else {
    kick(queue);
  }
}

// There is no way back from QUSE: a relay that refuses it is asked again after a pause, not at once for ever.
bool DeliveryQueues::tries_again(DeliveryKind kind, const smp::client::Failure& why) noexcept {
  return is_temporary(why) || (kind == DeliveryKind::queue_use && failure_of(why) != Failure::authorization);
}

// ---- outcomes -------------------------------------------------------------------------------------------------------

Result<> DeliveryQueues::sent(const Delivery& delivery, const std::string& proxy) {
  SIMPLEX_ASSIGN(const auto erased, core_.messages.erase(delivery.key));
  if (erased.twin) SIMPLEX_TRY(core_.messages.set_told(*erased.twin));
  SIMPLEX_ASSIGN(const auto connection, core_.connections.by_key(delivery.conn));
  if (connection.deleted) return {};
  SIMPLEX_ASSIGN(const auto queue, core_.queues.snd_queue(delivery.queue));
  if (!queue) return {};
  if (queue->purpose == QueuePurpose::replacement) SIMPLEX_TRY(take_over(connection, *queue));
  if (queue->status == QueueStatus::lost) SIMPLEX_TRY(core_.queues.set_status(queue->key, QueueStatus::active));
  if (is_confirmation(delivery.kind)) {
    const bool works = delivery.kind == DeliveryKind::info && protocol::sender_can_secure(queue->mode);
    SIMPLEX_TRY(core_.queues.set_status(queue->key, works ? QueueStatus::active : QueueStatus::confirmed));
  }
  if (erased.told) return delivery.kind == DeliveryKind::queue_keys ? offer_keys_if_due(connection) : Result<>();
  switch (delivery.kind) {
    case DeliveryKind::info:
    case DeliveryKind::info_reply: return confirmed(delivery, connection, *queue);
    case DeliveryKind::hello: {
      SIMPLEX_TRY(core_.queues.set_status(queue->key, QueueStatus::active));
      SIMPLEX_ASSIGN(const auto receiving, core_.queues.rcv_queue_of(connection.key));
      // The inviter sends HELLO in answer to one: then both directions work.
      if (receiving && receiving->status == QueueStatus::active && !connection.connected) {
        return core_.now_connected(connection, delivery.pq);
      }
      return {};
    }
    case DeliveryKind::user: {
      SIMPLEX_TRY(core_.outbox.durable(MessageSent{connection.id, delivery.message, proxy}));
      return {};
    }
    case DeliveryKind::request:
      SIMPLEX_TRY(core_.queues.erase(queue->key));
      SIMPLEX_TRY(core_.outbox.durable(Joined{connection.id}));
      return {};
    case DeliveryKind::queue_keys: {
      SIMPLEX_ASSIGN(const auto replacement, core_.queues.replacement_of(connection.key));
      // Else the peer has answered them before the relay did.
      if (replacement && replacement->parked) {
        SIMPLEX_TRY(
            core_.outbox.durable(QueueSwitched{connection.id, QueueDirection::sending, SwitchPhase::confirmed}));
      }
      return offer_keys_if_due(connection);
    }
    case DeliveryKind::cover:
    case DeliveryKind::other:
    case DeliveryKind::queue_use:
    case DeliveryKind::ratchet_keys: return {};
  }
  return {};
}

Result<> DeliveryQueues::confirmed(const Delivery& delivery, const Connection& connection, const SndQueue& queue) {
  if (delivery.kind == DeliveryKind::info_reply) {
    SIMPLEX_TRY(core_.outbox.durable(Joined{connection.id}));
    return {};
  }
  SIMPLEX_TRY(core_.commands.erase_confirmations(connection.key));
  if (!protocol::sender_can_secure(queue.mode)) return {};
  // Both queues are secured: no HELLO is needed.
  return core_.now_connected(connection, delivery.pq);
}

Result<> DeliveryQueues::give_up(const Delivery& delivery, Failure failure, Error error) {
  if (failure == Failure::authorization) {
    SIMPLEX_ASSIGN(const bool handed_over, hand_over(delivery));
    if (handed_over) return {};
  }
  SIMPLEX_ASSIGN(const auto connection, core_.connections.by_key(delivery.conn));
  SIMPLEX_ASSIGN(const bool settled, refused_by_one_of_two(delivery, connection, failure));
  if (settled) return {};
  SIMPLEX_ASSIGN(const auto erased, core_.messages.erase(delivery.key));
  if (connection.deleted) return {};
  if (erased.told) return delivery.kind == DeliveryKind::queue_keys ? offer_keys_if_due(connection) : Result<>();
  if (erased.twin) {  // it may arrive the other way
    SIMPLEX_TRY(core_.messages.set_twin(*erased.twin, std::nullopt));
    if (delivery.kind == DeliveryKind::user) {
      core_.outbox.passing(MessageDelayed{connection.id, delivery.message, failure, std::move(error)});
    }
    return {};
  }
  switch (delivery.kind) {
    case DeliveryKind::user:
      SIMPLEX_TRY(core_.outbox.durable(MessageFailed{connection.id, delivery.message, failure, std::move(error)}));
      return {};
    case DeliveryKind::info:
    case DeliveryKind::info_reply:
    case DeliveryKind::hello:
    case DeliveryKind::request:
      if (failure == Failure::authorization && delivery.kind == DeliveryKind::request) {
        error.message = "The address was deleted by its owner.";
      }
      SIMPLEX_TRY(core_.outbox.durable(ConnectionFailed{connection.id, failure, std::move(error)}));
      return {};
    case DeliveryKind::queue_use: {
      if (failure == Failure::authorization) return {};
      // There is no way back from it: it is said again, for as long as the peer's relay is away.
      SIMPLEX_ASSIGN(const auto replacement, core_.queues.rcv_replacement_of(connection.key));
      SIMPLEX_ASSIGN(const auto sending, core_.queues.snd_queue_of(connection.key));
      // If not now, then when new encryption keys are agreed on (Rotation::keys_agreed).
      const bool possible = replacement && sending && connection.may_send();
      return possible ? enqueue_use(connection, *sending, *replacement) : Result<>();
    }
    case DeliveryKind::cover: return {};
    case DeliveryKind::other:
    case DeliveryKind::ratchet_keys:
      core_.outbox.passing(AgentProblem{connection.id, failure, std::move(error)});
      return agreement_failed(delivery, connection);
    case DeliveryKind::queue_keys:
      core_.outbox.passing(AgentProblem{connection.id, failure, std::move(error)});
      return offer_keys_if_due(connection);
  }
  return {};
}

// The last of them counts: those before it are of an agreement that was begun anew.
Result<> DeliveryQueues::agreement_failed(const Delivery& delivery, const Connection& connection) {
  const bool keys = delivery.kind == DeliveryKind::ratchet_keys;
  const bool concerned =
      connection.sync == RatchetSyncState::agreed || (keys && connection.sync == RatchetSyncState::started);
  if (!concerned) return {};
  SIMPLEX_ASSIGN(const auto others, core_.messages.waiting(delivery.queue, delivery.kind));
  if (others > 0) return {};
  SIMPLEX_TRY(core_.connections.set_sync(connection.key, RatchetSyncState::required));
  SIMPLEX_TRY(core_.outbox.durable(RatchetSyncChanged{connection.id, RatchetSyncState::required}));
  return {};
}

Result<> DeliveryQueues::give_up_expired(SndQueueKey queue, Duration expiry, const smp::client::Failure& why) {
  SIMPLEX_ASSIGN(auto expired, core_.messages.of_queue_before(queue, core_.now() - expiry));
  if (const auto found = queues_.find(queue); found != queues_.end() && found->second.counts != nullptr) {
    found->second.counts->add(RelayCounter::sent_expired_errors, static_cast<std::int64_t>(expired.size()));
  }
  for (const auto& delivery : expired) SIMPLEX_TRY(give_up(delivery, failure_of(why), why.error));
  return {};
}

void DeliveryQueues::retry(SndQueueKey queue, Sending& sending, const Delivery& delivery,
                           const smp::client::Failure& why) {
  const auto& timeouts = core_.config.timeouts;
  const bool full = why.is<smp::errors::Quota>();
  const auto expiry = full                                   ? timeouts.quota_expiry
                      : delivery.kind == DeliveryKind::hello ? timeouts.hello_expiry
                                                             : timeouts.message_expiry;
  if (delivery.created < core_.now() - expiry) {
    const auto done = core_.turn.run([&] { return give_up_expired(queue, expiry, why); });
    if (!done) return core_.storage_failed(done.error());
    return kick(queue);
  }
  if (full || why.at_proxy) warn(sending, delivery, failure_of(why), why.error);
  auto& backoff = full ? sending.slow : sending.fast;
  hold(queue, sending, backoff.next(core_.dependencies.random));
}

// A clock that was set back ends it.
Duration DeliveryQueues::left_of_delay(const Delivery& delivery) const {
  const auto now = core_.now();
  if (!delivery.not_before || now < delivery.created) return Duration::zero();
  return *delivery.not_before - now;
}

void DeliveryQueues::hold(SndQueueKey queue, Sending& sending, Duration time) {
  sending.timer = core_.dependencies.loop.after(time, [this, queue] { retry_now(queue); });
}

void DeliveryQueues::retry_now(SndQueueKey queue) {
  const auto found = queues_.find(queue);
  if (found == queues_.end()) return;
  found->second.timer.cancel();
  kick(queue);
}

void DeliveryQueues::warn(Sending& sending, const Delivery& delivery, Failure failure, const Error& error) {
  if (delivery.kind != DeliveryKind::user || sending.warned == delivery.key) return;
  const auto told = core_.messages.is_told(delivery.key);  // it went through the other of two queues
  if (!told || *told) return;
  sending.warned = delivery.key;
  if (const auto connection = core_.connections.by_key(delivery.conn)) {
    core_.outbox.passing(MessageDelayed{connection->id, delivery.message, failure, error});
  }
}

// ---- relays ---------------------------------------------------------------------------------------------------------

void DeliveryQueues::relay_up(const Relay& relay) {
  std::vector<SndQueueKey> ready;
  for (auto& [queue, sending] : queues_) {
    if (!sending.waiting || sending.relay != &relay) continue;
    sending.waiting = false;
    ready.push_back(queue);
  }
  for (const auto queue : ready) kick(queue);
}

Result<bool> DeliveryQueues::goes_elsewhere(SndQueueKey queue_key, const Relay& relay) {
  SIMPLEX_ASSIGN(const auto queue, core_.queues.snd_queue(queue_key));
  if (!queue) return false;
  SIMPLEX_ASSIGN(const auto connection, core_.connections.by_key(queue->conn));
  return routes_.way(connection, queue->server).relay != &relay;
}

void DeliveryQueues::relay_down(const Relay& relay, const smp::client::Failure& why) {
  std::vector<SndQueueKey> elsewhere;
  const auto done = core_.turn.run([&]() -> Result<> {
    for (auto& [queue, sending] : queues_) {
      if (!sending.waiting || sending.relay != &relay) continue;
      SIMPLEX_TRY(give_up_expired(queue, core_.config.timeouts.message_expiry, why));
      SIMPLEX_ASSIGN(const auto first, core_.messages.first_of(queue, DeliveryKey(), committed_));
      if (first) warn(sending, *first, failure_of(why), why.error);
      SIMPLEX_ASSIGN(const bool other, goes_elsewhere(queue, relay));
      if (other) elsewhere.push_back(queue);
    }
    return {};
  });
  if (!done) return core_.storage_failed(done.error());
  for (const auto queue : elsewhere) {
    queues_.at(queue).waiting = false;
    kick(queue);
  }
}

bool DeliveryQueues::needs(const Relay& relay) const {
  return std::any_of(queues_.begin(), queues_.end(), [&](const auto& entry) {
    const auto& sending = entry.second;
    return sending.relay == &relay && (sending.waiting || sending.in_flight > 0 || sending.timer.armed());
  });
}

void DeliveryQueues::continue_sending(SndQueueKey queue) {
  const auto found = queues_.find(queue);
  if (found == queues_.end() || !found->second.timer.armed()) return;
  found->second.slow.reset();
  retry_now(queue);
}

}  // namespace simplex::agent
