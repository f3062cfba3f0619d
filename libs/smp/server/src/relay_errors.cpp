#include "relay_errors.hpp"

#include "simplex/smp/version.hpp"

namespace simplex::smp::server {
namespace {

TransportErrorKind kind_of(transport::TransportError error) {
  using transport::TransportError;
  switch (error) {
    case TransportError::block: return TransportErrorKind::block;
    case TransportError::version: return TransportErrorKind::version;
    case TransportError::large_message: return TransportErrorKind::large_message;
    case TransportError::session: return TransportErrorKind::session;
    case TransportError::no_server_key: return TransportErrorKind::no_server_auth;
    case TransportError::handshake_parse: return TransportErrorKind::handshake_parse;
    case TransportError::handshake_identity: return TransportErrorKind::handshake_identity;
    case TransportError::handshake_bad_auth: return TransportErrorKind::handshake_bad_auth;
    case TransportError::handshake_bad_service: return TransportErrorKind::handshake_bad_service;
  }
  return TransportErrorKind::handshake_parse;
}

ErrorType response(const ErrorType& error) {
  auto text = wire_text(error, current_version);
  if (text.size() > 32) text.resize(32);
  return broker_error(broker_errors::Response{std::move(text)});
}

}  // namespace

ErrorType broker_error(BrokerError error) { return errors::Proxy{proxy_errors::Broker{std::move(error)}}; }

ErrorType transport_error(TransportErrorKind kind) { return broker_error(broker_errors::Transport{kind}); }

ErrorType connect_error(const client::Failure& failure) {
  if (failure.handshake) return transport_error(kind_of(*failure.handshake));
  // No host that the rules allow.
  if (failure.error.kind == ErrorKind::unsupported) return broker_error(broker_errors::Host{});
  // TCP and TLS, a wrong certificate and a timeout among it: the text stays here.
  return broker_error(broker_errors::Network{});
}

ErrorType forward_error(const client::Failure& failure) {
  switch (failure.kind) {
    case client::Failure::Kind::refused: {
      auto error = proxied(*failure.relay_error);
      if (wire_text(error, current_version).size() <= max_relayed_error) return error;
      return broker_error(broker_errors::Response{"too long"});
    }
    // A connection that ended may have done the command or not, like one that is silent.
    case client::Failure::Kind::network:
    case client::Failure::Kind::timeout: return broker_error(broker_errors::Timeout{});
    case client::Failure::Kind::malformed: return response(failure.relay_error.value_or(errors::Block{}));
    case client::Failure::Kind::too_large:
      if (failure.error.advice == Advice::retry) return broker_error(broker_errors::Timeout{});
      return transport_error(TransportErrorKind::large_message);
    case client::Failure::Kind::version: return transport_error(TransportErrorKind::version);
    case client::Failure::Kind::unexpected:
    case client::Failure::Kind::untrusted: break;
  }
  return unexpected_answer(failure.error.message);
}

ErrorType unexpected_answer(std::string text) {
  if (text.size() > 32) text.resize(32);
  return broker_error(broker_errors::Unexpected{std::move(text)});
}

bool is_temporary(const ErrorType& error) {
  const auto* proxy = std::get_if<errors::Proxy>(&error.kind);
  if (proxy == nullptr) return false;
  const auto* broker = std::get_if<proxy_errors::Broker>(&proxy->error);
  if (broker == nullptr) return false;
  return std::holds_alternative<broker_errors::Network>(broker->error) ||
         std::holds_alternative<broker_errors::Timeout>(broker->error);
}

}  // namespace simplex::smp::server
