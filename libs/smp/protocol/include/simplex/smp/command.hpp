// What a client may send to a relay (simplex-messaging.md, "SMP commands"). On the wire: the word, a space, and the
// parameters as written here; a command without parameters is the word alone. Numbers in the comments are SMP versions.
//
//   short(x): 1-byte length and octets    large(x): 2-byte length    key: short(SPKI)    Maybe x: '0' | '1' x
#pragma once

#include <variant>
#include <vector>

#include "simplex/smp/error.hpp"
#include "simplex/smp/types.hpp"
#include "simplex/smp/version.hpp"

namespace simplex::smp {

namespace command {

// NEW recipient key | recipient DH key | Maybe short(password) | 'S' or 'C' | mode | Maybe (notifier key, DH key)
//   6..8:  the password is "" or 'A' short(password); no mode
//   9..14: mode is 'T' or 'F': the sender can secure the queue
//   15..:  mode is Maybe ('M' Maybe (sender id, link data) | 'C' Maybe (link id, sender id, link data))
//   17..:  the notifier keys
// Entity id: none. Authorized with the new key itself.
struct New {
  struct MessagingLink {
    SenderId sender_id;  // first 24 octets of SHA3-384 of the correlation id
    QueueLinkData data;
    friend bool operator==(const MessagingLink&, const MessagingLink&) = default;
  };
  struct ContactLink {
    LinkId link_id;
    SenderId sender_id;
    QueueLinkData data;
    friend bool operator==(const ContactLink&, const ContactLink&) = default;
  };
  struct Messaging {
    std::optional<MessagingLink> link;
    friend bool operator==(const Messaging&, const Messaging&) = default;
  };
  struct Contact {
    std::optional<ContactLink> link;
    friend bool operator==(const Contact&, const Contact&) = default;
  };
  using Mode = std::variant<Messaging, Contact>;

  crypto::AuthPublicKey recipient_key;
  crypto::X25519PublicKey recipient_dh_key;
  std::optional<BasicAuth> password;
  SubscriptionMode subscription = SubscriptionMode::subscribe;
  std::optional<Mode> mode;
  std::optional<NotifierKeys> notifier;

