#include "simplex/transport/smp_handshake.hpp"

#include "simplex/crypto/key_encoding.hpp"

namespace simplex::transport {
namespace {

std::unexpected<HandshakeError> failed(TransportError code, ErrorKind kind, std::string message,
                                       Advice advice = Advice::give_up) {
  return std::unexpected(HandshakeError{code, Error{kind, std::move(message), advice}});
}

std::unexpected<HandshakeError> unparsed(const char* what, const Error& error) {
  return failed(TransportError::handshake_parse, ErrorKind::malformed, std::string(what) + ": " + error.message);
}

std::unexpected<HandshakeError> no_common_version(const char* peer, SmpVersionRange ours, SmpVersionRange theirs) {
  const bool peer_is_older = theirs.max < ours.min;
  return failed(TransportError::version, ErrorKind::version,
                std::string("the ") + peer + " speaks SMP " + format_version_range(theirs) + ", this program " +
                    format_version_range(ours) + ": " +
                    (peer_is_older ? std::string(peer) + " is too old" : "this program is too old"));
}

// From the relay's point of view; the client swaps them.
std::optional<BlockKeys> block_keys(const SmpSession& session, bool is_relay) {
  if (!session.secret || session.proxy || session.version < encrypted_block_version) return std::nullopt;
  auto chains = crypto::init_chains(*session.secret, session.session_id.view());
  if (is_relay) return BlockKeys{std::move(chains.first), std::move(chains.second)};
  return BlockKeys{std::move(chains.second), std::move(chains.first)};
}

}  // namespace

SmpServerHandshake::SmpServerHandshake(const ServerCredentials& credentials, const ChannelInfo& channel,
                                       crypto::X25519KeyPair key, ServerHandshakeSettings settings)
    : versions_(channel.alpn ? settings.versions : legacy_smp_versions),
      session_id_(channel.session_id),
      identity_(credentials.identity),
      client_chain_(channel.peer_certificates),
      key_(std::move(key)),
      settings_(std::move(settings)) {
  SmpServerHello hello{versions_, session_id_, std::nullopt};
  // Legacy clients get no key: the signature is not made for them.
  if (versions_.max >= session_key_version) {
    hello.key = CertifiedKey{credentials.chain, sign_key(credentials.key, crypto::to_spki(key_.public_key))};
  }
  hello_ = encode(hello);
}

HandshakeStep SmpServerHandshake::receive(BytesView content) {
  HandshakeStep step;
  step.outcome = read(content, step.send);
  return step;
}

Result<SmpSession, HandshakeError> SmpServerHandshake::read(BytesView content, std::optional<Bytes>& answer) {
  auto hello = decode_client_hello(content);
  if (!hello) return unparsed("the client's first block is not an SMP handshake", hello.error());
  if (!std::ranges::equal(hello->identity, identity_.view())) {
    return failed(TransportError::handshake_identity, ErrorKind::authentication,
                  "the client asks for a relay with another fingerprint");
  }
  if (!versions_.contains(hello->version)) {
    return no_common_version("client", versions_, {hello->version, hello->version});
  }

  SmpSession session;
  session.version = hello->version;
  session.relay_versions = {versions_.min, hello->version};
  session.session_id = session_id_;
  session.proxy = hello->proxy;
  session.peer_key = hello->key;
  if (hello->service) {
    auto service = service_of(*hello->service);
    if (!service) {
      answer = encode(SmpServiceAnswer(service.error()));
      return failed(service.error(), ErrorKind::authentication, "the client's service certificate was not accepted");
    }
    answer = encode(SmpServiceAnswer(service->id));
    session.service = std::move(*service);
  }
  if (session.peer_key) {
    auto secret = crypto::dh(*session.peer_key, key_.private_key);
    if (!secret) {
      return failed(TransportError::handshake_bad_auth, ErrorKind::authentication,
                    "the client's session key: " + secret.error().message);
    }
    session.secret = std::move(*secret);
  }
  session.own_key = key_.private_key.clone();
  session.block_keys = block_keys(session, true);
  return session;
}

Result<SmpSessionService, TransportError> SmpServerHandshake::service_of(const SmpClientService& service) const {
  const auto bad = std::unexpected(TransportError::handshake_bad_auth);
  if (service.key.chain != client_chain_) return bad;
  const auto fingerprint = identity_of(service.key.chain);
  const auto signer = certified_key(service.key.chain.front());
  if (!fingerprint || !signer) return bad;
  const auto spki = verify_signed_key(*signer, service.key.signed_key);
  if (!spki) return bad;
  const auto key = crypto::from_spki<crypto::Ed25519PublicKey>(*spki);
  if (!key) return bad;
  if (!settings_.service) return std::unexpected(TransportError::handshake_bad_service);
  auto id = settings_.service(service.role, service.key.chain, *fingerprint);
  if (!id) return std::unexpected(id.error());
  return SmpSessionService{std::move(*id), service.role, *fingerprint, *key, std::nullopt};
}

SmpClientHandshake::SmpClientHandshake(ClientHandshakeSettings settings, const ChannelInfo& channel,
                                       std::optional<crypto::X25519KeyPair> key)
    : settings_(std::move(settings)),
      session_id_(channel.session_id),
      relay_chain_(channel.peer_certificates),
      key_(std::move(key)) {}

HandshakeStep SmpClientHandshake::receive(BytesView content) {
  HandshakeStep step;
  if (!waits_for_service_) {
    auto sent = read_hello(content);
    if (!sent) {
      step.outcome = std::unexpected(std::move(sent).error());
      return step;
    }
    step.send = std::move(*sent);
    if (!waits_for_service_) step.outcome = std::move(session_);
    return step;
  }
  auto answer = decode_service_answer(content);
  if (!answer) {
    step.outcome = unparsed("the relay's answer to the service", answer.error());
  } else if (const auto* error = std::get_if<TransportError>(&*answer)) {
    step.outcome = failed(*error, ErrorKind::authentication,
                          "the relay did not accept the service: " + std::string(wire_text(*error)));
  } else {
    session_.service->id = std::get<ServiceId>(*answer);
    step.outcome = std::move(session_);
  }
  return step;
}

Result<Bytes, HandshakeError> SmpClientHandshake::read_hello(BytesView content) {
  auto hello = decode_server_hello(content);
  if (!hello) return unparsed("the relay's first block is not an SMP handshake", hello.error());
  if (hello->session_id != session_id_) {
    return failed(TransportError::session, ErrorKind::authentication,
                  "the relay's session id is not of this TLS connection: somebody stands between you and the relay",
                  Advice::ask_user);
  }
  // A relay below 14 does not know proxies and would encrypt blocks, for which what they forward is too long: the
  // newest version without encryption is agreed.
  auto versions = settings_.versions;
  if (settings_.proxy && hello->versions.max < proxy_flag_version)
    versions.max = std::max(versions.min, SmpVersion{10});
  const auto shared = hello->versions.intersect(versions);
  if (!shared) return no_common_version("relay", versions, hello->versions);

  session_.version = shared->max;
  session_.relay_versions = *shared;
  session_.session_id = session_id_;
  session_.proxy = settings_.proxy;
  if (hello->key) {
    auto peer = check_key(*hello->key);
    if (!peer) return std::unexpected(std::move(peer).error());
    session_.peer_key = *peer;
    session_.certified_key = std::move(hello->key);
  }

  SmpClientHello answer;
  answer.version = session_.version;
  answer.identity = to_bytes(settings_.identity.view());
  answer.proxy = settings_.proxy;
  if (key_) {
    answer.key = key_->public_key;
    if (session_.peer_key) {
      auto secret = crypto::dh(*session_.peer_key, key_->private_key);
      if (!secret) {
        return failed(TransportError::handshake_bad_auth, ErrorKind::authentication,
                      "the relay's session key: " + secret.error().message);
      }
      session_.secret = std::move(*secret);
    }
    session_.own_key = std::move(key_->private_key);
  }
  if (shows_service()) {
    auto& service = *settings_.service;
    answer.service = SmpClientService{
        service.role, {service.chain, sign_key(service.certificate_key, crypto::to_spki(service.key.public_key))}};
    const auto fingerprint = identity_of(service.chain);
    if (!fingerprint) {
      return std::unexpected(HandshakeError{TransportError::handshake_bad_service, fingerprint.error()});
    }
    session_.service =
        SmpSessionService{{}, service.role, *fingerprint, service.key.public_key, std::move(service.key.private_key)};
    waits_for_service_ = true;
  }
  session_.block_keys = block_keys(session_, false);
  return encode(answer);
}

bool SmpClientHandshake::shows_service() const {
  return settings_.service && session_.version >= service_version && session_.version >= settings_.service->since;
}

// The key must be signed by the certificate that this TLS connection showed, of the relay that is wanted.
Result<crypto::X25519PublicKey, HandshakeError> SmpClientHandshake::check_key(const CertifiedKey& key) const {
  const auto bad = [](std::string what) {
    return failed(TransportError::handshake_bad_auth, ErrorKind::authentication, std::move(what));
  };
  const auto identity = identity_of(key.chain);
  if (!identity || key.chain.size() < 2 || *identity != settings_.identity || relay_chain_.empty()) {
    return bad("the relay's session key is certified by another relay than the one in its address");
  }
  const auto signer = certified_key(relay_chain_.front());
  if (!signer) return bad(signer.error().message);
  const auto spki = verify_signed_key(*signer, key.signed_key);
  if (!spki) return bad(spki.error().message);
  const auto made = crypto::from_spki<crypto::X25519PublicKey>(*spki);
  if (!made) return bad("the relay's session key is not an X25519 key");
  return *made;
}

}  // namespace simplex::transport
