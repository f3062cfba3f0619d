#include "simplex/smp/server/relay_sessions.hpp"

#include <algorithm>
#include <deque>
#include <map>
#include <set>

#include "simplex/smp/proxy_layers.hpp"
#include "relay_answers.hpp"
#include "relay_errors.hpp"

namespace simplex::smp::server {
namespace {

constexpr Duration sweep_interval = std::chrono::seconds(60);
// What a proxy's session gives up its place for: not one that was used just now.
constexpr Duration least_idle = std::chrono::seconds(60);
// An attempt to connect that took so long gives way to another when there are too many.
constexpr Duration least_attempt = std::chrono::seconds(5);

// One relay: waiting for its turn, being connected, connected, or failed a short while ago.
struct RelaySession {
  protocol::ServerAddress address;
  bool own = false;                // a relay of this operator's
  std::optional<ClientId> opener;  // until it failed; there while it waits for its turn
  Instant last_used;
  bool waits = false;         // for its turn
  async::Timer waits_enough;  // when it waited too long
  Instant began;              // to connect

  struct Waiter {
    ClientId client;
    Proxy::Done<broker::Pkey> done;
  };
  std::vector<Waiter> waiters;
  std::unique_ptr<client::Client::Attempt> attempt;

  std::unique_ptr<client::Client> client;
  std::optional<crypto::BoxKey> key;
  broker::Pkey answer;
  std::set<std::uint64_t> forwarded;  // without an answer

  std::optional<ErrorType> error;
  bool incompatible = false;
  Instant retry_at;
};

struct ClientUse {
  Instant minute_began;
  std::size_t connects = 0;  // in this minute
  std::size_t connecting = 0;
  std::size_t sessions = 0;
  std::set<std::uint64_t> forwarded;
};

struct Forwarded {
  ClientId client;
  Proxy::Done<Bytes> done;
};

class Sessions final : public RelaySessions {
 public:
  Sessions(RelaySessionsDependencies dependencies, const ProxySettings& settings,
           std::unique_ptr<transport::Connector> owned)
      : dependencies_(dependencies), settings_(settings), owned_connector_(std::move(owned)) {
    sweep_later();
  }

  void open_session(ClientId client, const protocol::ServerAddress& relay, Done<broker::Pkey> done) override {
    auto found = sessions_.find(relay);
    if (found != sessions_.end() && found->second->error && now() >= found->second->retry_at) {
      erase(*found->second);
      found = sessions_.end();
    }
    if (found == sessions_.end()) return open(client, relay, std::move(done));
    auto& session = *found->second;
    session.last_used = now();
    if (session.error || session.client) return answer(session, done);
    (void)use_of(client);  // so that it is forgotten when it disconnects
    session.waiters.push_back({client, std::move(done)});
    // Nobody waits behind what another has asked for before.
    if (session.waits && session.opener != client) take_over(session, client);
  }

  void forward(ClientId client, BytesView session_id, CorrId corr_id, const command::Pfwd& forwarded,
               Done<Bytes> done) override {
    const auto found = by_id_.find(to_bytes(session_id));
    if (found == by_id_.end()) {
      ++statistics().forwarded.requests;
      ++statistics().forwarded.connect_errors;
      return done(std::unexpected(ErrorType(errors::Proxy{proxy_errors::NoSession{}})));
    }
    auto& session = *found->second;
    count_forwarded(session.own, &ProxyStatistics::requests);
    session.last_used = now();
    auto& use = use_of(client);
    if (auto* refused = over_bound(session, use)) {
      ++*refused;
      count_forwarded(session.own, &ProxyStatistics::other_errors);
      return done(std::unexpected(broker_error(broker_errors::Timeout{})));
    }
    const auto token = next_token_++;
    use.forwarded.insert(token);
    forwarded_.emplace(token, Forwarded{client, std::move(done)});
    session.forwarded.insert(token);
    ++unanswered_;

    const auto own_corr_id = CorrId::generate(dependencies_.random);
    const auto nonce = crypto::cb_nonce(own_corr_id.view());
    const auto sealed =
        seal_rfwd(*session.key, nonce, {corr_id, forwarded.version, forwarded.key, forwarded.encrypted});
    session.client->command(
        {}, nullptr, command::Rfwd{Content(sealed)},
        [this, &session, token, corr_id, nonce](client::Outcome<BrokerMessage> outcome) {
          auto response = forwarded_answer(*session.key, corr_id, nonce, std::move(outcome));
          settle(session, token, std::move(response));
        },
        own_corr_id);
  }