  [[nodiscard]] std::optional<QueueMode> queue_mode() const noexcept;
  friend bool operator==(const New&, const New&) = default;
};

// Recipient's commands. Entity id: recipient id. Authorized with the recipient key.
// SUB
struct Sub {
  friend bool operator==(const Sub&, const Sub&) = default;
};
// KEY key
struct Key {
  crypto::AuthPublicKey sender_key;
  friend bool operator==(const Key&, const Key&) = default;
};
// RKEY count (1..255) key...
struct Rkey {
  std::vector<crypto::AuthPublicKey> recipient_keys;
  friend bool operator==(const Rkey&, const Rkey&) = default;
};
// LSET short(link id) large(fixed) large(user)
struct Lset {
  LinkId link_id;
  QueueLinkData data;
  friend bool operator==(const Lset&, const Lset&) = default;
};
// LDEL
struct Ldel {
  friend bool operator==(const Ldel&, const Ldel&) = default;
};
// NKEY key key
struct Nkey {
  NotifierKeys keys;
  friend bool operator==(const Nkey&, const Nkey&) = default;
};
// NDEL
struct Ndel {
  friend bool operator==(const Ndel&, const Ndel&) = default;
};
// GET
struct Get {
  friend bool operator==(const Get&, const Get&) = default;
};
// ACK short(message id)
struct Ack {
  MessageId message_id;
  friend bool operator==(const Ack&, const Ack&) = default;
};
// OFF
struct Off {
  friend bool operator==(const Off&, const Off&) = default;
};
// DEL
struct Del {
  friend bool operator==(const Del&, const Del&) = default;
};
// QUE
struct Que {
  friend bool operator==(const Que&, const Que&) = default;
};

// Sender's commands. Entity id: sender id. SKEY is authorized with the key in it, SEND with the sender key or not.
// SKEY key
struct Skey {
  crypto::AuthPublicKey sender_key;
  friend bool operator==(const Skey&, const Skey&) = default;
};
// SEND flags ' ' body
struct Send {
  MessageFlags flags;
  Content body;
  friend bool operator==(const Send&, const Send&) = default;
};

// PING: no entity id, not authorized
struct Ping {
  friend bool operator==(const Ping&, const Ping&) = default;
};

// Short links. Entity id: link id. LKEY is authorized with the key in it, LGET is not.
// LKEY key
struct Lkey {
  crypto::AuthPublicKey sender_key;
  friend bool operator==(const Lkey&, const Lkey&) = default;
};
// LGET
struct Lget {
  friend bool operator==(const Lget&, const Lget&) = default;
};

// Notification server's. Entity id: notifier id. Authorized with the notifier key.
// NSUB
struct Nsub {
  friend bool operator==(const Nsub&, const Nsub&) = default;
};

// All queues of a service. Entity id: service id. Signed with the service's session key.
// SUBS; 19..: count (8) short(hash)
struct Subs {
  ServiceQueues queues;
  friend bool operator==(const Subs&, const Subs&) = default;
};
// NSUBS; 19..: count (8) short(hash)
struct Nsubs {
  ServiceQueues queues;
  friend bool operator==(const Nsubs&, const Nsubs&) = default;
};

// Private routing. PRXY and PFWD: client to proxy, not authorized. RFWD: proxy to relay.
// PRXY server Maybe short(password)
struct Prxy {
  protocol::ServerAddress relay;
  std::optional<BasicAuth> password;
  friend bool operator==(const Prxy&, const Prxy&) = default;
};
// PFWD version (2) key encrypted
struct Pfwd {
  SmpVersion version;  // of the forwarded command
  crypto::X25519PublicKey key;
  Content encrypted;
  friend bool operator==(const Pfwd&, const Pfwd&) = default;
};
// RFWD encrypted
struct Rfwd {
  Content encrypted;
  friend bool operator==(const Rfwd&, const Rfwd&) = default;
};

// RSLV name; what follows is ignored
struct Rslv {
  SimplexDomain name;
  friend bool operator==(const Rslv&, const Rslv&) = default;
};

}  // namespace command

using ClientCommand =
    std::variant<command::New, command::Sub, command::Subs, command::Key, command::Rkey, command::Lset, command::Ldel,
                 command::Nkey, command::Ndel, command::Get, command::Ack, command::Off, command::Del, command::Que,
                 command::Skey, command::Send, command::Ping, command::Lkey, command::Lget, command::Nsub,
                 command::Nsubs, command::Prxy, command::Pfwd, command::Rfwd, command::Rslv>;

// "NEW", "SEND", ...
[[nodiscard]] std::string_view name_of(const ClientCommand& command) noexcept;

void write_command(Writer& writer, const ClientCommand& command, SmpVersion version);
[[nodiscard]] Bytes encode(const ClientCommand& command, SmpVersion version);

// The whole command. Content in it points into `bytes`. The error is what the relay answers: UNKNOWN, SYNTAX.
[[nodiscard]] Result<ClientCommand, CommandError> decode_command(BytesView bytes, SmpVersion version);

// Whether entity id and authorization are there exactly where the command needs them; else the error to answer:
// NO_AUTH, HAS_AUTH, NO_ENTITY (vectors: smp_commands.json check_credentials).
[[nodiscard]] Result<void, CommandError> check_credentials(const ClientCommand& command, bool has_authorization,
                                                           bool has_entity_id) noexcept;

// Whether a service's session signs the command beside the queue's key: NEW, SUB, NSUB.
[[nodiscard]] bool uses_service_signature(const ClientCommand& command) noexcept;

}  // namespace simplex::smp
