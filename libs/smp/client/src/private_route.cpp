#include "simplex/smp/client/private_route.hpp"

#include <algorithm>

#include "simplex/crypto/key_encoding.hpp"
#include "simplex/crypto/nonce.hpp"
#include "simplex/smp/proxy_layers.hpp"
#include "simplex/smp/transmission.hpp"
#include "simplex/transport/certificate.hpp"
#include "command_versions.hpp"
#include "connected_client.hpp"

namespace simplex::smp::client {
namespace {

std::unexpected<Failure> of_proxy(Failure::Kind kind, ErrorKind error, std::string message) {
  Failure failure{kind, {error, std::move(message), Advice::retry}, std::nullopt};
  failure.at_proxy = true;
  return std::unexpected(std::move(failure));
}

// Null: the failure is not the proxy's.
const ProxyError* proxy_error(const Failure& failure) noexcept {
  if (!failure.at_proxy || !failure.relay_error) return nullptr;
  const auto* error = std::get_if<errors::Proxy>(&failure.relay_error->kind);
  return error != nullptr ? &error->error : nullptr;
}

// The relay's answer within PRES.
void open_answer(const crypto::BoxKey& key, const crypto::CbNonce& nonce, const PrivateRoute& route,
                 const Content& encrypted, Done<BrokerMessage>& done) {
  Bytes octets = to_bytes(encrypted.bytes);
  const auto transmission = open_forwarded(key, nonce, octets);
  if (!transmission) {
    return done(of_proxy(Failure::Kind::malformed, ErrorKind::malformed, "the proxy's answer can't be read"));
  }
  auto received = decode_broker_transmission({route.version, route.session_id}, *transmission);
  if (!received) {
    return done(std::unexpected(Failure{
        Failure::Kind::malformed, {ErrorKind::malformed, "the relay's answer can't be read"}, received.error().error}));
  }
  if (const auto* error = std::get_if<broker::Err>(&received->message)) {
    return done(std::unexpected(refused(error->error)));
  }
  done(std::move(received->message));
}

}  // namespace

Outcome<PrivateRoute> check_route(const broker::Pkey& answer, const protocol::ServerAddress& relay,
                                  SmpVersionRange versions, WallTime now) {
  const auto version = std::min(versions.max, answer.versions.max);
  if (version < std::max({versions.min, answer.versions.min, proxy_version})) {
    return of_proxy(Failure::Kind::version, ErrorKind::version, "the relay has no version that a proxy could use");
  }
  const auto untrusted = [](const std::string& why) {
    return of_proxy(Failure::Kind::untrusted, ErrorKind::authentication,
                    "the proxy does not lead to the relay of this address: " + why);
  };
  const auto identity = transport::KeyHash::from(relay.key_hash.view());
  if (!identity || answer.certificates.empty()) return untrusted("its fingerprint is missing");
  if (const auto verified = transport::verify_relay_chain(answer.certificates, *identity, now); !verified) {
    return untrusted(verified.error().message);
  }
  const auto signer = transport::certified_key(answer.certificates.front());
  if (!signer) return untrusted(signer.error().message);
  const auto spki = transport::verify_signed_key(*signer, answer.signed_key);
  if (!spki) return untrusted(spki.error().message);
  const auto key = crypto::from_spki<crypto::X25519PublicKey>(*spki);
  if (!key) return untrusted(key.error().message);
  return PrivateRoute{answer.session_id, version, *key};
}

bool cannot_route(const Failure& failure) noexcept {
  if (failure.at_proxy && failure.kind == Failure::Kind::version) return true;
  const auto* error = proxy_error(failure);
  if (error == nullptr) return false;
  const auto* broker = std::get_if<proxy_errors::Broker>(error);
  if (broker == nullptr) return false;
  const auto* transport = std::get_if<broker_errors::Transport>(&broker->error);
  return std::holds_alternative<broker_errors::Host>(broker->error) ||
         (transport != nullptr && transport->kind == TransportErrorKind::version);
}

bool route_is_lost(const Failure& failure) noexcept {
  const auto* error = proxy_error(failure);
  return error != nullptr && std::holds_alternative<proxy_errors::NoSession>(*error);
}

void ConnectedClient::open_route(const protocol::ServerAddress& relay, std::optional<BasicAuth> password,
                                 Done<PrivateRoute> done) {
  command(
      {}, nullptr, command::Prxy{relay, std::move(password)},
      [relay, versions = options_.versions, &loop = dependencies_.loop,
       done = std::move(done)](Outcome<BrokerMessage> answer) mutable {
        if (!answer) {
          auto failure = std::move(answer).error();
          failure.at_proxy = true;
          return done(std::unexpected(std::move(failure)));
        }
        if (const auto* key = std::get_if<broker::Pkey>(&*answer)) {
          return done(check_route(*key, relay, versions, loop.wall()));
        }
        done(of_proxy(Failure::Kind::unexpected, ErrorKind::malformed,
                      "the proxy answered " + std::string(smp::name_of(*answer)) + " to PRXY"));
      },
      std::nullopt);
}

void ConnectedClient::forward(const PrivateRoute& route, const EntityId& entity, const crypto::AuthPrivateKey* key,
                              const ClientCommand& command, Done<BrokerMessage> done) {
  if (route.version < since(command)) return fail_later(std::move(done), too_old_for(command));
  const auto own = crypto::generate_x25519(dependencies_.random);
  auto box = crypto::box_key(route.relay_key, own.private_key);
  const auto corr_id = CorrId::generate(dependencies_.random);
  const auto nonce = crypto::cb_nonce(corr_id.view());
  ClientAuth auth;
  auth.key = key;
  auth.relay_key = route.relay_key;
  const auto transmission =
      encode_client_transmission({route.version, route.session_id}, auth, corr_id, entity.view(), command);
  if (!box || !transmission) {
    Error error = box ? transmission.error() : box.error();
    return fail_later(std::move(done), {Failure::Kind::version, std::move(error), std::nullopt});
  }
  const auto sealed = seal_forwarded(*box, nonce, *transmission);
  if (!sealed) return fail_later(std::move(done), {Failure::Kind::too_large, sealed.error(), std::nullopt});
  this->command(
      EntityId(route.session_id), nullptr, command::Pfwd{route.version, own.public_key, Content(*sealed)},
      [route, nonce, box = std::move(*box), done = std::move(done)](Outcome<BrokerMessage> answer) mutable {
        if (!answer) {
          auto failure = std::move(answer).error();
          failure.at_proxy = true;
          return done(std::unexpected(std::move(failure)));
        }
        if (const auto* response = std::get_if<broker::Pres>(&*answer)) {
          return open_answer(box, crypto::reversed(nonce), route, response->encrypted, done);
        }
        done(of_proxy(Failure::Kind::unexpected, ErrorKind::malformed,
                      "the proxy answered " + std::string(smp::name_of(*answer)) + " to PFWD"));
      },
      corr_id);
}

}  // namespace simplex::smp::client
