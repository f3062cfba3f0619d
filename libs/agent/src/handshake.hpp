// The pieces of both handshakes that need no relay: keys, queues and links, and which versions two clients share.
//
//   inviter                                   relay(s)                                 joining party
//   NEW ─────────────► queue A
//   link (A, X3DH keys) ┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄► ratchet that sends
//                              queue A ◄──────────── SKEY, where the queue allows it (fast)
//                              queue B ◄──────────── NEW
//   CONF ◄──────────── queue A ◄──────────── confirmation: X3DH keys, queue B, information
//   ratchet that receives; allow_connection
//   KEY (standard) ──► queue A
//   SKEY (fast) ─────► queue B
//   confirmation ────► queue B ─────────────────────────────────────────────────────► INFO
//   fast: CON                                                                          fast: CON
//                              queue B ◄──────────── KEY (standard)
//                      queue A ◄──────────── HELLO (standard)
//   HELLO ───────────► queue B; CON                                                    CON
#pragma once

#include "simplex/protocol/connection_link.hpp"
#include "core.hpp"

namespace simplex::agent {

// What a joining party and the maker of a link have in common.
struct Agreed {
  AgentVersion agent;
  SmpClientVersion client;
  E2eVersion e2e;
  crypto::PqSupport pq = crypto::PqSupport::off;
  protocol::QueueAddress queue;
  std::optional<protocol::QueueInfo> second{};  // at another relay, to send the same to
};
// Errors: version, with a text for the person.
[[nodiscard]] Result<Agreed> agree(const protocol::InvitationLink& link, const Versions& ours, bool pq);

// A queue's mode as our own highest client version understands it: modes exist from version 3.
[[nodiscard]] std::optional<protocol::QueueMode> understood(std::optional<protocol::QueueMode> mode,
                                                            const Versions& ours);

// A new queue to send to: fresh keys, agreed with the recipient's.
[[nodiscard]] Result<SndQueue> make_snd_queue(Random& random, ConnKey conn, const protocol::QueueAddress& address,
                                              SmpClientVersion version);

// The joining party's ratchet and its public parameters.
struct SendingRatchet {
  crypto::RatchetState state;
  crypto::E2eRatchetParams params;
};
[[nodiscard]] Result<SendingRatchet> make_sending_ratchet(Random& random, const protocol::InvitationLink& link,
                                                          const Agreed& agreed, E2eVersion max_supported);

// A second queue that somebody names beside the first: where both can be secured by those who send to them.
[[nodiscard]] std::optional<protocol::QueueInfo> usable_second(const protocol::QueueAddress& first,
                                                               const protocol::QueueInfo& second, const Versions& ours);

// The link of a queue that was just created, and of the second one. No KEM key: it would make the link ten times as long; KEM is proposed in
// the confirmation.
[[nodiscard]] protocol::InvitationLink make_link(const RcvQueue& queue, const crypto::X3dhReceiverKeys& keys,
                                                 const Versions& versions, const RcvQueue* second = nullptr);

[[nodiscard]] protocol::ContactLink make_address(const RcvQueue& queue, const Versions& versions);

// What is sent to an address: to which queue, in which versions, and our information.
struct AddressRequest {
  protocol::QueueAddress queue;
  AgentVersion agent;
  SmpClientVersion client;
  Bytes info;
};
// Errors: version, with a text for the person.
[[nodiscard]] Result<AddressRequest> agree(const protocol::ContactLink& link, const Versions& ours, BytesView info);
// As it lies in the database.
[[nodiscard]] Bytes encode(const AddressRequest& request);
[[nodiscard]] Result<AddressRequest> read_address_request(BytesView stored);

}  // namespace simplex::agent
