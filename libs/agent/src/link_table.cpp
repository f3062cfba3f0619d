#include "link_table.hpp"
#include "failures.hpp"

namespace simplex::agent {
namespace {

Result<crypto::Ed25519PrivateKey> key_at(const store::Statement& row, int column) {
  auto key = crypto::Ed25519PrivateKey::from(row.octets(column));
  if (!key) return unreadable("a link");
  return std::move(*key);
}

}  // namespace

Result<> LinkTable::insert(ConnKey conn, const protocol::LinkCredentials& credentials, std::string_view text) {
  SIMPLEX_TRY(
      db_.run("INSERT OR REPLACE INTO own_links (conn, link_id, link_key, signing_key, root_key, sealed_fixed, link) "
              "VALUES (?, ?, ?, ?, ?, ?, ?)",
              conn, credentials.id, credentials.key, credentials.signing_key.reveal(), credentials.root_key,
              credentials.sealed_fixed, text));
  return {};
}

Result<std::optional<OwnLink>> LinkTable::find(ConnKey conn) {
  SIMPLEX_ASSIGN(auto row, db_.prepare("SELECT link_id, link_key, signing_key, root_key, sealed_fixed, link "
                                       "FROM own_links WHERE conn = ?"));
  SIMPLEX_TRY(row.bind_all(conn));
  SIMPLEX_ASSIGN(const bool found, row.step());
  if (!found) return std::nullopt;
  OwnLink link;
  link.credentials.id = protocol::LinkId(row.octets(0));
  link.credentials.key = protocol::LinkKey(row.octets(1));
  SIMPLEX_ASSIGN(link.credentials.signing_key, key_at(row, 2));
  SIMPLEX_ASSIGN(link.credentials.root_key, row.fixed<crypto::Ed25519PublicKey>(3));
  link.credentials.sealed_fixed = row.bytes(4);
  link.text = row.text(5);
  return link;
}

Result<std::string> LinkTable::text_of(ConnKey conn) {
  SIMPLEX_ASSIGN(auto row, db_.prepare("SELECT link FROM own_links WHERE conn = ?"));
  SIMPLEX_TRY(row.bind_all(conn));
  SIMPLEX_ASSIGN(const bool found, row.step());
  return found ? std::string(row.text(0)) : std::string();
}

Result<> LinkTable::erase(ConnKey conn) {
  SIMPLEX_TRY(db_.run("DELETE FROM own_links WHERE conn = ?", conn));
  return {};
}

Result<std::optional<crypto::Ed25519PrivateKey>> LinkTable::sender_key(const protocol::ShortLink& link) {
  SIMPLEX_ASSIGN(auto row, db_.prepare("SELECT sender_key FROM read_invitations WHERE server = ? AND link_id = ?"));
  SIMPLEX_TRY(row.bind_all(protocol::format(link.server), link.link_id));
  SIMPLEX_ASSIGN(const bool found, row.step());
  if (!found) return std::nullopt;
  SIMPLEX_ASSIGN(auto key, key_at(row, 0));
  return key;
}

Result<> LinkTable::insert_sender_key(const protocol::ShortLink& link, const crypto::Ed25519PrivateKey& key,
                                      WallTime now) {
  SIMPLEX_TRY(db_.run("INSERT INTO read_invitations (server, link_id, sender_key, created_at) VALUES (?, ?, ?, ?)",
                      protocol::format(link.server), link.link_id, key.reveal(), now));
  return {};
}

Result<> LinkTable::forget_sender_keys_before(WallTime time) {
  SIMPLEX_TRY(db_.run("DELETE FROM read_invitations WHERE created_at < ?", time));
  return {};
}

}  // namespace simplex::agent
