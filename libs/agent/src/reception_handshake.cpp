// Confirmations: the first message in each direction of a connection.
#include "simplex/crypto/key_encoding.hpp"
#include "failures.hpp"
#include "reception.hpp"

namespace simplex::agent {
namespace {

crypto::Sha256 hash_of_info(const AgentConfirmation& confirmation) {
  return crypto::sha256(confirmation.encrypted_info.bytes);
}

}  // namespace

Result<Reception::Ack> Reception::confirmation(const Incoming& incoming, const FromPeer& peer) {
  const auto version = peer.confirmation.version;
  if (!core_.config.versions.agent.contains(version) && version > incoming.connection.agent_version) {
    return unreadable(incoming, Failure::version, program_not_understood().error());
  }
  if (incoming.queue.status != QueueStatus::new_) return prohibited(incoming, "a second confirmation");
  SIMPLEX_ASSIGN(const bool known, core_.messages.has_hash(incoming.connection.key, hash_of_info(peer.confirmation)));
  if (known) return confirmation_in_other_queue(incoming, peer);
  if (incoming.connection.role == Role::inviter) return confirmation_of_joining_party(incoming, peer);
  return confirmation_of_inviter(incoming, peer);
}

// The same as in the first of two queues.
Result<Reception::Ack> Reception::confirmation_in_other_queue(const Incoming& incoming, const FromPeer& peer) {
  if (peer.sender_key) return prohibited(incoming, "a key for a second queue, which its sender has to secure");
  SIMPLEX_TRY(core_.queues.set_confirmed(incoming.queue.key, peer.e2e_key,
                                         std::min(incoming.queue.client_version, peer.version)));
  SIMPLEX_TRY(core_.queues.set_status(incoming.queue.key, QueueStatus::active));
  SIMPLEX_TRY(commands_.other_is_used(incoming.connection.key));
  return Ack::now;
}

Result<> Reception::queue_confirmed(const Incoming& incoming, const FromPeer& peer) {
  SIMPLEX_TRY(core_.queues.set_confirmed(incoming.queue.key, peer.e2e_key,
                                         std::min(incoming.queue.client_version, peer.version)));
  SIMPLEX_TRY(core_.messages.insert_hash(incoming.connection.key, hash_of_info(peer.confirmation), core_.now()));
  return commands_.await_other(incoming.queue);
}

Result<Reception::Ack> Reception::confirmation_of_joining_party(const Incoming& incoming, const FromPeer& peer) {
  const auto& connection = incoming.connection;
  const auto& e2e = peer.confirmation.e2e;
  if (!e2e) return prohibited(incoming, "a confirmation without keys");
  const auto& e2e_versions = core_.config.versions.e2e;
  if (!e2e_versions.contains(e2e->version)) {
    return unreadable(incoming, Failure::version, encryption_not_understood().error());
  }
  auto keys = core_.ratchets.x3dh_keys(connection.key);
  if (!keys && keys.error().kind == ErrorKind::storage) return std::unexpected(keys.error());
  if (!keys) return prohibited(incoming, "a second confirmation");
  auto params = crypto::x3dh_receiver(*keys, *e2e);
  if (!params) return unreadable(incoming, Failure::encryption, params.error());
  auto pq = pq_support_of(peer.confirmation.version, e2e->version);
  pq = crypto::both(pq, connection.pq);
  auto ratchet = crypto::RatchetState::init_receiving({e2e->version, e2e_versions.max}, std::move(keys->key2),
                                                      std::move(*params), pq);
  const auto opened =
      ratchet.decrypt(peer.confirmation.encrypted_info.bytes, core_.dependencies.random, crypto::SkippedKeysInMemory());
  if (!opened.plaintext) {
    return unreadable(incoming, Failure::encryption, crypto::to_error(opened.plaintext.error()));
  }
  const auto content = decode_ratchet_content(*opened.plaintext);
  if (!content) return unreadable(incoming, Failure::peer_protocol, content.error());
  const auto* reply = std::get_if<AgentConnInfoReply>(&*content);
  if (reply == nullptr) return prohibited(incoming, "a confirmation without a reply queue");

  SIMPLEX_TRY(core_.connections.set_agreed(connection.key, peer.confirmation.version, pq));
  // Messages may come before allow_connection: from here on they can be decrypted.
  SIMPLEX_TRY(core_.ratchets.begin(connection.key, ratchet));
  SIMPLEX_TRY(queue_confirmed(incoming, peer));
  SIMPLEX_TRY(core_.connections.set_received(connection.key, SenderMessageId(1), hash_of(*opened.plaintext)));
  std::optional<protocol::QueueInfo> second;
  if (reply->reply_queues.size() > 1) {
    second = usable_second(reply->reply_queues[0].address, reply->reply_queues[1], core_.config.versions);
  }
  SIMPLEX_ASSIGN(const auto id, core_.commands.insert(Confirmation{.id = {},
                                                                   .conn = connection.key,
                                                                   .sender_key = peer.sender_key,
                                                                   .reply_queue = reply->reply_queues.front(),
                                                                   .second_reply_queue = second,
                                                                   .own_info = std::nullopt}));
  SIMPLEX_TRY(core_.outbox.durable(
      ConfirmationReceived{connection.id, id, to_bytes(reply->info.bytes), pq == crypto::PqSupport::on}));
  return Ack::now;
}

// One whose version is not understood here is shown, too: to accept it says what is wrong.
Result<Reception::Ack> Reception::request(const Incoming& incoming, const AgentInvitation& invitation) {
  const auto& connection = incoming.connection;
  SIMPLEX_ASSIGN(const auto waiting, core_.requests.waiting(connection.key));
  // It stays at the relay, and those behind it, until some of these are answered (Agent::reject_request).
  if (waiting >= core_.config.waiting_requests) return Ack::later;
  SIMPLEX_ASSIGN(const auto id, core_.requests.insert(connection.key, protocol::format(invitation.link), core_.now()));
  if (!id) return Ack::now;
  const auto agreed = agree(invitation.link, core_.config.versions, true);
  const bool pq = agreed && agreed->pq == crypto::PqSupport::on;
  SIMPLEX_TRY(core_.outbox.durable(RequestReceived{connection.id, *id, to_bytes(invitation.info.bytes), pq}));
  return Ack::now;
}

Result<Reception::Ack> Reception::confirmation_of_inviter(const Incoming& incoming, const FromPeer& peer) {
  const auto& connection = incoming.connection;
  if (peer.confirmation.e2e) return prohibited(incoming, "keys in the inviter's confirmation");
  SIMPLEX_ASSIGN(auto opened, core_.ratchets.decrypt(connection.key, peer.confirmation.encrypted_info.bytes));
  if (!opened) return unreadable(incoming, Failure::encryption, crypto::to_error(opened.error()));
  const auto content = decode_ratchet_content(opened->plaintext);
  if (!content) return unreadable(incoming, Failure::peer_protocol, content.error());
  const auto* info = std::get_if<AgentConnInfo>(&*content);
  if (info == nullptr) return prohibited(incoming, "an inviter's confirmation without information");

  SIMPLEX_TRY(queue_confirmed(incoming, peer));
  SIMPLEX_TRY(core_.connections.set_received(connection.key, SenderMessageId(1), hash_of(opened->plaintext)));
  SIMPLEX_TRY(core_.outbox.durable(
      PeerInfoReceived{connection.id, to_bytes(info->info.bytes), connection.pq == crypto::PqSupport::on}));
  if (peer.sender_key) {
    SIMPLEX_TRY(commands_.enqueue(connection.key, CommandKind::secure_reply, {}, crypto::to_spki(*peer.sender_key)));
    return Ack::now;
  }
  // The inviter has secured this queue itself: both directions work.
  SIMPLEX_TRY(core_.queues.set_status(incoming.queue.key, QueueStatus::active));
  SIMPLEX_TRY(core_.now_connected(connection, opened->pq));
  return Ack::now;
}

}  // namespace simplex::agent
