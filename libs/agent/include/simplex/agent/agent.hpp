// The SMP agent: duplex, end-to-end encrypted connections over one-way queues at relays (agent-protocol.md).
//
// Lifetime and threading: an agent lives on one loop; every call is made, and every event is delivered, on that loop's
// thread. Destroying the agent closes its sessions and cancels everything it has posted. One database, one agent: a
// second one on the same file fails to open with ErrorKind::conflict.
//
// Durability: a call changes the database inside the transaction of the current loop turn and returns at once; its
// network traffic and its events happen after that transaction is committed. When the commit fails (disk full) the
// turn is undone, AgentProblem says so, and what came from the network is fetched again; a call whose turn was undone
// is lost like in a crash: repeat it. Every call here may be repeated without harm when the caller chooses the
// ConnectionId or the SendKey beforehand. flush() commits now.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "simplex/agent/config.hpp"
#include "simplex/agent/events.hpp"
#include "simplex/agent/ids.hpp"
#include "simplex/agent/statistics.hpp"
#include "simplex/base/bytes.hpp"
#include "simplex/base/result.hpp"

namespace simplex::agent {

using EventHandler = std::move_only_function<void(const Event&)>;

struct VerificationCodeTag;
using VerificationCode = FixedBytes<VerificationCodeTag, 32>;

enum class Receipt : bool { none = false, send = true };

// Against somebody who watches when messages are sent and when they arrive (docs/agent.md, "Mixing"). Zero: off.
struct Mixing {
  Duration max_delay{};       // each message and receipt waits a random time up to it; at most an hour
  Duration cover_interval{};  // empty messages at random moments, so often on average; at least a second
  friend bool operator==(const Mixing&, const Mixing&) = default;
};

struct ConnectionState {
  UserId user;
  bool connected = false;   // CON was reported
  bool pq_support = false;  // both programs can; messages are shorter then
  bool pq_wanted = false;   // by us: see set_pq_encryption
  bool pq_sending = false;  // what is used now, in the two directions
  bool pq_receiving = false;
  bool can_send = false;
  RatchetSyncState ratchet_sync = RatchetSyncState::ok;
  std::uint16_t agent_version = 0;  // agreed with the peer; ours, before the handshake
  std::string receiving_relay;      // smp://fingerprint@host; empty: there is no queue yet
  std::string sending_relay;
  std::string second_receiving_relay = {};  // Config::redundancy; empty: there is none, or the peer does not use it
  std::string second_sending_relay = {};
  bool switching = false;         // our queue moves to another relay
  bool can_abort_switch = false;  // it can still be taken back
  Mixing mixing = {};
};

// One of those that a message goes to; see Agent::send_message.
struct SendRequest {
  ConnectionId connection;
  std::optional<SendKey> key;
  // Whether the peer's device is to be woken for it (the SMP flag "notification", which its relay sees).
  bool notify = true;
};

// What an export is encrypted with. Whoever has a plain one can read everything, and act as you.
struct NotEncrypted {};
using ExportKey = std::variant<SecretBytes, NotEncrypted>;

struct Import {
  std::filesystem::path file;  // a backup or an export; stays as it is
  SecretBytes file_passphrase;
  std::filesystem::path database;  // Config::database: replaced, or made
  SecretBytes passphrase;          // that it will have
};

// What happens to the queues of a user who is deleted: relays delete them, or keep them until they expire there.
enum class UserQueues : bool { leave, at_relays };

class Agent {
 public:
  // Opens or creates the database and migrates it. Errors: authentication (wrong passphrase), version (the database
  // comes from a newer program), conflict (another process has it open), malformed (not a database), storage.
  [[nodiscard]] static Result<std::unique_ptr<Agent>> open(Dependencies dependencies, Config config);

  Agent(const Agent&) = delete;
  Agent& operator=(const Agent&) = delete;
  virtual ~Agent() = default;

  // Redelivers unhandled events, resumes commands and deliveries, and subscribes to all queues. The handler is called on
  // the loop and never inside a call to the agent.
  virtual void start(EventHandler handler) = 0;
  // Commits, closes the sessions with relays and delivers no more events. The agent may be started again.
  virtual void stop() = 0;
  // Commits the current turn now and runs its effects.
  virtual Result<> flush() = 0;
  // Says that a durable event needs no repetition. Unknown and repeated ids are ignored. MessageReceived: ack_message.
  // Stored with the next turn, or after 20 ms: a process that is killed before hears the event once more. flush() waits
  // for nothing.
  virtual void handled(EventId event) = 0;

