// The values that the cases of smp_commands.json name: keys, ids, commands, messages and errors, built from their names
// and from how the reference shows them.
#pragma once

#include <boost/json.hpp>
#include <map>
#include <stdexcept>

#include "simplex/smp/broker_message.hpp"
#include "simplex/smp/command.hpp"
#include "simplex/testing/vectors.hpp"

namespace simplex::smp {
namespace {

using testing::Case;

constexpr std::string_view file = "smp_commands.json";

template <class Id>
Id id_of(char letter) {
  return Id(Bytes(24, static_cast<std::uint8_t>(letter)));
}

const RecipientId recipient_id = id_of<RecipientId>('r');
const SenderId sender_id = id_of<SenderId>('s');
const LinkId link_id = id_of<LinkId>('l');
const MessageId message_id = id_of<MessageId>('m');
const NotifierId notifier_id = id_of<NotifierId>('n');
const ServiceId service_id = id_of<ServiceId>('v');

template <class Key>
Key key_from(const Bytes& bytes) {
  auto key = Key::from(bytes);
  if (!key) throw std::runtime_error("vector case: a key of a wrong size");
  return std::move(*key);
}

template <class Key>
Key public_from(const Case& key) {
  return key_from<Key>(key.bytes("pub_raw"));
}

template <class Key>
Key private_from(const Case& key) {
  return key_from<Key>(key.bytes("priv_raw"));
}

// The first case: keys and link data that the other cases use.
struct Material {
  crypto::Ed25519PublicKey rcv_ed25519;
  crypto::Ed448PublicKey rcv_ed448;
  crypto::X25519PublicKey rcv_x25519;
  crypto::X25519PublicKey snd_x25519;
  crypto::X25519PublicKey rcv_dh;
  crypto::X25519PublicKey ntf_dh;
  crypto::X25519PublicKey relay_dh;
  crypto::X25519PublicKey ntf_auth;
  std::map<std::string, crypto::AuthPrivateKey> private_keys;
  Bytes fixed;
  Bytes user;

