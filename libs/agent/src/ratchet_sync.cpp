#include "ratchet_sync.hpp"
#include "failures.hpp"

namespace simplex::agent {
namespace {

// Decides which side receives first, and knows a repetition.
crypto::Sha256 hash_of_keys(const crypto::X448PublicKey& key1, const crypto::X448PublicKey& key2) {
  return crypto::sha256({key1.view(), key2.view()});
}

// What a failure says about the ratchets. Nothing: the message was nonsense, they may be well.
std::optional<RatchetSyncState> state_after(crypto::RatchetErrorKind kind) {
  using Kind = crypto::RatchetErrorKind;
  switch (kind) {
    case Kind::header:
    case Kind::too_many_skipped: return RatchetSyncState::required;
    case Kind::body:
    case Kind::earlier:
    case Kind::duplicate:
    case Kind::kem_state:
    case Kind::key_agreement: return RatchetSyncState::allowed;
    case Kind::malformed:
    case Kind::too_large:
    case Kind::not_ready:
    case Kind::storage: return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace

Result<> RatchetSync::start(const Connection& connection, crypto::PqSupport pq, bool force) {
  const bool wanted = connection.sync == RatchetSyncState::allowed || connection.sync == RatchetSyncState::required;
  if (!connection.connected) return not_connected();
  if (connection.agent_version < ratchet_sync_agent_version) {
    return fail(ErrorKind::version,
                "The peer's program cannot agree on new encryption keys. Connect again by a new link.",
                Advice::ask_user);
  }
  if (!wanted && !force) {
    return fail(ErrorKind::conflict,
                "The encryption of this connection works: new keys are agreed on only when forced.", Advice::ask_user);
  }
  SIMPLEX_TRY(core_.connections.set_agreed(connection.key, connection.agent_version, pq));
  SIMPLEX_TRY(send_new_keys(connection, core_.config.versions.e2e.max, pq));
  SIMPLEX_ASSIGN(const auto theirs, core_.ratchets.peer_keys(connection.key));
  // It may be the answer that the peer waits for with keys that we have.
  if (theirs) return begin(connection, pq);
  return change(connection, RatchetSyncState::started);
}

Result<> RatchetSync::failed(const Connection& connection, const crypto::RatchetError& error) {
  if (connection.doubt != KeyDoubt::none) return {};  // it is being mended
  const auto state = state_after(error.kind);
  const bool under_way = connection.sync == RatchetSyncState::started || connection.sync == RatchetSyncState::agreed;
  if (!state || under_way || *state == connection.sync) return {};
  return change(connection, *state);
}

Result<> RatchetSync::cannot_go_on(const Connection& connection) {
  return change(connection, RatchetSyncState::required);
}

Result<> RatchetSync::succeeded(const Connection& connection) {
  // That old keys can read does not mean that they may encrypt.
  if (connection.doubt != KeyDoubt::none) return {};
  // While our keys are on their way, messages of the ratchet that is given up may still come.
  if (connection.sync == RatchetSyncState::ok || connection.sync == RatchetSyncState::started) return {};
  SIMPLEX_TRY(core_.ratchets.forget_sync_keys(connection.key));
  return change(connection, RatchetSyncState::ok);
}

Result<bool> RatchetSync::key_received(const Connection& connection, const crypto::E2eRatchetParams& theirs) {
  SIMPLEX_ASSIGN(const bool first,
                 core_.ratchets.insert_seen_keys(connection.key, hash_of_keys(theirs.key1, theirs.key2), core_.now()));
  const bool awaited = connection.sync == RatchetSyncState::started;
  if (!first && !awaited) return false;
  if (!core_.config.versions.e2e.contains(theirs.version)) return encryption_not_understood();
  SIMPLEX_TRY(core_.ratchets.set_peer_keys(connection.key, theirs));
  if (connection.sync == RatchetSyncState::agreed) {
    // The peer may have sent these before our keys came, or begun again after: then it waits for ours.
    SIMPLEX_TRY(send_last_keys(connection, theirs.version));
  } else if (!awaited) {
    SIMPLEX_TRY(send_new_keys(connection, theirs.version, connection.pq));
  }
  SIMPLEX_TRY(begin(connection, connection.pq));
  return true;
}

Result<> RatchetSync::ready_received(const Connection& connection, bool could_send) {
  // With keys in doubt nothing is encrypted: new ones are asked for.
  if (could_send || connection.doubt != KeyDoubt::none) return {};
  return send_ready(connection);
}

Result<> RatchetSync::change(const Connection& connection, RatchetSyncState state) {
  SIMPLEX_TRY(core_.connections.set_sync(connection.key, state));
  SIMPLEX_TRY(core_.outbox.durable(RatchetSyncChanged{connection.id, state}));
  return {};
}

Result<> RatchetSync::send_new_keys(const Connection& connection, E2eVersion version, crypto::PqSupport pq) {
  const auto made = crypto::generate_receiver_params(core_.dependencies.random, version, pq);
  SIMPLEX_TRY(core_.ratchets.set_x3dh_keys(connection.key, made.keys));
  return deliveries_.enqueue_ratchet_keys(connection, made.params);
}

Result<> RatchetSync::send_last_keys(const Connection& connection, E2eVersion version) {
  SIMPLEX_ASSIGN(const auto keys, core_.ratchets.x3dh_keys(connection.key));
  return deliveries_.enqueue_ratchet_keys(connection, crypto::public_params(keys, version));
}

Result<> RatchetSync::begin(const Connection& connection, crypto::PqSupport pq) {
  SIMPLEX_ASSIGN(auto ours, core_.ratchets.x3dh_keys(connection.key));
  SIMPLEX_ASSIGN(const auto theirs, core_.ratchets.peer_keys(connection.key));
  const crypto::RatchetVersions versions{theirs->version, core_.config.versions.e2e.max};
  const auto own_hash = hash_of_keys(ours.key1.public_key, ours.key2.public_key);
  const auto their_hash = hash_of_keys(theirs->key1, theirs->key2);
  const bool receives_first = !std::ranges::lexicographical_compare(their_hash.view(), own_hash.view());
  if (receives_first) {
    SIMPLEX_ASSIGN(auto params, crypto::x3dh_receiver(ours, *theirs));
    SIMPLEX_TRY(core_.ratchets.replace(
        connection.key, crypto::RatchetState::init_receiving(versions, std::move(ours.key2), std::move(params), pq)));
  } else {
    crypto::X3dhSenderKeys keys{std::move(ours.key1), std::move(ours.key2), std::nullopt};
    if (ours.kem) keys.kem = std::move(*ours.kem);
    SIMPLEX_ASSIGN(auto params, crypto::x3dh_sender(keys, *theirs));
    SIMPLEX_ASSIGN(const auto ratchet,
                   crypto::RatchetState::init_sending(
                       versions, theirs->key2, crypto::generate_x448(core_.dependencies.random), std::move(params)));
    SIMPLEX_TRY(core_.ratchets.replace(connection.key, ratchet));
  }
  if (connection.sync != RatchetSyncState::agreed) SIMPLEX_TRY(change(connection, RatchetSyncState::agreed));
  if (receives_first) return {};
  auto renewed = connection;
  renewed.doubt = KeyDoubt::none;
  return send_ready(renewed);
}

Result<> RatchetSync::send_ready(const Connection& connection) {
  SIMPLEX_ASSIGN(const auto queue, core_.queues.snd_queue_of(connection.key));
  SIMPLEX_ASSIGN(const auto last, core_.connections.last_received(connection.key));
  if (!queue) return {};
  SIMPLEX_TRY(deliveries_.enqueue(connection, *queue, DeliveryKind::other, message::RatchetReady{last}));
  return {};
}

}  // namespace simplex::agent
