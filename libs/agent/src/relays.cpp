#include "relays.hpp"

namespace simplex::agent {

void Relays::start(Handlers handlers) { handlers_ = std::make_shared<Handlers>(std::move(handlers)); }

void Relays::stop() {
  handlers_.reset();
  relays_.clear();
}

Relay& Relays::get(UserId user, const protocol::ServerAddress& address) {
  auto& place = relays_[{user, protocol::format(address)}];
  if (!place) place.reset(new Relay(user, address, config_.timeouts.reconnect));
  return *place;
}

void Relays::need(Relay& relay) {
  if (!handlers_ || relay.up_ || relay.attempt_ || relay.timer_.armed()) return;
  connect(relay);
}

void Relays::connect(Relay& relay) {
  smp::client::Options options;
  options.versions = config_.versions.smp;
  options.connect_timeout = config_.timeouts.connect;
  options.command_timeout = config_.timeouts.command;
  options.ping_interval = config_.timeouts.ping;
  options.pings_unanswered = config_.timeouts.pings_unanswered;
  relay.client_.reset();
  relay.attempt_ = smp::client::Client::connect(
      {dependencies_.loop, dependencies_.random, dependencies_.log, dependencies_.connector}, relay.address_, options,
      {.pushed =
           [this, &relay](const smp::EntityId& entity, const smp::BrokerMessage& message) {
             if (const auto handlers = handlers_) handlers->pushed(relay, entity, message);
           },
       .disconnected = [this, &relay](const smp::client::Failure& why) { ended(relay, why); },
       .violation =
           [this](const Error& error) { dependencies_.log.warning("A relay broke the protocol: " + error.message); }},
      [this, &relay](smp::client::Outcome<std::unique_ptr<smp::client::Client>> made) {
        connected(relay, std::move(made));
      });
}

void Relays::connected(Relay& relay, smp::client::Outcome<std::unique_ptr<smp::client::Client>> made) {
  relay.attempt_.reset();
  const auto handlers = handlers_;
  if (!handlers) return;
  if (!made) {
    retry_after(relay, relay.backoff_.next(dependencies_.random));
    handlers->down(relay, made.error(), false);
    return;
  }
  relay.client_ = std::move(*made);
  relay.up_ = true;
  relay.up_since_ = dependencies_.loop.now();
  handlers->up(relay);
}

void Relays::ended(Relay& relay, const smp::client::Failure& why) {
  const bool was_up = std::exchange(relay.up_, false);
  const auto handlers = handlers_;
  if (!handlers) return;
  if (dependencies_.loop.now() - relay.up_since_ < config_.timeouts.reconnect.increase_after) {
    retry_after(relay, relay.backoff_.next(dependencies_.random));
  } else {
    relay.backoff_.reset();
    // Soon, but not all clients of a relay at once.
    retry_after(relay, std::chrono::milliseconds(dependencies_.random.below(500)));
  }
  handlers->down(relay, why, was_up);
}

// The client that has just ended is destroyed by the next connect(), not here: this is one of its callbacks.
void Relays::retry_after(Relay& relay, Duration pause) {
  relay.timer_ = dependencies_.loop.after(pause, [this, &relay] { retry_now(relay); });
}

void Relays::retry_now(Relay& relay) {
  relay.timer_.cancel();
  const auto handlers = handlers_;
  if (handlers && handlers->needed(relay)) connect(relay);
}

}  // namespace simplex::agent
