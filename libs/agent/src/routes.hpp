// How what we send reaches a relay: directly, or through one of our own as a proxy (private routing). A way is chosen
// for each user and destination and kept while it works; a proxy that fails gives way to another one.
//
//   way() ── direct ─────────────────────────────────────────► session with the destination
//         └─ proxied ► session with the proxy ► PRXY, once ──► PFWD
//                          lost: PRXY again │ too old: another proxy, or directly where that is allowed
#pragma once

#include <map>
#include <set>

#include "core.hpp"
#include "relays.hpp"

namespace simplex::agent {

struct Way {
  Relay* relay = nullptr;  // whose session the command goes through; null: none may be used
  bool proxied = false;
};

class Routes {
 public:
  Routes(Core& core, Relays& relays) : core_(core), relays_(relays) {}

  [[nodiscard]] Way way(const Party& party, const protocol::ServerAddress& destination);
  // There is no way: what to tell.
  [[nodiscard]] static smp::client::Failure no_way();
  // After a failure of the proxy's: it goes directly now, at once.
  [[nodiscard]] bool goes_directly(const Party& party, const protocol::ServerAddress& destination) const;

  // By the way, whose session is up. done is called once, with the relay's answer or what went wrong.
  void send_message(const Way& way, const protocol::ServerAddress& destination, const smp::SenderId& queue,
                    const crypto::AuthPrivateKey* key, smp::MessageFlags flags, Bytes body, smp::client::Done<> done);
  void secure_as_sender(const Way& way, const protocol::ServerAddress& destination, const smp::SenderId& queue,
                        const crypto::AuthPrivateKey& key, smp::client::Done<> done);
  void secure_and_get_link(const Way& way, const protocol::ServerAddress& destination, const smp::LinkId& link,
                           const crypto::AuthPrivateKey& key, smp::client::Done<smp::broker::Lnk> done);
  void get_link(const Way& way, const protocol::ServerAddress& destination, const smp::LinkId& link,
                smp::client::Done<smp::broker::Lnk> done);

  // The session with a relay has ended, or could not be made. Before others are told.
  void relay_down(const Relay& relay);
  // Every way is chosen anew for what is not on its way yet.
  void choose_anew() { destinations_.clear(); }
  // After the end of the sessions.
  void stop();

 private:
  template <class T>
  using Act =
      std::move_only_function<void(smp::client::Client&, const smp::client::PrivateRoute*, smp::client::Done<T>)>;
  template <class T>
  void go(const Way& way, const protocol::ServerAddress& destination, Act<T> act, smp::client::Done<T> done);
  template <class T>
  void go_privately(Relay& proxy, const protocol::ServerAddress& destination, std::shared_ptr<Act<T>> act,
                    smp::client::Done<T> done, bool again);

  using UseRoute = std::move_only_function<void(smp::client::Outcome<smp::client::PrivateRoute>)>;
  void with_route(Relay& proxy, const protocol::ServerAddress& destination, UseRoute use);
  void forget_route(const Relay& proxy, const protocol::ServerAddress& destination,
                    const smp::client::PrivateRoute& route);
  void proxy_failed(const Relay& proxy, const protocol::ServerAddress& destination,
                    const smp::client::Failure& failure);

  [[nodiscard]] bool wants_proxy(UserId user, const protocol::ServerAddress& destination) const;
  [[nodiscard]] bool may_go_directly(const protocol::ServerAddress& destination) const;

  struct Destination {
    Relay* proxy = nullptr;               // chosen
    std::string failed;                   // the one before
    std::optional<Instant> direct_since;  // no proxy can be used
    const Relay* direct_because = nullptr;
  };
  struct Route {
    std::optional<smp::client::PrivateRoute> route;
    std::vector<UseRoute> waiting;  // for PKEY
  };

  Core& core_;
  Relays& relays_;
  std::map<std::pair<Party, std::string>, Destination> destinations_;
  std::map<std::pair<const Relay*, std::string>, Route> routes_;
};

}  // namespace simplex::agent