  void disconnect(ClientId client) override {
    const auto found = clients_.find(client);
    if (found == clients_.end()) return;
    for (const auto token : found->second.forwarded) forwarded_.erase(token);
    clients_.erase(found);
    const auto leave = [&](RelaySession& session) {
      std::erase_if(session.waiters, [&](const auto& waiter) { return waiter.client == client; });
    };
    // What is being connected goes on: others may wait for it, or come.
    for (auto* session : connecting_) leave(*session);
    for (auto* session : std::vector(waiting_.begin(), waiting_.end())) {
      leave(*session);
      if (session->opener != client) continue;
      if (session->waiters.empty()) {
        erase(*session);
      } else {
        session->opener = session->waiters.front().client;
        ++use_of(*session->opener).sessions;
      }
    }
    begin_waiting();
  }

  Counters counters() const override {
    return {by_id_.size(), connecting_.size(), waiting_.size(), errors_, unanswered_, clients_.size(),
            opened_,       closed_idle_,       refused_};
  }

 private:
  [[nodiscard]] Instant now() const { return dependencies_.loop.now(); }
  [[nodiscard]] Statistics& statistics() { return dependencies_.statistics; }
  [[nodiscard]] ClientUse& use_of(ClientId client) { return clients_[client]; }  // until it disconnects

  void count_relay(bool own, std::uint64_t ProxyStatistics::* counter) {
    ++(statistics().relays.*counter);
    if (own) ++(statistics().relays_own.*counter);
  }
  void count_forwarded(bool own, std::uint64_t ProxyStatistics::* counter) {
    ++(statistics().forwarded.*counter);
    if (own) ++(statistics().forwarded_own.*counter);
  }

  [[nodiscard]] bool is_own(const protocol::ServerAddress& relay) const {
    if (relay.hosts.empty()) return false;
    const auto& host = relay.hosts.front().text();
    return std::ranges::any_of(settings_.own_server_domains, [&](const std::string& domain) {
      return host == domain || host.ends_with("." + domain);
    });
  }

