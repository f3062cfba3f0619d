// Rows of short links: what changes those of ours, and the keys that one-time links of others were read with.
#pragma once

#include "simplex/protocol/sealed_link_data.hpp"
#include "connection_table.hpp"

namespace simplex::agent {

struct OwnLink {
  protocol::LinkCredentials credentials;
  std::string text;
};

class LinkTable {
 public:
  explicit LinkTable(store::Database& database) : db_(database) {}

  // Of a connection of ours, with its queue.
  [[nodiscard]] Result<> insert(ConnKey conn, const protocol::LinkCredentials& credentials, std::string_view text);
  [[nodiscard]] Result<std::optional<OwnLink>> find(ConnKey conn);
  // Empty: there is none.
  [[nodiscard]] Result<std::string> text_of(ConnKey conn);
  [[nodiscard]] Result<> erase(ConnKey conn);

  // The relay gives the data of a one-time link to the first key that asks, and to that key again: it is stored before
  // the relay sees it, and the same for whoever joins later.
  [[nodiscard]] Result<std::optional<crypto::Ed25519PrivateKey>> sender_key(const protocol::ShortLink& link);
  [[nodiscard]] Result<> insert_sender_key(const protocol::ShortLink& link, const crypto::Ed25519PrivateKey& key,
                                           WallTime now);
  [[nodiscard]] Result<> forget_sender_keys_before(WallTime time);

 private:
  store::Database& db_;
};

}  // namespace simplex::agent