  // ---- the database -------------------------------------------------------------------------------------------------
  using Done = std::move_only_function<void(Result<>)>;
  // Writes a copy of the database, with the same passphrase, while the agent works: some hundred kilobytes in each turn of
  // the loop. The file has its name only when it is whole and on the disk; until then it is called path.part. done is
  // called on the loop, and not at all when the agent is stopped before. An agent that opens the copy knows that it is
  // one: DatabaseRestored. Several at once are possible, with different names.
  [[nodiscard]] virtual Result<> back_up(std::filesystem::path path, Done done) = 0;
  // The same with another passphrase, or none. Between encrypted and not, the loop stands still until it is written.
  [[nodiscard]] virtual Result<> export_database(std::filesystem::path path, ExportKey key, Done done) = 0;
  // From now on, and for backups to come; those of before keep theirs. The whole database is written anew: the loop stands
  // still so long. Killed in the middle, it has either passphrase. Errors: conflict (a copy is being made, or the database
  // is not encrypted, or the new passphrase is empty).
  [[nodiscard]] virtual Result<> change_passphrase(SecretBytes passphrase) = 0;
  // Without an agent: a copy takes the place of the database, which is kept as database.before-import until the imported
  // one is opened for the second time. Whatever fails, or is killed, changes nothing or everything. Errors: authentication
  // (the file's passphrase), malformed, storage (the file is damaged, or the disk), version (it comes from a newer
  // program), conflict (either is in use, or the file belongs to another program), not_found.
  [[nodiscard]] static Result<> import_database(Import import, const Clock& clock);

  // ---- users --------------------------------------------------------------------------------------------------------
  [[nodiscard]] virtual Result<UserId> create_user() = 0;
  [[nodiscard]] virtual Result<std::vector<UserId>> users() = 0;
  // Deletes the user with all connections, of which nothing more is said; UserDeleted follows. at_relays: once all queues
  // are deleted at their relays, as far as those can be reached within Timeouts::retired_kept; until then the user is
  // gone for every other call. leave: at once, and nothing is said to relays. Repeating it is harmless until
  // UserDeleted, and leave may follow at_relays. Errors: not_found.
  [[nodiscard]] virtual Result<> delete_user(UserId user, UserQueues queues) = 0;
  // The user's relays from now on, instead of Config::servers. Not in the database: before each start(), as the Config.
  // New queues are made at those for storage: a joiner's at another operator's than the inviter's, a rotated one where
  // the connection has none yet, as far as there is a choice. Errors: not_found (the user), malformed (an address).
  [[nodiscard]] virtual Result<> set_servers(UserId user, const std::vector<UserServer>& servers) = 0;
  // Tries out a relay (smp://FINGERPRINT[:PASSWORD]@HOST), one of the user's or not: connects, makes a queue, secures it
  // and deletes it. ServerTested follows, in this run alone. Errors: malformed, not_found (user), conflict (not started).
  [[nodiscard]] virtual Result<ServerTestId> test_server(UserId user, std::string_view address) = 0;
  // What was done at relays, and how it stands with them. Counts are saved once in a while (Timeouts::save_statistics).
  [[nodiscard]] virtual Result<ServersSummary> servers_summary() = 0;
  // Counts begin anew.
  [[nodiscard]] virtual Result<> reset_statistics() = 0;

  // ---- the network --------------------------------------------------------------------------------------------------
  // From now on. All sessions are closed and opened by the new settings, with other circuits of a SOCKS proxy; what was
  // on its way goes again. The same settings again change nothing. Not in the database: before each start(), as the Config.
  virtual void set_network(NetworkConfig network) = 0;
  // What the device says of its network, from now on. Without one nothing is tried, but once in Timeouts::offline_retry;
  // sessions that are up stay. When it is back, or is another one, relays are tried at once, and sessions that do not
  // answer in ten seconds are given up.
  virtual void set_network_state(NetworkState state) = 0;
  // The program goes to the background. Nothing more is received and no relay is connected to; what can be sent in the
  // sessions that are up is sent. When that is done, or after the limit, everything is committed, the sessions are closed
  // and AgentSuspended follows. Calls are taken all the time, and wait. stop() ends it, too.
  virtual void suspend(Duration limit) = 0;
  // Back from there, at whatever point: it goes on as after start().
  virtual void foreground() = 0;

