// Commands of a proxy's client (simplex-messaging.md, "Private message routing"): two layers are taken off, and the
// command goes the way of all commands. Its answer is wrapped again where answers are encoded.
#include <algorithm>

#include "simplex/crypto/nonce.hpp"
#include "simplex/smp/proxy_layers.hpp"
#include "simplex/smp/server/shard.hpp"

namespace simplex::smp::server {
namespace {

// What senders do; whoever receives has nothing to hide from this relay.
bool may_be_forwarded(const ClientCommand& command) {
  return std::holds_alternative<command::Send>(command) || std::holds_alternative<command::Skey>(command) ||
         std::holds_alternative<command::Lkey>(command) || std::holds_alternative<command::Lget>(command) ||
         std::holds_alternative<command::Rslv>(command);
}

}  // namespace

void Shard::unwrap(const Request& request, const command::Rfwd& rfwd) {
  const auto& proxy = request.session;
  const Origin to_proxy{request.client, request.received.corr_id, EntityId()};
  if (!proxy->key || !proxy->proxy_key) {
    return error(to_proxy,
                 errors::Proxy{proxy_errors::Broker{broker_errors::Transport{TransportErrorKind::no_server_auth}}});
  }
  auto outer = to_bytes(rfwd.encrypted.bytes);
  const auto opened = open_rfwd(*proxy->proxy_key, crypto::cb_nonce(to_proxy.corr_id.view()), outer);
  if (!opened) {
    const bool encrypted = opened.error().kind == ErrorKind::authentication;
    return error(to_proxy, encrypted ? ErrorType(errors::Crypto{}) : ErrorType(CommandError::syntax));
  }
  auto client_key = crypto::box_key(opened->key, *proxy->key);
  if (!client_key) return error(to_proxy, errors::Crypto{});
  auto inner = to_bytes(opened->encrypted.bytes);
  const auto content = crypto::open_padded_in_place(*client_key, crypto::cb_nonce(opened->corr_id.view()), inner);
  if (!content) return error(to_proxy, errors::Crypto{});
  const auto transmissions = protocol::split_batch(*content);
  if (transmissions && transmissions->size() > 1) return error(to_proxy, errors::Block{});

  // Authorized like a command of the proxy's connection, in the client's version.
  auto session = std::make_shared<ClientSession>();
  // A proxy's connection never sends the session id, whatever older version the client names.
  session->version = std::max(opened->version, authenticator_version);
  session->session_id = proxy->session_id;
  session->key = proxy->key->clone();
  const auto forwarding = std::make_shared<const Forwarding>(
      Forwarding{proxy, to_proxy.corr_id, opened->corr_id, session->version, std::move(*client_key)});
  ++statistics_.forwarded_received;
  // From here on the client is answered, not the proxy.
  if (!transmissions) return error({request.client, CorrId(), EntityId(), forwarding}, errors::Block{});
  const auto transmission = transmissions->front();
  auto received = decode_client_transmission(session->params(), transmission);
  if (!received) {
    auto& refused = received.error();
    return error({request.client, refused.corr_id, EntityId(refused.entity_id), forwarding}, std::move(refused.error));
  }
  const auto refuse = [&](ErrorType kind) {
    error({request.client, received->corr_id, EntityId(received->entity_id), forwarding}, std::move(kind));
  };
  if (!may_be_forwarded(received->command)) return refuse(CommandError::prohibited);
  if (received->service_signature) return refuse(errors::Service{});
  dispatch({request.client, std::move(session), transmission, *std::move(received), nullptr, forwarding});
}

}  // namespace simplex::smp::server
