#include "ratchet_table.hpp"
#include "failures.hpp"

namespace simplex::agent {
namespace {

// Copies into a Writer are wiped with it gone: the octets are moved into a secret.
SecretBytes to_secret(Writer&& writer) {
  auto plain = std::move(writer).take();
  SecretBytes secret{BytesView(plain)};
  wipe(plain);
  return secret;
}

SecretBytes encode_keys(const crypto::X3dhReceiverKeys& keys) {
  Writer writer(2 * 56 + 1 + 3'000);
  writer.raw(keys.key1.private_key.reveal()).raw(keys.key2.private_key.reveal());
  writer.boolean(keys.kem.has_value());
  if (keys.kem) crypto::write_kem_private_params(writer, keys.kem->clone());
  return to_secret(std::move(writer));
}

Result<crypto::X3dhReceiverKeys> decode_keys(BytesView stored) {
  Reader reader(stored);
  SIMPLEX_ASSIGN(const auto raw1, reader.take(crypto::X448PrivateKey::size_bytes));
  SIMPLEX_ASSIGN(const auto raw2, reader.take(crypto::X448PrivateKey::size_bytes));
  SIMPLEX_ASSIGN(const bool has_kem, reader.boolean());
  std::optional<crypto::KemKeyPair> kem;
  if (has_kem) {
    SIMPLEX_ASSIGN(auto params, crypto::read_kem_private_params(reader));
    auto* pair = std::get_if<crypto::KemKeyPair>(&params);
    if (pair == nullptr) return unreadable("the encryption keys of a connection");
    kem = std::move(*pair);
  }
  SIMPLEX_TRY(reader.finish());
  return crypto::X3dhReceiverKeys{crypto::pair_of(*crypto::X448PrivateKey::from(raw1)),
                                  crypto::pair_of(*crypto::X448PrivateKey::from(raw2)), std::move(kem)};
}

SecretBytes encode_message_key(const crypto::MessageKey& key) {
  Writer writer(64);
  crypto::write_message_key(writer, key);
  return to_secret(std::move(writer));
}

class StoredSkippedKeys final : public crypto::SkippedKeys {
 public:
  StoredSkippedKeys(store::Database& database, ConnKey conn) : db_(database), conn_(conn) {}

  Result<std::vector<crypto::HeaderKey>> header_keys() const override {
    SIMPLEX_ASSIGN(auto rows, db_.prepare("SELECT DISTINCT header_key FROM skipped_keys WHERE conn = ?"));
    SIMPLEX_TRY(rows.bind_all(conn_));
    std::vector<crypto::HeaderKey> keys;
    for (;;) {
      SIMPLEX_ASSIGN(const bool row, rows.step());
      if (!row) return keys;
      SIMPLEX_ASSIGN(auto key, rows.fixed<crypto::HeaderKey>(0));
      keys.push_back(std::move(key));
    }
  }

  Result<std::optional<crypto::MessageKey>> find(const crypto::HeaderKey& header_key,
                                                 std::uint32_t number) const override {
    SIMPLEX_ASSIGN(
        auto row, db_.prepare("SELECT message_key FROM skipped_keys WHERE conn = ? AND header_key = ? AND number = ?"));
    SIMPLEX_TRY(row.bind_all(conn_, header_key, number));
    SIMPLEX_ASSIGN(const bool found, row.step());
    if (!found) return std::nullopt;
    Reader reader(row.octets(0));
    auto key = crypto::read_message_key(reader);
    if (!key) return unreadable("the encryption keys of a connection");
    return std::move(*key);
  }

 private:
  store::Database& db_;
  ConnKey conn_;
};

class NoSkippedKeys final : public crypto::SkippedKeys {
 public:
  Result<std::vector<crypto::HeaderKey>> header_keys() const override { return std::vector<crypto::HeaderKey>(); }
  Result<std::optional<crypto::MessageKey>> find(const crypto::HeaderKey&, std::uint32_t) const override {
    return std::nullopt;
  }
};

}  // namespace

Result<> RatchetTable::insert_x3dh_keys(ConnKey conn, const crypto::X3dhReceiverKeys& keys) {
  SIMPLEX_TRY(db_.run("INSERT INTO ratchets (conn, x3dh_keys) VALUES (?, ?)", conn, encode_keys(keys)));
  return {};
}

Result<crypto::X3dhReceiverKeys> RatchetTable::x3dh_keys(ConnKey conn) {
  SIMPLEX_ASSIGN(auto row, db_.prepare("SELECT x3dh_keys FROM ratchets WHERE conn = ? AND x3dh_keys IS NOT NULL"));
  SIMPLEX_TRY(row.bind_all(conn));
  SIMPLEX_ASSIGN(const bool found, row.step());
  if (!found) return fail(ErrorKind::conflict, "The invitation was used already.");
  auto keys = decode_keys(row.octets(0));
  if (!keys) return unreadable("the encryption keys of a connection");
  return keys;
}

Result<> RatchetTable::insert_sending(ConnKey conn, const crypto::RatchetState& state,
                                      const crypto::E2eRatchetParams& params) {
  Writer writer;
  crypto::write_e2e_ratchet_params(writer, params);
  SIMPLEX_TRY(
      db_.run("INSERT INTO ratchets (conn, e2e_params, state) VALUES (?, ?, ?)", conn, writer.view(), state.encode()));
  return {};
}

Result<crypto::E2eRatchetParams> RatchetTable::e2e_params(ConnKey conn) {
  SIMPLEX_ASSIGN(auto row, db_.prepare("SELECT e2e_params FROM ratchets WHERE conn = ? AND e2e_params IS NOT NULL"));
  SIMPLEX_TRY(row.bind_all(conn));
  SIMPLEX_ASSIGN(const bool found, row.step());
  if (!found) return unreadable("the encryption keys of a connection");
  Reader reader(row.octets(0));
  auto params = crypto::read_e2e_ratchet_params(reader);
  if (!params) return unreadable("the encryption keys of a connection");
  return params;
}

Result<> RatchetTable::set_state(ConnKey conn, const crypto::RatchetState& state) {
  SIMPLEX_TRY(db_.run("UPDATE ratchets SET state = ? WHERE conn = ?", state.encode(), conn));
  return {};
}

Result<> RatchetTable::begin(ConnKey conn, const crypto::RatchetState& state) {
  SIMPLEX_TRY(replace(conn, state));
  return forget_sync_keys(conn);
}

Result<> RatchetTable::replace(ConnKey conn, const crypto::RatchetState& state) {
  SIMPLEX_TRY(set_state(conn, state));
  SIMPLEX_TRY(db_.run("DELETE FROM skipped_keys WHERE conn = ?", conn));
  SIMPLEX_TRY(db_.run("UPDATE connections SET keys_in_doubt = 0 WHERE conn = ? AND keys_in_doubt <> 0", conn));
  return {};
}

Result<> RatchetTable::forget_sync_keys(ConnKey conn) {
  SIMPLEX_TRY(db_.run("UPDATE ratchets SET x3dh_keys = NULL, peer_keys = NULL WHERE conn = ?", conn));
  return {};
}

Result<> RatchetTable::set_peer_keys(ConnKey conn, const crypto::E2eRatchetParams& keys) {
  Writer writer;
  crypto::write_e2e_ratchet_params(writer, keys);
  SIMPLEX_TRY(db_.run("UPDATE ratchets SET peer_keys = ? WHERE conn = ?", writer.view(), conn));
  return {};
}

Result<std::optional<crypto::E2eRatchetParams>> RatchetTable::peer_keys(ConnKey conn) {
  SIMPLEX_ASSIGN(auto row, db_.prepare("SELECT peer_keys FROM ratchets WHERE conn = ? AND peer_keys IS NOT NULL"));
  SIMPLEX_TRY(row.bind_all(conn));
  SIMPLEX_ASSIGN(const bool found, row.step());
  if (!found) return std::nullopt;
  Reader reader(row.octets(0));
  auto keys = crypto::read_e2e_ratchet_params(reader);
  if (!keys) return unreadable("the encryption keys of a connection");
  return std::move(*keys);
}

Result<> RatchetTable::set_x3dh_keys(ConnKey conn, const crypto::X3dhReceiverKeys& keys) {
  SIMPLEX_TRY(db_.run("UPDATE ratchets SET x3dh_keys = ? WHERE conn = ?", encode_keys(keys), conn));
  return {};
}

Result<bool> RatchetTable::insert_seen_keys(ConnKey conn, const crypto::Sha256& hash, WallTime now) {
  SIMPLEX_ASSIGN(
      const auto added,
      db_.run("INSERT OR IGNORE INTO seen_ratchet_keys (conn, hash, received_at) VALUES (?, ?, ?)", conn, hash, now));
  return added > 0;
}

Result<> RatchetTable::forget_seen_keys_before(WallTime time) {
  SIMPLEX_TRY(db_.run("DELETE FROM seen_ratchet_keys WHERE received_at < ?", time));
  return {};
}

Result<crypto::RatchetAssociatedData> RatchetTable::associated_data(ConnKey conn) {
  SIMPLEX_ASSIGN(const auto ratchet, state(conn));
  return ratchet.associated_data;
}

Result<RatchetTable::PqUse> RatchetTable::pq_use(ConnKey conn) {
  SIMPLEX_ASSIGN(const auto ratchet, find_state(conn));
  if (!ratchet) return PqUse{};
  return PqUse{ratchet->sending_kem == crypto::PqEncryption::on, ratchet->receiving_kem == crypto::PqEncryption::on};
}

Result<std::optional<crypto::RatchetState>> RatchetTable::find_state(ConnKey conn) {
  SIMPLEX_ASSIGN(auto row, db_.prepare("SELECT state FROM ratchets WHERE conn = ? AND state IS NOT NULL"));
  SIMPLEX_TRY(row.bind_all(conn));
  SIMPLEX_ASSIGN(const bool found, row.step());
  if (!found) return std::nullopt;
  auto state = crypto::RatchetState::decode(row.octets(0));
  if (!state) return unreadable("the encryption keys of a connection");
  return std::move(*state);
}

Result<crypto::RatchetState> RatchetTable::state(ConnKey conn) {
  SIMPLEX_ASSIGN(auto found, find_state(conn));
  if (!found) return fail(ErrorKind::conflict, "The connection has no encryption yet.");
  return std::move(*found);
}

Result<RatchetTable::Prepared> RatchetTable::encrypt_header(ConnKey conn, std::optional<crypto::PqEncryption> pq,
                                                            E2eVersion max_supported) {
  SIMPLEX_ASSIGN(auto ratchet, state(conn));
  auto key = ratchet.encrypt_header(pq, max_supported);
  if (!key) return std::unexpected(crypto::to_error(key.error()));
  SIMPLEX_TRY(set_state(conn, ratchet));
  return Prepared{std::move(*key), ratchet.sending_kem == crypto::PqEncryption::on};
}

void RatchetTable::Ahead::decrypt(BytesView message) noexcept {
  decrypted_ = state_.decrypt(message, random_, NoSkippedKeys());
}

Result<std::optional<RatchetTable::Ahead>> RatchetTable::ahead(ConnKey conn) {
  SIMPLEX_ASSIGN(auto row, db_.prepare("SELECT state FROM ratchets WHERE conn = ?1 AND state IS NOT NULL "
                                       "AND NOT EXISTS (SELECT 1 FROM skipped_keys WHERE conn = ?1)"));
  SIMPLEX_TRY(row.bind_all(conn));
  SIMPLEX_ASSIGN(const bool found, row.step());
  if (!found) return std::nullopt;
  SecretBytes stored(row.octets(0));
  auto state = crypto::RatchetState::decode(stored.reveal());
  if (!state) return unreadable("the encryption keys of a connection");
  return Ahead(std::move(stored), std::move(*state), random_);
}

Result<bool> RatchetTable::is_still(ConnKey conn, const SecretBytes& stored) {
  SIMPLEX_ASSIGN(auto row, db_.prepare("SELECT state FROM ratchets WHERE conn = ?"));
  SIMPLEX_TRY(row.bind_all(conn));
  SIMPLEX_ASSIGN(const bool found, row.step());
  return found && equal_constant_time(row.octets(0), stored.reveal());
}

Result<std::expected<RatchetTable::Opened, crypto::RatchetError>> RatchetTable::decrypt(ConnKey conn, BytesView message,
                                                                                        std::optional<Ahead> ahead) {
  if (ahead && ahead->decrypted_) {
    SIMPLEX_ASSIGN(const bool still, is_still(conn, ahead->stored_));
    if (still) return store(conn, ahead->state_, ahead->could_send_, std::move(*ahead->decrypted_));
  }
  SIMPLEX_ASSIGN(auto ratchet, state(conn));
  const bool could_send = ratchet.sending.has_value();
  auto decrypted = ratchet.decrypt(message, random_, StoredSkippedKeys(db_, conn));
  return store(conn, ratchet, could_send, std::move(decrypted));
}

Result<std::expected<RatchetTable::Opened, crypto::RatchetError>> RatchetTable::store(
    ConnKey conn, const crypto::RatchetState& ratchet, bool could_send, crypto::Decrypted decrypted) {
  if (!decrypted.plaintext && decrypted.plaintext.error().kind == crypto::RatchetErrorKind::storage) {
    return std::unexpected(crypto::to_error(decrypted.plaintext.error()));
  }
  if (decrypted.state_changed) SIMPLEX_TRY(set_state(conn, ratchet));
  SIMPLEX_TRY(store_skipped(conn, decrypted.skipped));
  using Outcome = std::expected<Opened, crypto::RatchetError>;
  if (!decrypted.plaintext) return Outcome(std::unexpected(decrypted.plaintext.error()));
  return Opened{std::move(*decrypted.plaintext), ratchet.receiving_kem == crypto::PqEncryption::on, could_send};
}

// Those of messages that never came stay, and each costs a trial: a peer must not be able to pile them up.
Result<> RatchetTable::make_room_for_skipped(ConnKey conn, std::size_t more) {
  SIMPLEX_ASSIGN(auto row, db_.prepare("SELECT count(*) FROM skipped_keys WHERE conn = ?"));
  SIMPLEX_TRY(row.bind_all(conn));
  SIMPLEX_TRY(row.step());
  if (static_cast<std::size_t>(row.integer(0)) + more <= most_skipped_keys) return {};
  SIMPLEX_TRY(db_.run("DELETE FROM skipped_keys WHERE conn = ?", conn));
  return {};
}

Result<> RatchetTable::store_skipped(ConnKey conn, const crypto::SkippedKeysChange& change) {
  if (const auto* added = std::get_if<crypto::SkippedKeysAdded>(&change)) {
    SIMPLEX_TRY(make_room_for_skipped(conn, added->keys.size()));
    for (const auto& key : added->keys) {
      SIMPLEX_TRY(
          db_.run("INSERT OR REPLACE INTO skipped_keys (conn, header_key, number, message_key) VALUES (?, ?, ?, ?)",
                  conn, key.header_key, key.number, encode_message_key(key.message_key)));
    }
  } else if (const auto* removed = std::get_if<crypto::SkippedKeyRemoved>(&change)) {
    SIMPLEX_TRY(db_.run("DELETE FROM skipped_keys WHERE conn = ? AND header_key = ? AND number = ?", conn,
                        removed->header_key, removed->number));
  }
  return {};
}

}  // namespace simplex::agent