  // ---- connections --------------------------------------------------------------------------------------------------
  // Creates an invitation: InvitationReady follows, or ConnectionFailed. pq: post-quantum key agreement is supported
  // (the KEM key travels in the confirmation, the link stays short). A known id repeats the outcome.
  // link_data: a short link is made too (SMP v15), and shows this to whoever has it: a profile, for example. The relay
  // keeps it encrypted and cannot read it. With an older relay there is the long link alone. Errors: limit (link data).
  [[nodiscard]] virtual Result<ConnectionId> create_connection(UserId user, bool pq,
                                                               std::optional<ConnectionId> id = std::nullopt,
                                                               std::optional<BytesView> link_data = std::nullopt) = 0;

  // Creates an address that any number of peers can use, each of which becomes a RequestReceived: InvitationReady
  // follows, or ConnectionFailed. A known id repeats the outcome. delete_connection ends it. link_data: as above.
  [[nodiscard]] virtual Result<ConnectionId> create_address(UserId user, std::optional<ConnectionId> id = std::nullopt,
                                                            std::optional<BytesView> link_data = std::nullopt) = 0;

  // Joins by a one-time invitation link with our connection information. Joined follows when the inviter's relay has it,
  // then PeerInfoReceived and Connected; ConnectionFailed when the invitation is used up, or no version is common.
  // By the link of an address: Joined when its relay has our request, and once its owner has accepted, as for one who
  // made an invitation: ConfirmationReceived, allow_connection, Connected. When the owner rejects, nothing.
  // By a short link of either kind: what it leads to is asked of its relay first, also after a restart. ConnectionFailed
  // when it is used up or deleted, when its relay is older than SMP v15, or has shown what its maker did not make.
  // Errors at once: malformed link, version, limit (information over its bound), unsupported (a short link names a relay
  // that is not known here).
  [[nodiscard]] virtual Result<ConnectionId> join_connection(UserId user, std::string_view link, BytesView own_info,
                                                             bool pq,
                                                             std::optional<ConnectionId> id = std::nullopt) = 0;

  // Joins by the invitation in a request: as join_connection. The request is answered then. A known id repeats.
  [[nodiscard]] virtual Result<ConnectionId> accept_request(RequestId request, BytesView own_info, bool pq,
                                                            std::optional<ConnectionId> id = std::nullopt) = 0;
  // The peer does not learn of it. Repeating it is harmless.
  [[nodiscard]] virtual Result<> reject_request(RequestId request) = 0;

  // Shows what a short link leads to, without joining and without its maker's learning of it: LinkRead or LinkReadFailed
  // follows, in this run alone. A one-time link can be read by one program, and from then on be joined by no other: its
  // key is kept (Timeouts::read_links_kept). Errors: malformed, not_found (user), unsupported (a full link).
  [[nodiscard]] virtual Result<LinkReadId> read_link(UserId user, std::string_view link) = 0;
  // Changes what our short link shows; the link stays. LinkDataSet follows, or LinkFailed: a one-time link that somebody
  // has read stays as it is. Of several that wait, the last is set. Errors: not_found (no short link), limit.
  [[nodiscard]] virtual Result<> set_link_data(ConnectionId connection, BytesView link_data) = 0;
  // Nobody can use the short link any more: LinkDeleted follows. The full link goes on. Without a short link nothing
  // happens.
  [[nodiscard]] virtual Result<> delete_link(ConnectionId connection) = 0;

  // Accepts a confirmation: the handshake goes on, Connected follows. Repeating it is harmless.
  [[nodiscard]] virtual Result<> allow_connection(ConnectionId connection, ConfirmationId confirmation,
                                                  BytesView own_info) = 0;

  // Deletes the connection; its queue is deleted at the relay when that can be reached. ConnectionDeleted follows.
  [[nodiscard]] virtual Result<> delete_connection(ConnectionId connection) = 0;
  // The same for many, all or none of them. Unknown ids are skipped, as there.
  [[nodiscard]] virtual Result<> delete_connections(std::span<const ConnectionId> connections) = 0;
  // An invitation that nobody has used, given to another user: its queue stays where it is, and is subscribed in a session
  // of the new user. Errors: not_found (either), conflict (it was used, or is no invitation, or has no link yet).
  [[nodiscard]] virtual Result<> change_user(ConnectionId connection, UserId user) = 0;