  [[nodiscard]] QueueLinkData link_data() const { return {Content(fixed), Content(user)}; }
};

Material load_material() {
  const Case first(testing::vector_cases(file)[0].as_object());
  const Case keys = first.object("keys");
  Material m{.rcv_ed25519 = public_from<crypto::Ed25519PublicKey>(keys.object("rcv_ed25519")),
             .rcv_ed448 = public_from<crypto::Ed448PublicKey>(keys.object("rcv_ed448")),
             .rcv_x25519 = public_from<crypto::X25519PublicKey>(keys.object("rcv_x25519")),
             .snd_x25519 = public_from<crypto::X25519PublicKey>(keys.object("snd_x25519")),
             .rcv_dh = public_from<crypto::X25519PublicKey>(keys.object("rcv_dh")),
             .ntf_dh = public_from<crypto::X25519PublicKey>(keys.object("ntf_dh")),
             .relay_dh = public_from<crypto::X25519PublicKey>(first.object("relay_dh")),
             .ntf_auth = public_from<crypto::X25519PublicKey>(keys.object("ntf_auth")),
             .private_keys = {},
             .fixed = first.bytes("link_fixed_data"),
             .user = first.bytes("link_user_data")};
  m.private_keys.emplace("SUB ed25519", private_from<crypto::Ed25519PrivateKey>(keys.object("rcv_ed25519")));
  m.private_keys.emplace("SUB ed448", private_from<crypto::Ed448PrivateKey>(keys.object("rcv_ed448")));
  m.private_keys.emplace("SUB x25519", private_from<crypto::X25519PrivateKey>(keys.object("rcv_x25519")));
  m.private_keys.emplace("SEND x25519", private_from<crypto::X25519PrivateKey>(keys.object("rcv_x25519")));
  return m;
}

const Material& material() {
  static const Material loaded = load_material();
  return loaded;
}

protocol::ServerAddress server(std::string_view text) { return *protocol::parse_server_address(text); }

BasicAuth password(std::string_view text) { return *BasicAuth::from(as_bytes(text)); }

command::New new_command(const crypto::AuthPublicKey& key) {
  command::New c;
  c.recipient_key = key;
  c.recipient_dh_key = material().rcv_dh;
  return c;
}

ClientCommand new_command(std::string_view name) {
  const Material& m = material();
  using New = command::New;
  if (name == "NEW ed25519, no auth, subscribe, no mode, no ntf") return new_command(m.rcv_ed25519);
  if (name == "NEW ed448, no auth, subscribe, no mode") return new_command(m.rcv_ed448);
  New c = new_command(m.rcv_x25519);
  if (name == "NEW x25519, basic auth, only-create, messaging") {
    c.password = password("password123");
    c.subscription = SubscriptionMode::only_create;
    c.mode = New::Messaging{};
  } else if (name == "NEW x25519, no auth, subscribe, contact") {
    c.mode = New::Contact{};
  } else if (name == "NEW x25519, no auth, subscribe, messaging, link data") {
    c.mode = New::Messaging{New::MessagingLink{sender_id, m.link_data()}};
  } else if (name == "NEW x25519, no auth, subscribe, contact, link data") {
    c.mode = New::Contact{New::ContactLink{link_id, sender_id, m.link_data()}};
  } else if (name == "NEW x25519, auth, subscribe, messaging, ntf creds") {
    c.password = password("pw");
    c.mode = New::Messaging{};
    c.notifier = NotifierKeys{m.ntf_auth, m.ntf_dh};
  } else {
    throw std::runtime_error("unknown command " + std::string(name));
  }
  return c;
}

constexpr std::string_view two_host_server =
    "smp://FCs0iCBrVozREJnJzijg9SnSpv_tptpANtTnGVZP4v8=@smp.example.com,"
    "beccx4yfxxbvyhqypaavemqurytl6hozr47wfc7uuecacjqdvwpw2xid.onion:443";
constexpr std::string_view one_host_server = "smp://kdPePtooXZWhwSf3xoBoDaSiI4SLU1G6i30WClMItVw=@smp.example.com:5223";

ClientCommand command_named(const std::string& name) {
  const Material& m = material();
  static const std::map<std::string, ClientCommand> commands{
      {"SUB", command::Sub{}},
      {"SUBS", command::Subs{}},
      {"KEY ed25519", command::Key{m.rcv_ed25519}},
      {"KEY x25519", command::Key{m.rcv_x25519}},
      {"RKEY two keys", command::Rkey{{m.rcv_ed25519, m.rcv_x25519}}},
      {"LSET", command::Lset{link_id, m.link_data()}},
      {"LDEL", command::Ldel{}},
      {"NKEY", command::Nkey{{m.ntf_auth, m.ntf_dh}}},
      {"NDEL", command::Ndel{}},
      {"GET", command::Get{}},
      {"ACK", command::Ack{message_id}},
      {"ACK empty id", command::Ack{}},
      {"OFF", command::Off{}},
      {"DEL", command::Del{}},
      {"QUE", command::Que{}},
      {"SKEY x25519", command::Skey{m.snd_x25519}},
      {"SKEY ed25519", command::Skey{m.rcv_ed25519}},
      {"SEND no notification", command::Send{{false}, Content(as_bytes("hello"))}},
      {"SEND notification", command::Send{{true}, Content(as_bytes("hello "))}},
      {"SEND empty body", command::Send{}},
      {"PING", command::Ping{}},
      {"NSUB", command::Nsub{}},
      {"NSUBS", command::Nsubs{}},
      {"LKEY", command::Lkey{m.snd_x25519}},
      {"LGET", command::Lget{}},
      {"PRXY no auth", command::Prxy{server(one_host_server), std::nullopt}},
      {"PRXY auth, two hosts", command::Prxy{server(two_host_server), password("pw")}},
      {"PFWD", command::Pfwd{SmpVersion(17), m.rcv_dh, Content(as_bytes("encrypted transmission bytes"))}},
      {"RFWD", command::Rfwd{Content(as_bytes("encrypted fwd transmission bytes"))}},
  };
  const auto found = commands.find(name);
  return found != commands.end() ? found->second : new_command(std::string_view(name));
}

BrokerError broker_error(const std::string& shown) {
  using namespace broker_errors;
  static const std::map<std::string, BrokerError> known{
      {"RESPONSE {respErr = \"bad response\"}", Response{"bad response"}},
      {"UNEXPECTED {respErr = \"unexpected\"}", Unexpected{"unexpected"}},
      {"HOST", Host{}},
      {"NO_SERVICE", NoService{}},
      {"TIMEOUT", Timeout{}},
      {"NETWORK {networkError = NEFailedError}", Network{}},
      {"NETWORK {networkError = NETimeoutError}", Network{{NetworkError::Kind::timeout, ""}}},
      {"NETWORK {networkError = NEConnectError {connectError = \"x\"}}", Network{{NetworkError::Kind::connect, "x"}}},
      {"TRANSPORT {transportErr = TEBadBlock}", Transport{TransportErrorKind::block}},
      {"TRANSPORT {transportErr = TEVersion}", Transport{TransportErrorKind::version}},
      {"TRANSPORT {transportErr = TELargeMsg}", Transport{TransportErrorKind::large_message}},
      {"TRANSPORT {transportErr = TEBadSession}", Transport{TransportErrorKind::session}},
      {"TRANSPORT {transportErr = TENoServerAuth}", Transport{TransportErrorKind::no_server_auth}},
      {"TRANSPORT {transportErr = TEHandshake {handshakeErr = PARSE}}", Transport{TransportErrorKind::handshake_parse}},
      {"TRANSPORT {transportErr = TEHandshake {handshakeErr = IDENTITY}}",
       Transport{TransportErrorKind::handshake_identity}},
      {"TRANSPORT {transportErr = TEHandshake {handshakeErr = BAD_AUTH}}",
       Transport{TransportErrorKind::handshake_bad_auth}},
      {"TRANSPORT {transportErr = TEHandshake {handshakeErr = BAD_SERVICE}}",
       Transport{TransportErrorKind::handshake_bad_service}},
  };
  return known.at(shown);
}

// What is between the prefix and the braces that end it.
std::optional<std::string> inside(const std::string& shown, std::string_view prefix) {
  if (!shown.starts_with(prefix)) return std::nullopt;
  return shown.substr(prefix.size(), shown.size() - prefix.size() - 1);
}

CommandError command_error(const std::string& word) {
  static const std::map<std::string, CommandError> known{
      {"UNKNOWN", CommandError::unknown},       {"SYNTAX", CommandError::syntax},
      {"PROHIBITED", CommandError::prohibited}, {"NO_AUTH", CommandError::no_auth},
      {"HAS_AUTH", CommandError::has_auth},     {"NO_ENTITY", CommandError::no_entity}};
  return known.at(word);
}

// An error as the reference shows it.
ErrorType error_shown(const std::string& shown) {
  static const std::map<std::string, ErrorType> known{
      {"BLOCK", errors::Block{}},
      {"SESSION", errors::Session{}},
      {"AUTH", errors::Auth{}},
      {"SERVICE", errors::Service{}},
      {"CRYPTO", errors::Crypto{}},
      {"QUOTA", errors::Quota{}},
      {"STORE {storeErr = \"some error text\"}", errors::Store{"some error text"}},
      {"NO_MSG", errors::NoMsg{}},
      {"LARGE_MSG", errors::LargeMsg{}},
      {"EXPIRED", errors::Expired{}},
      {"INTERNAL", errors::Internal{}},
      {"DUPLICATE_", errors::Duplicate{}},
      {"PROXY {proxyErr = BASIC_AUTH}", errors::Proxy{proxy_errors::BasicAuth{}}},
      {"PROXY {proxyErr = NO_SESSION}", errors::Proxy{proxy_errors::NoSession{}}},
      {"BLOCKED {blockInfo = BlockingInfo {reason = BRSpam, notice = Nothing}}",
       errors::Blocked{{BlockingReason::spam, std::nullopt}}},
      {"BLOCKED {blockInfo = BlockingInfo {reason = BRContent, notice = Nothing}}",
       errors::Blocked{{BlockingReason::content, std::nullopt}}},
      {"BLOCKED {blockInfo = BlockingInfo {reason = BRSpam, notice = Just (ClientNotice {ttl = Just 86400})}}",
       errors::Blocked{{BlockingReason::spam, BlockingInfo::Notice{86400}}}},
      {"BLOCKED {blockInfo = BlockingInfo {reason = BRContent, notice = Just (ClientNotice {ttl = Nothing})}}",
       errors::Blocked{{BlockingReason::content, BlockingInfo::Notice{}}}},
      {"BLOCKED {blockInfo = BlockingInfo {reason = BRContent, notice = Just (ClientNotice {ttl = Just 3600})}}",
       errors::Blocked{{BlockingReason::content, BlockingInfo::Notice{3600}}}},
  };
  if (const auto found = known.find(shown); found != known.end()) return found->second;
  if (const auto word = inside(shown, "CMD {cmdErr = ")) return command_error(*word);
  if (const auto inner = inside(shown, "PROXY {proxyErr = ")) {
    if (const auto error = inside(*inner, "PROTOCOL {protocolErr = ")) return proxied(error_shown(*error));
    if (const auto error = inside(*inner, "BROKER {brokerErr = "))
      return errors::Proxy{proxy_errors::Broker{broker_error(*error)}};
  }
  throw std::runtime_error("unknown error " + shown);
}

QueueState full_queue_state() {
  QueueState state;
  state.secured = true;
  state.notifications = true;
  state.subscription = {SubscriptionState::thread, "bW1t"};
  state.size = 2;
  state.first_message = {"bW1t", "2023-11-14T22:13:20Z", StoredMessageKind::message};
  return state;
}

// PKEY's certificates are only in its octets.
BrokerMessage broker_message_named(const std::string& name, const Bytes& octets) {
  const Material& m = material();
  static const Bytes meta = testing::pattern(144);
  static const std::map<std::string, BrokerMessage> messages{
      {"IDS minimal", broker::Ids{recipient_id, sender_id, m.relay_dh, {}, {}, {}, {}}},
      {"IDS messaging", broker::Ids{recipient_id, sender_id, m.relay_dh, QueueMode::messaging, {}, {}, {}}},
      {"IDS contact with link id",
       broker::Ids{recipient_id, sender_id, m.relay_dh, QueueMode::contact, link_id, {}, {}}},
      {"IDS messaging, link, service, ntf",
       broker::Ids{recipient_id, sender_id, m.relay_dh, QueueMode::messaging, link_id, service_id,
                   broker::Ids::Notifier{notifier_id, m.ntf_dh}}},
      {"LNK", broker::Lnk{sender_id, m.link_data()}},
      {"SOK none", broker::Sok{}},
      {"SOK service", broker::Sok{service_id}},
      {"SOKS", broker::Soks{{12345, {}}}},
      {"MSG", broker::Msg{message_id, Content(as_bytes("encrypted body"))}},
      {"NID", broker::Nid{notifier_id, m.ntf_dh}},
      {"NMSG", broker::Nmsg{crypto::cb_nonce(testing::pattern(24)), Content(meta)}},
      {"RRES", broker::Rres{Content(as_bytes("encrypted response"))}},
      {"PRES", broker::Pres{Content(as_bytes("encrypted response"))}},
      {"END", broker::End{}},
      {"ENDS", broker::Ends{{7, {}}}},
      {"DELD", broker::Deld{}},
      {"OK", broker::Ok{}},
      {"PONG", broker::Pong{}},
      {"INFO empty queue", broker::Info{}},
      {"INFO with message", broker::Info{full_queue_state()}},
  };
  if (const auto found = messages.find(name); found != messages.end()) return found->second;
  if (name.starts_with("ERR ")) return broker::Err{error_shown(name.substr(4))};
  if (name != "PKEY") throw std::runtime_error("unknown message " + name);
  auto message = std::get<broker::Pkey>(decode_message(octets, SmpVersion(18)).value());
  EXPECT_EQ(message.session_id, testing::pattern(32));
  EXPECT_EQ(message.versions, (SmpVersionRange{SmpVersion(8), SmpVersion(17)}));
  EXPECT_EQ(message.certificates.size(), 2);
  return message;
}

BrokerMessage message_shown(const std::string& shown) {
  if (shown == "OK") return broker::Ok{};
  if (shown == "PONG") return broker::Pong{};
  if (shown == "END") return broker::End{};
  if (shown == "DELD") return broker::Deld{};
  if (shown == "SOK Nothing") return broker::Sok{};
  if (shown == "SOKS 5") return broker::Soks{{5, {}}};
  if (const auto error = inside(shown, "ERR (")) return broker::Err{error_shown(*error)};
  if (shown.starts_with("ERR ")) return broker::Err{error_shown(shown.substr(4))};
  throw std::runtime_error("unknown message " + shown);
}

}  // namespace
}  // namespace simplex::smp