  [[nodiscard]] bool may_be_asked_for(const protocol::ServerAddress& relay) const {
    if (relay.hosts.empty() || relay.hosts.size() > settings_.max_hosts) return false;
    const auto port = relay.port.empty() ? std::uint16_t{5'223} : relay.port_number().value_or(0);
    return std::ranges::any_of(settings_.ports,
                               [&](const PortRange& range) { return range.first <= port && port <= range.last; });
  }

  // ---- PRXY

  void refuse(bool own, const ErrorType& error, Done<broker::Pkey>& done) {
    count_relay(own, &ProxyStatistics::requests);
    count_relay(own, is_temporary(error) ? &ProxyStatistics::connect_errors : &ProxyStatistics::other_errors);
    done(std::unexpected(error));
  }

  void open(ClientId client, const protocol::ServerAddress& relay, Done<broker::Pkey> done) {
    const bool own = is_own(relay);
    if (!may_be_asked_for(relay)) {
      ++refused_.targets;
      return refuse(own, broker_error(broker_errors::Host{}), done);
    }
    auto& use = use_of(client);
    const bool at_once = use.connecting < settings_.connecting_of_client;
    if (auto* refused = over_bound(use, at_once)) {
      ++*refused;
      return refuse(own, broker_error(broker_errors::Network{}), done);
    }
    ++use.connects;
    ++use.sessions;
    auto made = std::make_unique<RelaySession>();
    auto& session = *made;
    session.address = relay;
    session.own = own;
    session.opener = client;
    session.last_used = now();
    session.waiters.push_back({client, std::move(done)});
    sessions_.emplace(relay, std::move(made));
    if (at_once) return begin(session);
    session.waits = true;
    session.waits_enough = dependencies_.loop.after(settings_.connect_timeout, [this, &session] {
      ++refused_.connecting_of_client;
      give_up(session, broker_error(broker_errors::Network{}));
    });
    waiting_.push_back(&session);
  }

  // The counter of the bound that one more session would break; null: none.
  [[nodiscard]] std::uint64_t* over_bound(ClientUse& use, bool at_once) {
    if (!may_connect(use)) return &refused_.connects_per_minute;
    if (use.sessions >= settings_.sessions_of_client) return &refused_.sessions_of_client;
    const bool needs_way = at_once && connecting_.size() >= settings_.connecting;
    if (needs_way && slow_attempt() == nullptr) return &refused_.connecting;
    if (!make_room()) return &refused_.sessions;
    if (needs_way) make_way();
    return nullptr;
  }

  [[nodiscard]] bool may_connect(ClientUse& use) const {
    if (use.connects == 0 || now() - use.minute_began >= std::chrono::minutes(1)) {
      use.minute_began = now();
      use.connects = 0;
    }
    return use.connects < settings_.connects_per_minute;
  }

  void take_over(RelaySession& session, ClientId client) {
    auto& use = use_of(client);
    if (use.connecting >= settings_.connecting_of_client || use.sessions >= settings_.sessions_of_client ||
        connecting_.size() >= settings_.connecting || !may_connect(use)) {
      return;
    }
    forget_opener(session);
    session.opener = client;
    ++use.connects;
    ++use.sessions;
    begin(session);
  }

  void end_waiting(RelaySession& session) {
    if (!std::exchange(session.waits, false)) return;
    session.waits_enough.cancel();
    std::erase(waiting_, &session);
  }

  void begin_waiting() {
    for (std::size_t i = 0; i < waiting_.size() && connecting_.size() < settings_.connecting;) {
      auto& session = *waiting_[i];
      if (use_of(*session.opener).connecting < settings_.connecting_of_client) {
        begin(session);
      } else {
        ++i;
      }
    }
  }

  void begin(RelaySession& session) {
    end_waiting(session);
    ++use_of(*session.opener).connecting;
    connecting_.insert(&session);
    session.began = now();
    client::Options options;
    options.connect_timeout = settings_.connect_timeout;
    options.command_timeout = settings_.command_timeout;
    options.quiet_limit = settings_.quiet_limit;
    options.max_in_flight = settings_.unanswered_of_session;
    options.max_waiting = settings_.unanswered_of_session;
    options.proxy = true;
    options.public_addresses_only = !settings_.private_targets;
    options.isolation = protocol::format(session.address);
    client::Handlers handlers;
    handlers.disconnected = [this, &session](const client::Failure&) { erase(session); };
    session.attempt = client::Client::connect(
        {dependencies_.loop, dependencies_.random, silent_, dependencies_.connector}, session.address, options,
        std::move(handlers), [this, &session](client::Outcome<std::unique_ptr<client::Client>> outcome) {
          connected(session, std::move(outcome));
        });
  }

  void connected(RelaySession& session, client::Outcome<std::unique_ptr<client::Client>> outcome) {
    end_attempt(session);
    session.last_used = now();
    if (!outcome) {
      const auto kind = outcome.error().error.kind;
      if (kind == ErrorKind::unsupported) ++refused_.targets;
      if (kind == ErrorKind::limit) {  // of this machine: it says nothing of the relay
        give_up(session, connect_error(outcome.error()));
        return begin_waiting();
      }
      remember(session, connect_error(outcome.error()), false);
    } else {
      accept(session, std::move(*outcome));
    }
    begin_waiting();
    for (auto& waiter : std::exchange(session.waiters, {})) answer(session, waiter.done);
  }

  void end_attempt(RelaySession& session) {
    if (connecting_.erase(&session) == 0) return;
    session.attempt.reset();
    if (const auto use = clients_.find(*session.opener); use != clients_.end()) --use->second.connecting;
  }

  void accept(RelaySession& session, std::unique_ptr<client::Client> client) {
    auto made = session_answer(*client);
    if (!made) return remember(session, std::move(made).error(), true);
    if (by_id_.contains(made->session_id)) {
      return remember(session, transport_error(TransportErrorKind::handshake_bad_auth), true);
    }
    ++opened_;
    session.key = crypto::box_key(*client->agreed().secret);
    session.answer = *std::move(made);
    session.client = std::move(client);
    by_id_.emplace(session.answer.session_id, &session);
  }

  void remember(RelaySession& session, ErrorType error, bool incompatible) {
    forget_opener(session);
    session.error = std::move(error);
    session.incompatible = incompatible;
    session.retry_at = now() + settings_.persist_error;
    ++errors_;
  }

  // Nothing is known of the relay: the next who asks may try again.
  void give_up(RelaySession& session, const ErrorType& error) {
    const bool own = session.own;
    auto waiters = std::exchange(session.waiters, {});
    erase(session);
    for (auto& waiter : waiters) refuse(own, error, waiter.done);
  }

  void answer(RelaySession& session, Done<broker::Pkey>& done) {
    if (!session.error) {
      count_relay(session.own, &ProxyStatistics::requests);
      count_relay(session.own, &ProxyStatistics::successes);
      return done(session.answer);
    }
    if (!session.incompatible) return refuse(session.own, *session.error, done);
    count_relay(session.own, &ProxyStatistics::requests);
    count_relay(session.own, &ProxyStatistics::compat_errors);
    done(std::unexpected(*session.error));
  }

  // ---- PFWD

  [[nodiscard]] std::uint64_t* over_bound(const RelaySession& session, const ClientUse& use) {
    if (session.forwarded.size() >= settings_.unanswered_of_session) return &refused_.unanswered_of_session;
    if (unanswered_ >= settings_.unanswered) return &refused_.unanswered;
    if (use.forwarded.size() >= settings_.unanswered_of_client) return &refused_.unanswered_of_client;
    return nullptr;
  }

  void settle(RelaySession& session, std::uint64_t token, Result<Bytes, ErrorType> response) {
    if (session.forwarded.erase(token) == 0) return;
    --unanswered_;
    const auto* refusal = response ? nullptr : std::get_if<errors::Proxy>(&response.error().kind);
    const bool answered =
        response || (refusal != nullptr && std::holds_alternative<proxy_errors::Protocol>(refusal->error));
    count_forwarded(session.own, answered ? &ProxyStatistics::successes : &ProxyStatistics::other_errors);
    auto found = forwarded_.extract(token);
    if (found.empty()) return;  // its client is gone
    if (const auto use = clients_.find(found.mapped().client); use != clients_.end()) {
      use->second.forwarded.erase(token);
    }
    found.mapped().done(std::move(response));
  }

  // ---- bounds

  void forget_opener(RelaySession& session) {
    if (!session.opener) return;
    if (const auto use = clients_.find(*session.opener); use != clients_.end()) --use->second.sessions;
    session.opener.reset();
  }

  void erase(RelaySession& session) {
    end_waiting(session);
    end_attempt(session);
    forget_opener(session);
    if (session.error) --errors_;
    if (session.client) by_id_.erase(session.answer.session_id);
    // The session may be the key's owner, and its client may be what calls.
    const auto found = sessions_.find(session.address);
    const auto kept = std::move(found->second);
    sessions_.erase(found);
    for (const auto token : std::set(session.forwarded)) {
      settle(session, token, std::unexpected(broker_error(broker_errors::Timeout{})));
    }
  }

  // The one of them that was not used for the longest time.
  template <class F>
  [[nodiscard]] RelaySession* oldest(F&& may_go) {
    RelaySession* oldest = nullptr;
    for (const auto& [address, session] : sessions_) {
      if (may_go(*session) && (oldest == nullptr || session->last_used < oldest->last_used)) oldest = session.get();
    }
    return oldest;
  }

  [[nodiscard]] bool make_room() {
    if (errors_ >= settings_.remembered_errors) {
      if (auto* session = oldest([](const RelaySession& each) { return each.error.has_value(); })) erase(*session);
    }
    if (by_id_.size() + connecting_.size() + waiting_.size() < settings_.sessions) return true;
    const auto before = now() - least_idle;
    auto* session = oldest(
        [&](const RelaySession& each) { return each.client && each.forwarded.empty() && each.last_used <= before; });
    if (session == nullptr) return false;
    erase(*session);
    return true;
  }

  // Of those that take long, the first of the client that has the most of them.
  [[nodiscard]] RelaySession* slow_attempt() {
    RelaySession* found = nullptr;
    const auto connecting = [this](const RelaySession& each) {
      const auto use = clients_.find(*each.opener);
      return use == clients_.end() ? ~std::size_t{0}
                                   : use->second.connecting;  // of clients that went, before all others
    };
    const auto before = [&](const RelaySession& one, const RelaySession& other) {
      const auto ones = connecting(one);
      const auto others = connecting(other);
      return ones != others ? ones > others : one.began < other.began;
    };
    for (auto* each : connecting_) {
      if (now() - each->began < least_attempt) continue;
      if (found == nullptr || before(*each, *found)) found = each;
    }
    return found;
  }

  // Relays that swallow what they are sent do not keep others from being connected to.
  void make_way() {
    auto* session = slow_attempt();
    if (session == nullptr) return;
    ++refused_.connecting;
    give_up(*session, broker_error(broker_errors::Network{}));
  }

  void sweep_later() {
    sweep_timer_ = dependencies_.loop.after(sweep_interval, [this] {
      sweep();
      sweep_later();
    });
  }

  void sweep() {
    std::vector<RelaySession*> old;
    for (const auto& [address, session] : sessions_) {
      const bool forgotten = session->error && now() >= session->retry_at;
      const bool idle = session->client && session->forwarded.empty() && now() - session->last_used >= settings_.idle;
      if (forgotten || idle) old.push_back(session.get());
      if (idle) ++closed_idle_;
    }
    for (auto* session : old) erase(*session);
  }

  RelaySessionsDependencies dependencies_;
  const ProxySettings settings_;
  std::unique_ptr<transport::Connector> owned_connector_;
  NullLogger silent_;  // what strange relays do is not worth the operator's disk
  std::unordered_map<ClientId, ClientUse> clients_;
  std::uint64_t next_token_ = 1;
  std::unordered_map<std::uint64_t, Forwarded> forwarded_;
  std::size_t unanswered_ = 0;
  std::size_t errors_ = 0;
  std::uint64_t opened_ = 0;
  std::uint64_t closed_idle_ = 0;
  Refusals refused_;
  std::set<RelaySession*> connecting_;
  std::deque<RelaySession*> waiting_;  // for their turn: their clients connect to too many others
  std::map<Bytes, RelaySession*> by_id_;
  // Destroyed first: their connections use what is above.
  std::map<protocol::ServerAddress, std::unique_ptr<RelaySession>> sessions_;
  async::Timer sweep_timer_;
};

}  // namespace

RelaySessions::Counters& RelaySessions::Counters::operator+=(const Counters& other) {
  for (auto number : {&Counters::connected, &Counters::connecting, &Counters::waiting, &Counters::remembered_errors,
                      &Counters::unanswered, &Counters::clients}) {
    this->*number += other.*number;
  }
  opened += other.opened;
  closed_idle += other.closed_idle;
  for (auto number : {&Refusals::targets, &Refusals::sessions, &Refusals::sessions_of_client,
                      &Refusals::connects_per_minute, &Refusals::connecting, &Refusals::connecting_of_client,
                      &Refusals::unanswered, &Refusals::unanswered_of_session, &Refusals::unanswered_of_client}) {
    refused.*number += other.refused.*number;
  }
  return *this;
}

ProxySettings share_of(const ProxySettings& relay, std::size_t nodes) {
  auto share = relay;
  for (auto bound : {&ProxySettings::sessions, &ProxySettings::connecting, &ProxySettings::remembered_errors,
                     &ProxySettings::unanswered}) {
    share.*bound = (relay.*bound + nodes - 1) / nodes;
  }
  return share;
}

std::unique_ptr<RelaySessions> make_relay_sessions(RelaySessionsDependencies dependencies,
                                                   const ProxySettings& settings) {
  return std::make_unique<Sessions>(dependencies, settings, nullptr);
}

std::unique_ptr<RelaySessions> make_tls_relay_sessions(async::Loop& loop, Random& random, Statistics& statistics,
                                                       const ProxySettings& settings,
                                                       std::shared_ptr<transport::HostResolver> resolver) {
  auto connector = transport::make_tls_connector({.keep_alive = {},
                                                  .versions = {},
                                                  .network = settings.network,
                                                  .credentials = nullptr,
                                                  .resolver = std::move(resolver)});
  auto& used = *connector;
  return std::make_unique<Sessions>(RelaySessionsDependencies{loop, random, used, statistics}, settings,
                                    std::move(connector));
}

}  // namespace simplex::smp::server
