// What a relay may send to a client: answers and events (simplex-messaging.md, "SMP commands"). The wire is written as
// in command.hpp. Events have an empty correlation id.
#pragma once

#include <variant>
#include <vector>

#include "simplex/crypto/nonce.hpp"
#include "simplex/smp/error.hpp"
#include "simplex/smp/types.hpp"
#include "simplex/smp/version.hpp"

namespace simplex::smp {

namespace broker {

// IDS short(recipient id) short(sender id) key | mode | link id | service id | notifier
//   9..14: mode is 'T' or 'F'; 15..: Maybe 'M' or 'C', Maybe short(link id); 16..: Maybe short(service id);
//   17..: Maybe (short(notifier id), key)
struct Ids {
  struct Notifier {
    NotifierId id;
    crypto::X25519PublicKey dh_key;
    friend bool operator==(const Notifier&, const Notifier&) = default;
  };
  RecipientId recipient_id;
  SenderId sender_id;
  crypto::X25519PublicKey relay_dh_key;  // for delivery from relay to recipient
  std::optional<QueueMode> mode;
  std::optional<LinkId> link_id;
  std::optional<ServiceId> service_id;
  std::optional<Notifier> notifier;

  friend bool operator==(const Ids&, const Ids&) = default;
};
// LNK short(sender id) large(fixed) large(user)
struct Lnk {
  SenderId sender_id;
  QueueLinkData data;
  friend bool operator==(const Lnk&, const Lnk&) = default;
};
// SOK Maybe short(service id); OK below 16
struct Sok {
  std::optional<ServiceId> service_id;
  friend bool operator==(const Sok&, const Sok&) = default;
};
// SOKS count (8); 19..: short(hash)
struct Soks {
  ServiceQueues queues;
  friend bool operator==(const Soks&, const Soks&) = default;
};
// MSG short(message id) encrypted body
struct Msg {
  MessageId id;
  Content encrypted_body;
  friend bool operator==(const Msg&, const Msg&) = default;
};
// NID short(notifier id) key
struct Nid {
  NotifierId notifier_id;
  crypto::X25519PublicKey relay_dh_key;
  friend bool operator==(const Nid&, const Nid&) = default;
};
// NMSG nonce (24) short(encrypted meta)
struct Nmsg {
  crypto::CbNonce nonce;
  Content encrypted_meta;
  friend bool operator==(const Nmsg&, const Nmsg&) = default;
};
// PKEY short(session id) versions (4) count (1) large(certificate)... large(signed key)
struct Pkey {
  Bytes session_id;  // of the session between proxy and relay
  SmpVersionRange versions;
  std::vector<Bytes> certificates;  // DER, leaf first
  Bytes signed_key;                 // DER, as in the relay's handshake
  friend bool operator==(const Pkey&, const Pkey&) = default;
};
// RRES encrypted: relay to proxy
struct Rres {
  Content encrypted;
  friend bool operator==(const Rres&, const Rres&) = default;
};
// PRES encrypted: proxy to client
struct Pres {
  Content encrypted;
  friend bool operator==(const Pres&, const Pres&) = default;
};
// END: another connection subscribed
struct End {
  friend bool operator==(const End&, const End&) = default;
};
// ENDS count (8); 19..: short(hash)
struct Ends {
  ServiceQueues queues;
  friend bool operator==(const Ends&, const Ends&) = default;
};
// DELD; END below 10
struct Deld {
  friend bool operator==(const Deld&, const Deld&) = default;
};
// INFO JSON
struct Info {
  QueueState state;
  friend bool operator==(const Info&, const Info&) = default;
};
// OK
struct Ok {
  friend bool operator==(const Ok&, const Ok&) = default;
};
// ERR error
struct Err {
  ErrorType error;
  friend bool operator==(const Err&, const Err&) = default;
};
// PONG
struct Pong {
  friend bool operator==(const Pong&, const Pong&) = default;
};
// ALLS: all messages of SUBS were delivered
struct Alls {
  friend bool operator==(const Alls&, const Alls&) = default;
};
// RNAME JSON
struct Rname {
  NameRecord record;
  friend bool operator==(const Rname&, const Rname&) = default;
};

}  // namespace broker

using BrokerMessage =
    std::variant<broker::Ids, broker::Lnk, broker::Sok, broker::Soks, broker::Msg, broker::Nid, broker::Nmsg,
                 broker::Pkey, broker::Rres, broker::Pres, broker::End, broker::Ends, broker::Deld, broker::Info,
                 broker::Ok, broker::Err, broker::Pong, broker::Alls, broker::Rname>;

// "IDS", "MSG", ...
[[nodiscard]] std::string_view name_of(const BrokerMessage& message) noexcept;

void write_message(Writer& writer, const BrokerMessage& message, SmpVersion version);
[[nodiscard]] Bytes encode(const BrokerMessage& message, SmpVersion version);

// The whole message. Content in it points into `bytes`. The error says that a client can't understand the relay.
[[nodiscard]] Result<BrokerMessage, CommandError> decode_message(BytesView bytes, SmpVersion version);

// Whether the entity id is there exactly where it must be.
[[nodiscard]] Result<void, CommandError> check_credentials(const BrokerMessage& message, bool has_entity_id) noexcept;

}  // namespace simplex::smp
