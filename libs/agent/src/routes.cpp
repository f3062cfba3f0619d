#include "routes.hpp"

#include "session_rules.hpp"

namespace simplex::agent {
namespace {

// Then a proxy is asked again: relays are updated.
constexpr Duration direct_for = std::chrono::hours(1);

}  // namespace

// ---- choosing -------------------------------------------------------------------------------------------------------

bool Routes::wants_proxy(UserId user, const protocol::ServerAddress& destination) const {
  const auto& network = core_.config.network;
  switch (network.proxy_mode) {
    case ProxyMode::always: return true;
    case ProxyMode::unknown: return !core_.servers.knows(user, destination);
    case ProxyMode::unprotected:
      return !is_address_protected(network, destination) && !core_.servers.knows(user, destination);
    case ProxyMode::never: return false;
  }
  return false;
}

bool Routes::may_go_directly(const protocol::ServerAddress& destination) const {
  switch (core_.config.network.proxy_fallback) {
    case ProxyFallback::allow: return true;
    case ProxyFallback::allow_protected: return is_address_protected(core_.config.network, destination);
    case ProxyFallback::prohibit: return false;
  }
  return false;
}

Way Routes::way(const Party& party, const protocol::ServerAddress& destination) {
  const auto user = party.user;
  const auto direct = [&] { return Way{&relays_.get(party, destination), false}; };
  if (!wants_proxy(user, destination)) return direct();
  auto& chosen = destinations_[{relays_.told_apart(party), protocol::format(destination)}];
  if (chosen.direct_since) {
    if (core_.dependencies.loop.now() - *chosen.direct_since < direct_for) return direct();
    chosen.direct_since.reset();
  }
  if (chosen.proxy == nullptr) {
    const auto* picked = core_.servers.pick_proxy(user, destination, chosen.failed, core_.dependencies.random);
    if (picked == nullptr) return may_go_directly(destination) ? direct() : Way{};
    chosen.proxy = &relays_.get(party, picked->server.address);
  }
  return {chosen.proxy, true};
}

smp::client::Failure Routes::no_way() {
  smp::client::Failure failure{smp::client::Failure::Kind::timeout,
                               {ErrorKind::not_found,
                                "No relay of yours can be the proxy to the recipient's relay, and going there directly "
                                "is forbidden. Add a relay "
                                "that may be a proxy, or allow to go directly.",
                                Advice::ask_user},
                               std::nullopt};
  failure.at_proxy = true;
  return failure;
}

bool Routes::goes_directly(const Party& party, const protocol::ServerAddress& destination) const {
  const auto found = destinations_.find({relays_.told_apart(party), protocol::format(destination)});
  return found != destinations_.end() && found->second.direct_since;
}

void Routes::proxy_failed(const Relay& proxy, const protocol::ServerAddress& destination,
                          const smp::client::Failure& failure) {
  // With the end of its session relay_down() comes.
  if (!failure.at_proxy || failure.kind == smp::client::Failure::Kind::network) return;
  const auto found = destinations_.find({proxy.party(), protocol::format(destination)});
  if (found == destinations_.end() || found->second.proxy != &proxy) return;
  auto& chosen = found->second;
  chosen.proxy = nullptr;
  chosen.failed = proxy.name();
  if (!smp::client::cannot_route(failure) || !may_go_directly(destination)) return;
  chosen.direct_since = core_.dependencies.loop.now();
  chosen.direct_because = &proxy;
}

void Routes::relay_down(const Relay& relay) {
  for (auto& [place, chosen] : destinations_) {
    if (chosen.direct_because == &relay) {
      chosen.direct_because = nullptr;
      chosen.direct_since.reset();
    }
    if (chosen.proxy != &relay) continue;
    chosen.proxy = nullptr;
    chosen.failed = relay.name();
  }
  std::erase_if(routes_,
                [&](const auto& entry) { return entry.first.first == &relay && entry.second.waiting.empty(); });
}

void Routes::stop() {
  destinations_.clear();
  routes_.clear();
}

// ---- going ----------------------------------------------------------------------------------------------------------

void Routes::with_route(Relay& proxy, const protocol::ServerAddress& destination, UseRoute use) {
  const auto key = std::pair(static_cast<const Relay*>(&proxy), protocol::format(destination));
  auto& known = routes_[key];
  if (known.route) return use(*known.route);
  known.waiting.push_back(std::move(use));
  if (known.waiting.size() > 1) return;
  proxy.client()->open_route(destination, core_.servers.password_of(proxy.user(), proxy.address()),
                             [this, key, &proxy, destination](smp::client::Outcome<smp::client::PrivateRoute> outcome) {
                               const auto found = routes_.find(key);
                               if (found == routes_.end()) return;
                               auto waiting = std::exchange(found->second.waiting, {});
                               if (outcome) {
                                 found->second.route = *outcome;
                               } else {
                                 routes_.erase(found);
                                 proxy_failed(proxy, destination, outcome.error());
                               }
                               for (auto& each : waiting) each(outcome);
                             });
}

void Routes::forget_route(const Relay& proxy, const protocol::ServerAddress& destination,
                          const smp::client::PrivateRoute& route) {
  const auto found = routes_.find({&proxy, protocol::format(destination)});
  if (found != routes_.end() && found->second.route == route) routes_.erase(found);
}

template <class T>
void Routes::go(const Way& way, const protocol::ServerAddress& destination, Act<T> act, smp::client::Done<T> done) {
  if (!way.proxied) return act(*way.relay->client(), nullptr, std::move(done));
  go_privately(*way.relay, destination, std::make_shared<Act<T>>(std::move(act)), std::move(done), false);
}

// The route may be lost when it is used after a while; it is asked for again once.
template <class T>
void Routes::go_privately(Relay& proxy, const protocol::ServerAddress& destination, std::shared_ptr<Act<T>> act,
                          smp::client::Done<T> done, bool again) {
  with_route(proxy, destination,
             [this, &proxy, destination, act, done = std::move(done),
              again](smp::client::Outcome<smp::client::PrivateRoute> route) mutable {
               if (!route) return done(std::unexpected(route.error()));
               auto* client = proxy.client();
               if (client == nullptr) return done(std::unexpected(smp::client::Failure{}));
               (*act)(*client, &*route,
                      [this, &proxy, destination, act, route = *route, done = std::move(done),
                       again](smp::client::Outcome<T> outcome) mutable {
                        if (outcome) return done(std::move(outcome));
                        const bool lost = smp::client::route_is_lost(outcome.error());
                        if (lost) forget_route(proxy, destination, route);
                        if (lost && !again && proxy.client() != nullptr) {
                          return go_privately<T>(proxy, destination, act, std::move(done), true);
                        }
                        proxy_failed(proxy, destination, outcome.error());
                        done(std::move(outcome));
                      });
             });
}

void Routes::send_message(const Way& way, const protocol::ServerAddress& destination, const smp::SenderId& queue,
                          const crypto::AuthPrivateKey* key, smp::MessageFlags flags, Bytes body,
                          smp::client::Done<> done) {
  std::optional<crypto::AuthPrivateKey> own;
  if (key != nullptr) own = crypto::clone(*key);
  go<void>(
      way, destination,
      [queue, own = std::move(own), flags, body = std::move(body)](
          smp::client::Client& client, const smp::client::PrivateRoute* route, smp::client::Done<> then) {
        client.send_message(queue, own ? &*own : nullptr, flags, body, std::move(then), route);
      },
      std::move(done));
}

void Routes::secure_as_sender(const Way& way, const protocol::ServerAddress& destination, const smp::SenderId& queue,
                              const crypto::AuthPrivateKey& key, smp::client::Done<> done) {
  go<void>(
      way, destination,
      [queue, own = crypto::clone(key)](smp::client::Client& client, const smp::client::PrivateRoute* route,
                                        smp::client::Done<> then) {
        client.secure_as_sender(queue, own, std::move(then), route);
      },
      std::move(done));
}

void Routes::secure_and_get_link(const Way& way, const protocol::ServerAddress& destination, const smp::LinkId& link,
                                 const crypto::AuthPrivateKey& key, smp::client::Done<smp::broker::Lnk> done) {
  go<smp::broker::Lnk>(
      way, destination,
      [link, own = crypto::clone(key)](smp::client::Client& client, const smp::client::PrivateRoute* route,
                                       smp::client::Done<smp::broker::Lnk> then) {
        client.secure_and_get_link(link, own, std::move(then), route);
      },
      std::move(done));
}

void Routes::get_link(const Way& way, const protocol::ServerAddress& destination, const smp::LinkId& link,
                      smp::client::Done<smp::broker::Lnk> done) {
  go<smp::broker::Lnk>(
      way, destination,
      [link](smp::client::Client& client, const smp::client::PrivateRoute* route,
             smp::client::Done<smp::broker::Lnk> then) { client.get_link(link, std::move(then), route); },
      std::move(done));
}

}  // namespace simplex::agent
