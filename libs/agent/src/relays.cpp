#include "relays.hpp"

#include <algorithm>

#include "simplex/encoding/base64.hpp"
#include "session_rules.hpp"

namespace simplex::agent {
namespace {

constexpr Duration probe_limit = std::chrono::seconds(10);

}  // namespace

void Relays::start(Handlers handlers) {
  handlers_ = std::make_shared<Handlers>(std::move(handlers));
  held_ = false;
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
  if (!place) place.reset(new Relay(std::move(whose), address, config_.timeouts.reconnect, statistics_));
  return *place;
}

void Relays::need(Relay& relay) {
  if (!handlers_ || held_ || relay.up_ || relay.attempt_ || relay.timer_.armed()) return;
  if (!network_state_.connected()) return retry_after(relay, {});
  connect(relay);
}

void Relays::set_network_state(const NetworkState& state) {
  const auto before = std::exchange(network_state_, state);
  if (!handlers_ || held_ || before == state) return;
  for (auto& [key, relay] : relays_) {
    const bool trying = relay->attempt_ != nullptr || relay->timer_.armed();
    if (relay->up_ && state.connected()) probe(*relay);
    if (!trying) continue;
    relay->attempt_.reset();
    relay->backoff_.reset();
    if (state.connected()) {
      retry_now(*relay);
    } else {
      retry_after(*relay, {});
    }
  }
}

void Relays::probe(Relay& relay) {
  relay.probe_ = dependencies_.loop.after(probe_limit, [&relay] {
    relay.client_->disconnect(
        {ErrorKind::timeout, "the relay does not answer since the network has changed", Advice::retry});
  });
  relay.client_->ping([&relay](const smp::client::Outcome<>&) { relay.probe_.cancel(); });
}

void Relays::hold() {
  held_ = true;
  for (auto& [key, relay] : relays_) {
    relay->attempt_.reset();
    relay->timer_.cancel();
  }
}

bool Relays::busy() const {
  return std::ranges::any_of(relays_, [](const auto& entry) {
    const auto* client = entry.second->client();
    if (client == nullptr) return false;
    const auto counters = client->counters();
    return counters.in_flight > 0 || counters.waiting > 0;
  });
}

Relays::Session Relays::session_of(const Relay& relay) {
  if (relay.up_) return Session::up;
  if (relay.attempt_) return Session::opening;
  return relay.timer_.armed() ? Session::failed : Session::none;
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
    relay.probe_.cancel();
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
  auto options = session_options(config_, session_, relay.party_, relay.address_);
  if (network_state_.slow()) {
    options.connect_timeout = options.connect_timeout * 3 / 2;
    options.command_timeout = options.command_timeout * 3 / 2;
  }
  relay.attempt_ = smp::client::Client::connect(
      {dependencies_.loop, dependencies_.random, dependencies_.log, dependencies_.connector}, relay.address_,
      std::move(options),
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
    retry_after(relay, relay.backoff_.next_spread(dependencies_.random));
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
  relay.probe_.cancel();
  const auto handlers = handlers_;
  if (!handlers) return;
  if (dependencies_.loop.now() - relay.up_since_ < config_.timeouts.reconnect.increase_after) {
    retry_after(relay, relay.backoff_.next_spread(dependencies_.random));
  } else {
    relay.backoff_.reset();
    // Soon, but not all clients of a relay at once.
    const auto most = static_cast<std::uint64_t>(config_.timeouts.reconnect.initial.count());
    retry_after(relay, Duration(static_cast<Duration::rep>(dependencies_.random.below(most + 1))));
  }
  handlers->down(relay, why, was_up);
}

// The client that has just ended is destroyed by the next connect(), not here: this is one of its callbacks.
void Relays::retry_after(Relay& relay, Duration pause) {
  if (held_) return;
  if (!network_state_.connected()) pause = std::max(pause, config_.timeouts.offline_retry);
  relay.timer_ = dependencies_.loop.after(pause, [this, &relay] { retry_now(relay); });
}

void Relays::retry_now(Relay& relay) {
  relay.timer_.cancel();
  const auto handlers = handlers_;
  if (handlers && handlers->needed(relay)) connect(relay);
}

}  // namespace simplex::agent
