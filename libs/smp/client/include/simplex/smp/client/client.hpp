// A client of one relay: one connection, over which commands go and their answers and the relay's own messages come
// (simplex-messaging.md, "SMP procedure"). It does not reconnect: when the connection ends it says so once, and its owner
// makes another client.
//
//   attempt = Client::connect({loop, random, log, connector}, address, options, handlers, [&](auto client) { ... });
//   client->create_queue({.recipient_key = ...}, key, [&](Outcome<broker::Ids> ids) { ... });
//
// Lives on its loop: all calls and callbacks happen on the loop's thread. No callback comes inside a call of the owner's,
// and the client may be destroyed in any of them. Destroying it drops the callbacks of what is not answered, uncalled, and
// sends what was queued before it closes the connection.
//
// What a callback is given by the relay (BrokerMessage, broker::Msg) may point into the received block: it is valid
// during the call.
//
// Bounds: commands wait when `max_in_flight` are not answered or the connection takes no more, and fail at once with
// too_large when `max_waiting` wait.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "simplex/async/loop.hpp"
#include "simplex/base/log.hpp"
#include "simplex/base/random.hpp"
#include "simplex/crypto/keys.hpp"
#include "simplex/protocol/server_address.hpp"
#include "simplex/smp/broker_message.hpp"
#include "simplex/smp/client/failure.hpp"
#include "simplex/smp/client/private_route.hpp"
#include "simplex/smp/client/service.hpp"
#include "simplex/smp/command.hpp"
#include "simplex/transport/smp_handshake.hpp"

namespace simplex::smp::client {

template <class T = void>
using Done = std::move_only_function<void(Outcome<T>)>;

// What a client uses; all of it outlives the client.
struct Dependencies {
  async::Loop& loop;
  Random& random;
  Logger& log;
  transport::Connector& connector;
};

struct Options {
  SmpVersionRange versions = supported_versions;
  Duration connect_timeout = std::chrono::seconds(45);  // TCP, TLS and SMP handshake together
  Duration command_timeout = std::chrono::seconds(30);  // from the call to the answer
  // Once a queue is subscribed, a PING goes out when nothing has come for ping_interval. The connection is given up
  // after pings_unanswered commands in a row without an answer, but not before quiet_limit without a sign of life.
  Duration ping_interval = std::chrono::seconds(600);
  int pings_unanswered = 3;
  Duration quiet_limit = std::chrono::minutes(15);
  std::size_t max_in_flight = 1'024;
  std::size_t max_waiting = 65'536;
  std::size_t max_pending_octets = 512 * 1'024;  // queued in the connection
  // The client is a relay that forwards commands of its own clients: it says so (v14), and blocks are not encrypted.
  bool proxy = false;
  bool public_addresses_only = false;                                // transport::ConnectOptions
  std::string isolation = {};                                        // transport::ConnectOptions
  std::shared_ptr<const transport::NetworkRules> network = nullptr;  // the same: rules
  std::optional<transport::KeepAlive> keep_alive = std::nullopt;     // the same
  // An address without a port means 443 instead of 5223, and http/1.1 is offered there: networks that let nothing but
  // the web through see the web.
  bool web_port = false;
  // NEW, SUB and NSUB are signed by the service too, and give it the queue.
  std::shared_ptr<const ServiceCredentials> service = nullptr;
};

struct Handlers {
  // What the relay sends by itself: MSG, END, DELD, ... A MSG that answers SUB, GET or ACK comes here too, after that
  // command's callback has been called with it; so does a MSG that answers a SUB or ACK which timed out before.
  std::move_only_function<void(const EntityId&, const BrokerMessage&)> pushed;
  // The connection has ended, once; every command without an answer was told before. Never after the owner's destroying
  // the client.
  std::move_only_function<void(const Failure&)> disconnected;
  // The relay sent what it must not: an answer to nothing, or a second one, an unreadable block, another session's
  // message. Ignored but for this. May be empty.
  std::move_only_function<void(const Error&)> violation;
};

struct Session {
  SmpVersion version;
  transport::SessionId id;
  bool can_authenticate = false;  // the relay gave a session key (v7): X25519 keys may authorize
  // Of a service, as the relay knows it; nothing when the client or the relay's version has no services.
  std::optional<ServiceId> service = std::nullopt;
};

class Client {
 public:
  // Connecting, as long as this is held: dropping it cancels silently.
  class Attempt {
   public:
    virtual ~Attempt() = default;
  };
  // done is called once, and never inside this call.
  [[nodiscard]] static std::unique_ptr<Attempt> connect(Dependencies dependencies,
                                                        const protocol::ServerAddress& address, Options options,
                                                        Handlers handlers, Done<std::unique_ptr<Client>> done);

  virtual ~Client() = default;
  [[nodiscard]] virtual const Session& session() const = 0;
  // All that the handshake agreed on.
  [[nodiscard]] virtual const transport::SmpSession& agreed() const = 0;
  [[nodiscard]] virtual const protocol::ServerAddress& address() const = 0;
  // False from the end of the connection on; commands fail then with `network`, through their callback.
  [[nodiscard]] virtual bool connected() const = 0;

  // As if the connection were lost, soon: what is not answered fails with `network`, then Handlers::disconnected is called.
  virtual void disconnect(Error why) = 0;

