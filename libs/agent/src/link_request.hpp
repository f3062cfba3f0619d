// Asking a relay for what a short link leads to.
#pragma once

#include "simplex/agent/agent.hpp"
#include "simplex/smp/client/client.hpp"
#include "core.hpp"

namespace simplex::agent {

// A link of a well-known relay names it by its host alone: the relay as we know it. Errors: unsupported, when we do not.
[[nodiscard]] Result<protocol::ShortLink> with_whole_server(protocol::ShortLink link, const Core& core, UserId user);

// In a turn. The key for a one-time link, stored before the relay sees it; none for a contact link.
struct LinkRequestKey {
  std::optional<crypto::Ed25519PrivateKey> key;
  bool is_new = false;  // not committed yet
};
[[nodiscard]] Result<LinkRequestKey> link_request_key(Core& core, const protocol::ShortLink& link);

[[nodiscard]] Result<protocol::LinkContents> open_answer(const protocol::ShortLink& link,
                                                         const smp::broker::Lnk& answer);
// Errors: limit.
[[nodiscard]] Result<> check_link_data(BytesView link_data);
// The relay's refusal, for the person that has the link.
[[nodiscard]] Error explained_link(const smp::client::Failure& failure);

}  // namespace simplex::agent
