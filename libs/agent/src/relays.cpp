#include "relays.hpp"

#include "simplex/encoding/base64.hpp"
#include "session_rules.hpp"

namespace simplex::agent {

void Relays::start(Handlers handlers) {
  handlers_ = std::make_shared<Handlers>(std::move(handlers));
  const auto& socks = config_.network.rules.socks;
  if (socks && socks->isolation == transport::SocksIsolation::by_user_name) {
    session_ = base64url(dependencies_.random.bytes(16));
  }
}

void Relays::stop() {
  handlers_.reset();
  relays_.clear();
}

Party Relays::told_apart(const Party& party) const {
  return {party.user, config_.network.session_mode == SessionMode::entity ? party.entity : SessionEntity()};
}

Relay& Relays::get(const Party& party, const protocol::ServerAddress& address) {
  auto whose = told_apart(party);
  auto& place = relays_[{whose, protocol::format(address)}];
  if (!place) place.reset(new Relay(std::move(whose), address, config_.timeouts.reconnect));
  return *place;
}

void Relays::need(Relay& relay) {
  if (!handlers_ || relay.up_ || relay.attempt_ || relay.timer_.armed()) return;
  connect(relay);
}

void Relays::release(const Party& party) {
  auto whose = told_apart(party);
  if (whose.entity.empty()) return;
  dependencies_.loop.post([this, whose = std::move(whose), life = std::weak_ptr(handlers_)] {
    if (!life.expired()) close_unneeded(whose);
  });
}

void Relays::close_unneeded(const Party& party) {
  const auto handlers = handlers_;
  for (auto next = relays_.lower_bound({party, {}}); next != relays_.end() && next->first.first == party; ++next) {
    Relay& relay = *next->second;
    if (!relay.up_ || handlers->needed(relay)) continue;
    relay.up_ = false;
    relay.client_.reset();
    handlers->down(relay, {}, true);
  }
}

std::unique_ptr<smp::client::Client::Attempt> Relays::connect_apart(
    const Party& party, const protocol::ServerAddress& address,
    smp::client::Done<std::unique_ptr<smp::client::Client>> done) {
  return smp::client::Client::connect(
      {dependencies_.loop, dependencies_.random, dependencies_.log, dependencies_.connector}, address,
      session_options(config_, session_, party, address),
      {.pushed = [](const smp::EntityId&, const smp::BrokerMessage&) {},
       .disconnected = [](const smp::client::Failure&) {},
       .violation = {}},
      std::move(done));
}

void Relays::connect(Relay& relay) {
  relay.client_.reset();
  relay.attempt_ = smp::client::Client::connect(
      {dependencies_.loop, dependencies_.random, dependencies_.log, dependencies_.connector}, relay.address_,
      session_options(config_, session_, relay.party_, relay.address_),
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
