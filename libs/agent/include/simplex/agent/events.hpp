// What the agent tells its application (agent-protocol.md, "API events").
//
// Two kinds:
// - Durable events carry an EventId. The agent stores them in the same transaction as what caused them, hands them over
//   after its commit, once in a run and in order of EventId, and again after every restart until the application has
//   called Agent::handled(id) (for MessageReceived: Agent::ack_message). An application that stores what an event told
//   it, and then calls handled, loses nothing when it is killed in between; to repeat nothing it remembers the EventId
//   together with what it stored.
// - Passing events (relay up and down, warnings) have no EventId and are not repeated.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "simplex/agent/ids.hpp"
#include "simplex/base/clock.hpp"
#include "simplex/base/result.hpp"

namespace simplex::agent {

// Did the numbers and hashes of the peer's messages agree with what was received before?
struct IntegrityOk {};
struct IntegritySkipped {  // messages from..to (the sender's numbers) were not received
  SenderMessageId from;
  SenderMessageId to;
};
struct IntegrityBadId {
  SenderMessageId previous;
};  // a number that was used already
struct IntegrityBadHash {};  // the hash of the previous message differs
struct IntegrityDuplicate {};
using Integrity = std::variant<IntegrityOk, IntegritySkipped, IntegrityBadId, IntegrityBadHash, IntegrityDuplicate>;

// Why something did not work. A person's text and an advice are in the Error that accompanies it.
enum class Failure : std::uint8_t {
  network,        // the relay could not be reached in time
  authorization,  // the relay knows no such queue, or refuses our key: the peer has deleted its end
  quota,          // the peer's queue is full, and was not emptied in time
  too_large,
  version,         // no version in common with the peer
  encryption,      // a message did not decrypt; the rest of the connection goes on
  peer_protocol,   // the peer sent what the protocol does not allow
  relay_protocol,  // the relay answered what the protocol does not allow, or with an error of its own
  storage,
  internal,
};
[[nodiscard]] std::string_view name_of(Failure failure) noexcept;

// ---- durable events -------------------------------------------------------------------------------------------------

// INV: the invitation or the address is ready to be given to the peer, as text of a simplex: link; see protocol ConnectionLink.
// Both links lead to the same. There is no short one when none was asked for, or when its relay is too old for it.
struct InvitationReady {
  ConnectionId connection;
  std::string link;
  std::string short_link = {};
};
// JOINED: our confirmation has been accepted by the inviter's relay, or our request by that of the address.
struct Joined {
  ConnectionId connection;
};
// CONF: a peer has used the invitation and shows its connection information. Answer with allow_connection.
struct ConfirmationReceived {
  ConnectionId connection;
  ConfirmationId confirmation;
  Bytes peer_info;
  bool pq_support = false;
};
// REQ: somebody has used the address and shows its connection information. Answer with accept_request or reject_request.
struct RequestReceived {
  ConnectionId connection;  // the address
  RequestId request;
  Bytes peer_info;
  bool pq_support = false;  // that of the peer's program
};
// INFO: the connection information of the inviter.
struct PeerInfoReceived {
  ConnectionId connection;
  Bytes peer_info;
  bool pq_support = false;
};
// CON: messages can be sent and received.
struct Connected {
  ConnectionId connection;
  bool pq_encryption = false;
};
// MSG: handled by ack_message, not by handled.
struct MessageReceived {
  ConnectionId connection;
  MessageId message;
  SenderMessageId sender_message;
  Bytes body;
  Integrity integrity;
  WallTime relay_time;     // when the relay got it; whole seconds
  WallTime received_time;  // when the agent decrypted it
  bool pq_encryption = false;
  bool notify = true;  // its sender wants a device to be woken for it: SendRequest::notify
};
// SENT: the relay has the message.
struct MessageSent {
  ConnectionId connection;
  MessageId message;
  std::string proxy = {};  // the relay of ours that it went through (NetworkConfig::proxy_mode); empty: none
};
// MERR: the message will not be delivered; the agent has given up.
struct MessageFailed {
  ConnectionId connection;
  MessageId message;
  Failure failure = Failure::internal;
  Error error;
};
// RCVD: the peer's application has the message, and says that it is the one that was sent; or that it is another.
enum class ReceiptStatus : std::uint8_t { ok = 0, bad_hash = 1 };
struct MessageDelivered {
  ConnectionId connection;
  MessageId message;
  ReceiptStatus status = ReceiptStatus::ok;
};
// RSYNC: whether messages can be decrypted on both sides, and what is done about it (Agent::synchronize_ratchet).
enum class RatchetSyncState : std::uint8_t {
  ok = 0,
  allowed = 1,   // a message did not decrypt; others may
  required = 2,  // nothing decrypts any more: nothing can be sent until new keys are agreed on
  started = 3,   // our keys are on their way
  agreed = 4,    // both sides have new keys; the next message that decrypts ends it
};
struct RatchetSyncChanged {
  ConnectionId connection;
  RatchetSyncState state = RatchetSyncState::ok;
};
// SWITCH: a queue of the connection moves to another relay; see Agent::switch_connection.
enum class QueueDirection : std::uint8_t {
  receiving = 0,  // ours: we began
  sending = 1,    // the peer's
};
enum class SwitchPhase : std::uint8_t {
  started = 0,    // the peer is told of the new queue; or has told us
  confirmed = 1,  // the sender's keys are with the peer; or with us
  secured = 2,    // the relay knows them, and messages begin to take the new way
  completed = 3,  // they take no other
  aborted = 4,    // receiving alone: by abort_switch, or because a relay refused; nothing has changed
};
struct QueueSwitched {
  ConnectionId connection;
  QueueDirection direction = QueueDirection::receiving;
  SwitchPhase phase = SwitchPhase::started;
};
// A relay has lost one of the two queues that a connection has in this direction (Config::redundancy), or has been asked to
// delete it. Said once. The other queue goes on, and what was on its way is in both. Ours is replaced by itself;
// Agent::switch_connection does so, too. A relay that is away for a while is no loss: RelayDown.
struct QueueLost {
  ConnectionId connection;
  QueueDirection direction = QueueDirection::receiving;
  std::string relay;
};
// A handshake or a network command of a connection failed for good.
struct ConnectionFailed {
  ConnectionId connection;
  Failure failure = Failure::internal;
  Error error;
};
// What the short link of the connection shows has been changed, or the link is gone; see Agent::set_link_data.
struct LinkDataSet {
  ConnectionId connection;
};
struct LinkDeleted {
  ConnectionId connection;
};
// Neither could be done. The connection is not concerned.
struct LinkFailed {
  ConnectionId connection;
  Failure failure = Failure::internal;
  Error error;
};
// A received message could not be read (did not decrypt, was malformed). It is gone; the next ones are not concerned. The
// same with Failure::internal or storage, when it could not be handled for a day, or was told of as MessageReceived again
// and again and never acknowledged (Timeouts::redeliveries): its acknowledgement then comes too late, and changes nothing.
struct ReceptionFailed {
  ConnectionId connection;
  Failure failure = Failure::encryption;
  Error error;
};
// DEL_CONN: the connection and everything of it is gone.
struct ConnectionDeleted {
  ConnectionId connection;
};
// DEL_USER: the user and everything of it is gone; said for delete_user, once.
struct UserDeleted {
  UserId user;
};

// The database is an old copy of what it was: put back by hand, a backup or an import. Said once for each such copy.
// Connections agree on new encryption keys by themselves (RatchetSyncChanged, from started to ok), and send_message has to
// be repeated until then; where the peer's program cannot do that, the state is required. Those that were being made when
// the copy was are gone (ConnectionFailed). Ids that the application may know from later are not used again.
struct DatabaseRestored {};

// ---- passing events -------------------------------------------------------------------------------------------------

struct RelayUp {  // the queues of these connections are subscribed at the relay
  std::string relay;
  std::vector<ConnectionId> connections;
};
struct RelayDown {  // the session with the relay has ended; the agent is reconnecting
  std::string relay;
  std::vector<ConnectionId> connections;
};
// END: another client has subscribed to the connection's queue.
struct SubscriptionEnded {
  ConnectionId connection;
};
// MWARN: not delivered yet, the agent goes on trying.
struct MessageDelayed {
  ConnectionId connection;
  MessageId message;
  Failure failure = Failure::network;
  Error error;
};
// What a short link shows, see Agent::read_link. The data is its maker's, or an owner's: nobody else can have signed it.
enum class LinkKind : std::uint8_t { invitation, contact, channel, group, relay };
struct LinkRead {
  LinkReadId read;
  LinkKind kind = LinkKind::invitation;
  Bytes link_data;
  bool direct = true;  // join_connection takes it; if not, it is for those who speak with its relays
};
struct LinkReadFailed {
  LinkReadId read;
  Failure failure = Failure::internal;
  Error error;
};

// How Agent::test_server ended. Without a failure every step worked, in their order.
enum class ServerTestStep : std::uint8_t { connect, create_queue, secure_queue, delete_queue };
struct ServerTestFailure {
  ServerTestStep step;
  Failure failure;
  Error error;
};
struct ServerTested {
  ServerTestId test;
  std::optional<ServerTestFailure> failure;
};
// Something that concerns no connection, or passes: a full disk, a relay that answers nonsense.
struct AgentProblem {
  std::optional<ConnectionId> connection;
  Failure failure = Failure::internal;
  Error error;
};
// SUSPENDED: there are no sessions, and nothing is written but what calls do; see Agent::suspend.
struct AgentSuspended {};

using EventBody =
    std::variant<InvitationReady, Joined, ConfirmationReceived, RequestReceived, PeerInfoReceived, Connected,
                 MessageReceived, MessageSent, MessageFailed, MessageDelivered, RatchetSyncChanged, QueueSwitched,
                 QueueLost, ConnectionFailed, ReceptionFailed, ConnectionDeleted, UserDeleted, DatabaseRestored,
                 LinkDataSet, LinkDeleted, LinkFailed, LinkRead, LinkReadFailed, ServerTested, RelayUp, RelayDown,
                 SubscriptionEnded, MessageDelayed, AgentProblem, AgentSuspended>;

struct Event {
  std::optional<EventId> id;  // present: durable
  EventBody body;
};

}  // namespace simplex::agent
