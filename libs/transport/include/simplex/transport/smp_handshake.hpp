// The SMP handshake as two state machines without I/O: contents of blocks in, contents of blocks and the session out.
//
//   relay                                    client
//   hello()  ── versions, session id, key ──►  receive()
//   receive() ◄── version, identity, key ────
//            ── service id (services only) ─►  receive()
#pragma once

#include "simplex/crypto/block_chain.hpp"
#include "simplex/transport/credentials.hpp"
#include "simplex/transport/handshake_messages.hpp"

namespace simplex::transport {

// Why a handshake failed: the protocol's code, and the text for people.
struct HandshakeError {
  TransportError code = TransportError::handshake_parse;
  Error error;
};

// A client that is a service: on the client its own key, on the relay the peer's.
struct SmpSessionService {
  ServiceId id;
  SmpServiceRole role = SmpServiceRole::messaging;
  KeyHash fingerprint;                                   // of its identity certificate
  crypto::Ed25519PublicKey key;                          // signs its commands
  std::optional<crypto::Ed25519PrivateKey> private_key;  // on the client
};

struct BlockKeys {
  crypto::ChainKey send;
  crypto::ChainKey receive;
};

// What both sides know when the handshake is done.
struct SmpSession {
  SmpVersion version;
  SmpVersionRange relay_versions;  // what the relay offered, up to what the client supports
  SessionId session_id;
  bool proxy = false;  // the client is a proxy: a relay that forwards commands of its clients

  // Client: the relay's session key, which authenticators of commands are made with. Relay: the client's, if it sent one.
  std::optional<crypto::X25519PublicKey> peer_key;
  // Client: its session key, if it sent one. Relay: the key that opens authenticators.
  std::optional<crypto::X25519PrivateKey> own_key;
  // Agreed between the two keys, when both sent theirs.
  std::optional<crypto::X25519Secret> secret;
  // Client: the relay's key as it was signed; a proxy passes it on to its clients.
  std::optional<CertifiedKey> certified_key;
  std::optional<SmpSessionService> service;
  // Version 11+, both keys, no proxy.
  std::optional<BlockKeys> block_keys;

  // From version 7 the session id is authorized in transmissions, and not sent.
  [[nodiscard]] bool implies_session_id() const { return version >= session_key_version; }
  // From version 16 an authenticator is followed by an optional signature of the service.
  [[nodiscard]] bool has_service_signature() const { return version >= service_version; }
};

struct HandshakeStep {
  std::optional<Bytes> send;  // content of a block for the peer, first of all
  // Done, failed, or nothing: waits for another block.
  std::optional<Result<SmpSession, HandshakeError>> outcome;
};

struct ServerHandshakeSettings {
  SmpVersionRange versions = supported_smp_versions;
  // Finds or makes the record of a service. Empty: services are refused with BAD_SERVICE.
  std::function<Result<ServiceId, TransportError>(SmpServiceRole role, const CertificateChain& chain,
                                                  const KeyHash& fingerprint)>
      service;
};

class SmpServerHandshake {
 public:
  // The credentials are used in the constructor only; the channel is known by what it showed.
  SmpServerHandshake(const ServerCredentials& credentials, const ChannelInfo& channel, crypto::X25519KeyPair key,
                     ServerHandshakeSettings settings = {});
  // The relay speaks first.
  [[nodiscard]] const Bytes& hello() const { return hello_; }
  [[nodiscard]] HandshakeStep receive(BytesView content);

 private:
  Result<SmpSession, HandshakeError> read(BytesView content, std::optional<Bytes>& answer);
  Result<SmpSessionService, TransportError> service_of(const SmpClientService& service) const;

  SmpVersionRange versions_;
  SessionId session_id_;
  KeyHash identity_;
  CertificateChain client_chain_;
  crypto::X25519KeyPair key_;
  ServerHandshakeSettings settings_;
  Bytes hello_;
};

// A client that shows a certificate of its own in TLS and is known to relays by it.
struct ClientServiceSettings {
  SmpServiceRole role = SmpServiceRole::messaging;
  CertificateChain chain;
  crypto::SignaturePrivateKey certificate_key;
  crypto::Ed25519KeyPair key;  // for this session
  // Relays below it are not told.
  SmpVersion since = messaging_service_version;
};

struct ClientHandshakeSettings {
  KeyHash identity;
  SmpVersionRange versions = supported_smp_versions;
  bool proxy = false;
  std::optional<ClientServiceSettings> service;
};

class SmpClientHandshake {
 public:
  // Without a key of its own the client has no block encryption.
  SmpClientHandshake(ClientHandshakeSettings settings, const ChannelInfo& channel,
                     std::optional<crypto::X25519KeyPair> key);
  [[nodiscard]] HandshakeStep receive(BytesView content);

 private:
  Result<Bytes, HandshakeError> read_hello(BytesView content);
  Result<crypto::X25519PublicKey, HandshakeError> check_key(const CertifiedKey& key) const;
  [[nodiscard]] bool shows_service() const;

  ClientHandshakeSettings settings_;
  SessionId session_id_;
  CertificateChain relay_chain_;
  std::optional<crypto::X25519KeyPair> key_;
  SmpSession session_;
  bool waits_for_service_ = false;
};

}  // namespace simplex::transport