  struct Counters {
    std::uint64_t commands = 0;
    std::uint64_t blocks_sent = 0;
    std::uint64_t pushed = 0;
    std::uint64_t timeouts = 0;
    std::uint64_t violations = 0;
    std::size_t in_flight = 0;
    std::size_t waiting = 0;
  };
  [[nodiscard]] virtual Counters counters() const = 0;

  // Any command. The key authorizes it and is used in the call only, like the memory that the command points into.
  // Commands of one turn of the loop travel together, in order. corr_id: chosen by the caller where the protocol derives
  // something from it, else drawn; it is the nonce of the authorization, so never twice the same. ERR is a failure.
  virtual void command(const EntityId& entity, const crypto::AuthPrivateKey* key, const ClientCommand& command,
                       Done<BrokerMessage> done, std::optional<CorrId> corr_id = std::nullopt) = 0;

  // Private routing, this relay being the proxy (v8). PRXY: asks it for a way to the relay. password: the proxy's.
  virtual void open_route(const protocol::ServerAddress& relay, std::optional<BasicAuth> password,
                          Done<PrivateRoute> done) = 0;
  // PFWD: a command for the relay at the end of the route, and that relay's answer or refusal; Failure::at_proxy: it is
  // the proxy's. Has twice the time of a command.
  virtual void forward(const PrivateRoute& route, const EntityId& entity, const crypto::AuthPrivateKey* key,
                       const ClientCommand& command, Done<BrokerMessage> done) = 0;

  // What is done for a sender may take a private route.

  // NEW. The key is the private half of request.recipient_key.
  void create_queue(const command::New& request, const crypto::AuthPrivateKey& key, Done<broker::Ids> done,
                    std::optional<CorrId> corr_id = std::nullopt);
  // SUB: when a message waits, it is pushed after the callback.
  void subscribe(const RecipientId& queue, const crypto::AuthPrivateKey& key, Done<> done);
  // KEY: the recipient lets this sender's key send. May be repeated with the same key.
  void secure(const RecipientId& queue, const crypto::AuthPrivateKey& key, const crypto::AuthPublicKey& sender_key,
              Done<> done);
  // SKEY (v9): the sender secures the queue with its own key. May be repeated with the same key.
  void secure_as_sender(const SenderId& queue, const crypto::AuthPrivateKey& sender_key, Done<> done,
                        const PrivateRoute* route = nullptr);
  // SEND. key: null for a queue that is not secured. ERR QUOTA: the queue is full.
  void send_message(const SenderId& queue, const crypto::AuthPrivateKey* sender_key, MessageFlags flags, BytesView body,
                    Done<> done, const PrivateRoute* route = nullptr);
  // ACK: the relay drops the message, and pushes the next one after the callback when it has one. ERR NO_MSG: it had
  // none, or another.
  void acknowledge(const RecipientId& queue, const crypto::AuthPrivateKey& key, const MessageId& message, Done<> done);
  // OFF: no more messages are accepted; those in the queue stay.
  void suspend(const RecipientId& queue, const crypto::AuthPrivateKey& key, Done<> done);
  // DEL
  void delete_queue(const RecipientId& queue, const crypto::AuthPrivateKey& key, Done<> done);
  // QUE
  void queue_state(const RecipientId& queue, const crypto::AuthPrivateKey& key, Done<QueueState> done);
  // LSET, LDEL, LKEY, LGET (v15). The link data of the answer points into the block.
  void set_link(const RecipientId& queue, const crypto::AuthPrivateKey& key, const LinkId& link,
                const QueueLinkData& data, Done<> done);
  void delete_link(const RecipientId& queue, const crypto::AuthPrivateKey& key, Done<> done);
  void secure_and_get_link(const LinkId& link, const crypto::AuthPrivateKey& sender_key, Done<broker::Lnk> done,
                           const PrivateRoute* route = nullptr);
  void get_link(const LinkId& link, Done<broker::Lnk> done, const PrivateRoute* route = nullptr);
  // NKEY, NDEL
  void enable_notifications(const RecipientId& queue, const crypto::AuthPrivateKey& key, const NotifierKeys& keys,
                            Done<broker::Nid> done);
  void disable_notifications(const RecipientId& queue, const crypto::AuthPrivateKey& key, Done<> done);
  // NSUB. The service that the notifier belongs to now.
  void subscribe_notifications(const NotifierId& notifier, const crypto::AuthPrivateKey& key,
                               Done<std::optional<ServiceId>> done);
  // SUBS, NSUBS (v16): all queues of this service. expected: what it knows of them; the answer is what the relay has. Messages
  // that wait are pushed, one of each queue, then ALLS. A client that is no service fails with unexpected.
  void subscribe_all(const ServiceQueues& expected, Done<broker::Soks> done);
  void subscribe_all_notifications(const ServiceQueues& expected, Done<broker::Soks> done);
  // PING
  void ping(Done<> done);

 private:
  // Signs with the service's key of this session.
  virtual void service_command(const ClientCommand& command, Done<BrokerMessage> done) = 0;
  void command_for_ok(const EntityId& entity, const crypto::AuthPrivateKey* key, const ClientCommand& command,
                      Done<> done, const PrivateRoute* route = nullptr);
  void route_command(const PrivateRoute* route, const EntityId& entity, const crypto::AuthPrivateKey* key,
                     const ClientCommand& command, Done<BrokerMessage> done);
};

}  // namespace simplex::smp::client
