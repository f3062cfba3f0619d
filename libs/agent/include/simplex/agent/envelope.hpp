// What two agents put into a queue's client message (agent-protocol.md, "Communication between SMP agents"; vectors:
// agent_messages.json agent_envelope).
//
//   confirmation:  version 2 | 'C' | Maybe e2e parameters | ratchet message
//   message:       version 2 | 'M' | ratchet message
//   invitation:    version 2 | 'I' | link (2-byte length, text) | connection information
//   ratchet key:   version 2 | 'R' | e2e parameters | information
#pragma once

#include <variant>

#include "simplex/crypto/x3dh.hpp"
#include "simplex/encoding/version.hpp"
#include "simplex/protocol/connection_link.hpp"
#include "simplex/smp/types.hpp"

namespace simplex::agent {

using smp::Content;  // a view, never owned

inline constexpr AgentVersion ratchet_sync_agent_version{3};
inline constexpr AgentVersion receipts_agent_version{4};
inline constexpr AgentVersion pq_agent_version{5};                 // KEM in the ratchet, smaller messages
inline constexpr AgentVersion sender_key_agent_version{6};         // SKEY: fast handshake
inline constexpr AgentVersion ratchet_on_confirmation_version{7};  // the inviter can decrypt before allow_connection

struct AgentConfirmation {
  AgentVersion version;
  std::optional<crypto::E2eRatchetParams> e2e;  // of the joining party
  Content encrypted_info;                       // ratchet message: AgentConnInfo or AgentConnInfoReply
};
struct AgentMessageEnvelope {
  AgentVersion version;
  Content encrypted_message;  // ratchet message: AgentMessage
};
struct AgentInvitation {
  AgentVersion version;
  protocol::InvitationLink link;
  Content info;
};
struct AgentRatchetKey {
  AgentVersion version;
  crypto::E2eRatchetParams e2e;
  Content info;
};
using AgentEnvelope = std::variant<AgentConfirmation, AgentMessageEnvelope, AgentInvitation, AgentRatchetKey>;

[[nodiscard]] Bytes encode(const AgentEnvelope& envelope);
[[nodiscard]] Result<AgentEnvelope> decode_envelope(BytesView bytes);

// What the plaintext of a ratchet message is padded to. It depends on the agreed agent version and on PQ support, not on
// whether PQ is used: an observer cannot tell.
[[nodiscard]] constexpr std::size_t padded_info_size(AgentVersion version, crypto::PqSupport pq) noexcept {
  return version >= pq_agent_version && pq == crypto::PqSupport::on ? 11'106 : 14'832;
}
[[nodiscard]] constexpr std::size_t padded_message_size(AgentVersion version, crypto::PqSupport pq) noexcept {
  return version >= pq_agent_version && pq == crypto::PqSupport::on ? 13'618 : 15'840;
}
// Whether a connection can have PQ support: what both sides want, and what their versions have.
[[nodiscard]] constexpr crypto::PqSupport pq_support_of(AgentVersion agent, E2eVersion e2e) noexcept {
  return agent >= pq_agent_version && e2e >= crypto::e2e_version_pq ? crypto::PqSupport::on : crypto::PqSupport::off;
}

}  // namespace simplex::agent