  // Agrees with the peer on new encryption keys: after RatchetSyncChanged has said allowed or required, or force. Messages
  // that were sent with the old keys and are not here yet may be lost. Errors: conflict, version (the peer's program).
  [[nodiscard]] virtual Result<> synchronize_ratchet(ConnectionId connection, bool pq, bool force) = 0;
  // Post-quantum key agreement in the messages from now on, or none; it begins as the connection was made. It is used
  // in a direction once both sides want it, a few messages of both later: see ConnectionState. Messages are shorter
  // from the first time that it is wanted on, max_message_body_pq. Errors: conflict (not connected yet, an address),
  // version (the peer's program, or this one, is too old).
  [[nodiscard]] virtual Result<> set_pq_encryption(ConnectionId connection, bool wanted) = 0;
  // From now on; messages that wait already are not delayed. Errors: limit (out of the bounds above), conflict (an address).
  [[nodiscard]] virtual Result<> set_mixing(ConnectionId connection, Mixing mixing) = 0;
  // The same 32 octets on both sides, when nobody stands between them: for people to compare. It changes with new keys.
  [[nodiscard]] virtual Result<VerificationCode> verification_code(ConnectionId connection) = 0;

  // Of two queues (Config::redundancy) the lost one moves, or that which is there for longer.
  // Moves our queue to another of our relays, where there is one that this connection does not use: messages come there
  // from then on. Nothing that is on its way is lost, and messages go on meanwhile. QueueSwitched follows; the peer's
  // program has to run. The old queue is deleted at its relay after a while. While it is under way, repeating it is
  // harmless. Errors: conflict (not connected yet, new encryption keys are being agreed on, an address), not_found (no
  // relay).
  [[nodiscard]] virtual Result<> switch_connection(ConnectionId connection) = 0;
  // Takes it back, until the peer is asked to use the new queue: from then on it can only be completed. Without a
  // switch nothing happens. Errors: conflict (too late).
  [[nodiscard]] virtual Result<> abort_switch(ConnectionId connection) = 0;

  [[nodiscard]] virtual Result<ConnectionState> connection_state(ConnectionId connection) = 0;
  [[nodiscard]] virtual Result<std::vector<ConnectionId>> connections(UserId user) = 0;

  // ---- messages -----------------------------------------------------------------------------------------------------
  // Numbers, encrypts and queues the message for delivery. MessageSent or MessageFailed follows. The same key again
  // returns the same id and sends nothing. Errors: not_found, conflict (not connected yet), limit (see below).
  [[nodiscard]] virtual Result<MessageId> send_message(ConnectionId connection, BytesView body,
                                                       std::optional<SendKey> key = std::nullopt) = 0;
  // The same message to many connections, as send_message to each: a group. All that are accepted are accepted together,
  // whatever happens, and the body is stored once. The results are in the order of the requests.
  [[nodiscard]] virtual std::vector<Result<MessageId>> send_messages(std::span<const SendRequest> requests,
                                                                     BytesView body) = 0;
  // The message has been stored by the application: the relay may drop it, and MessageReceived is not repeated. A receipt
  // tells the peer so (MessageDelivered there); peers before agent version 4 get none. Repeating it is harmless. Without a
  // receipt it is stored like handled().
  [[nodiscard]] virtual Result<> ack_message(ConnectionId connection, MessageId message,
                                             Receipt receipt = Receipt::none) = 0;

 protected:
  Agent() = default;
};

// The longest body that send_message takes, in octets: 15,840 or 13,618 (PQ support, agent version 5 and later), less
// the agent message header. Connection information: 14,832 or 11,106, less the reply queue.
inline constexpr std::size_t max_message_body = 15'795;
inline constexpr std::size_t max_message_body_pq = 13'573;
inline constexpr std::size_t max_connection_info = 14'500;
inline constexpr std::size_t max_connection_info_pq = 10'774;
// What a short link shows, in octets.
inline constexpr std::size_t max_link_data = 13'706;

}  // namespace simplex::agent
