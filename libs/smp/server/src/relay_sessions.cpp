#include "simplex/smp/server/relay_sessions.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "simplex/crypto/box.hpp"
#include "simplex/crypto/nonce.hpp"
#include "simplex/smp/client/client.hpp"
#include "simplex/smp/proxy_layers.hpp"
#include "relay_errors.hpp"

namespace simplex::smp::server {
namespace {

constexpr Duration sweep_interval = std::chrono::seconds(60);
// A relay's chain and key have to fit into a block of the client's.
constexpr std::size_t max_certified_key = 12 * 1'024;
constexpr SmpVersionRange forwarded_versions{proxy_version, current_version};
// What a proxy's session gives up its place for: not one that was used just now.
constexpr Duration least_idle = std::chrono::seconds(60);

// One relay: being connected, connected, or failed a short while ago.
struct RelaySession {
  protocol::ServerAddress address;
  bool own = false;                // a relay of this operator's
  std::optional<ClientId> opener;  // while it is connected
  Instant last_used;

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
    if (!session.error && !session.client) return session.waiters.push_back({client, std::move(done)});
    answer(session, done);
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
    if (session.forwarded.size() >= settings_.unanswered_of_session || unanswered_ >= settings_.unanswered ||
        use.forwarded.size() >= settings_.unanswered_of_client) {
      ++statistics().refused_forwarded;
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
          auto response = opened(session, corr_id, nonce, std::move(outcome));
          settle(session, token, std::move(response));
        },
        own_corr_id);
  }

  void disconnect(ClientId client) override {
    const auto found = clients_.find(client);
    if (found == clients_.end()) return;
    for (const auto token : found->second.forwarded) forwarded_.erase(token);
    clients_.erase(found);
    // What is being connected goes on: others may wait for it, or come.
    for (auto* session : connecting_) {
      std::erase_if(session->waiters, [&](const auto& waiter) { return waiter.client == client; });
    }
  }

  Counters counters() const override {
    return {by_id_.size(), connecting_.size(), errors_, unanswered_, clients_.size(), opened_, closed_idle_};
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
      ++statistics().refused_relay_targets;
      return refuse(own, broker_error(broker_errors::Host{}), done);
    }
    auto& use = use_of(client);
    if (use.connects == 0 || now() - use.minute_began >= std::chrono::minutes(1)) {
      use.minute_began = now();
      use.connects = 0;
    }
    if (use.connects >= settings_.connects_per_minute || use.sessions >= settings_.sessions_of_client ||
        connecting_.size() >= settings_.connecting || !make_room()) {
      ++statistics().refused_relay_sessions;
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
    connecting_.insert(&session);

    client::Options options;
    options.connect_timeout = settings_.connect_timeout;
    options.command_timeout = settings_.command_timeout;
    options.quiet_limit = settings_.quiet_limit;
    options.max_in_flight = settings_.unanswered_of_session;
    options.max_waiting = settings_.unanswered_of_session;
    options.proxy = true;
    options.public_addresses_only = !settings_.private_targets;
    options.isolation = protocol::format(relay);
    client::Handlers handlers;
    handlers.disconnected = [this, &session](const client::Failure&) { erase(session); };
    session.attempt = client::Client::connect(
        {dependencies_.loop, dependencies_.random, silent_, dependencies_.connector}, relay, options,
        std::move(handlers), [this, &session](client::Outcome<std::unique_ptr<client::Client>> outcome) {
          connected(session, std::move(outcome));
        });
  }

  void connected(RelaySession& session, client::Outcome<std::unique_ptr<client::Client>> outcome) {
    connecting_.erase(&session);
    session.attempt.reset();
    session.last_used = now();
    if (!outcome) {
      if (outcome.error().error.kind == ErrorKind::unsupported) ++statistics().refused_relay_targets;
      remember(session, connect_error(outcome.error()), false);
    } else {
      accept(session, std::move(*outcome));
    }
    for (auto& waiter : std::exchange(session.waiters, {})) answer(session, waiter.done);
  }

  // A client can use the relay when it speaks a version with forwarding, and signed a key for it.
  void accept(RelaySession& session, std::unique_ptr<client::Client> client) {
    const auto& agreed = client->agreed();
    const SmpVersionRange versions{std::max(agreed.relay_versions.min, forwarded_versions.min),
                                   std::min(agreed.relay_versions.max, forwarded_versions.max)};
    if (agreed.version < proxy_version || versions.min > versions.max) {
      return remember(session, transport_error(TransportErrorKind::version), true);
    }
    if (!agreed.certified_key || !agreed.secret) {
      return remember(session, transport_error(TransportErrorKind::no_server_auth), true);
    }
    const auto& [chain, signed_key] = *agreed.certified_key;
    std::size_t size = signed_key.size();
    for (const auto& certificate : chain) size += certificate.size();
    auto id = to_bytes(agreed.session_id.view());
    if (size > max_certified_key || by_id_.contains(id)) {
      return remember(session, transport_error(TransportErrorKind::handshake_bad_auth), true);
    }
    ++opened_;
    session.key = crypto::box_key(*agreed.secret);
    session.answer = broker::Pkey{id, versions, chain, signed_key};
    session.client = std::move(client);
    by_id_.emplace(std::move(id), &session);
  }

  void remember(RelaySession& session, ErrorType error, bool incompatible) {
    forget_opener(session);
    session.error = std::move(error);
    session.incompatible = incompatible;
    session.retry_at = now() + settings_.persist_error;
    ++errors_;
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

  // The content of RRES, for the client: as long as every answer is, and of its command.
  [[nodiscard]] static Result<Bytes, ErrorType> opened(const RelaySession& session, const CorrId& corr_id,
                                                       const crypto::CbNonce& nonce,
                                                       client::Outcome<BrokerMessage> outcome) {
    if (!outcome) return std::unexpected(forward_error(outcome.error()));
    const auto* rres = std::get_if<broker::Rres>(&*outcome);
    if (rres == nullptr) return std::unexpected(unexpected_answer(std::string(smp::name_of(*outcome))));
    auto octets = to_bytes(rres->encrypted.bytes);
    const auto response = open_rres(*session.key, nonce, octets);
    if (!response && response.error().kind == ErrorKind::authentication) {
      return std::unexpected(ErrorType(errors::Crypto{}));
    }
    if (!response || response->corr_id != corr_id ||
        response->encrypted.bytes.size() != padded_forwarded_size + crypto::box_tag_size) {
      return std::unexpected(broker_error(broker_errors::Response{"BLOCK"}));
    }
    return to_bytes(response->encrypted.bytes);
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
    forget_opener(session);
    if (session.error) --errors_;
    if (session.client) by_id_.erase(session.answer.session_id);
    connecting_.erase(&session);
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
    if (by_id_.size() + connecting_.size() < settings_.sessions) return true;
    const auto before = now() - least_idle;
    auto* session = oldest(
        [&](const RelaySession& each) { return each.client && each.forwarded.empty() && each.last_used <= before; });
    if (session == nullptr) return false;
    erase(*session);
    return true;
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
  std::set<RelaySession*> connecting_;
  std::map<Bytes, RelaySession*> by_id_;
  // Destroyed first: their connections use what is above.
  std::map<protocol::ServerAddress, std::unique_ptr<RelaySession>> sessions_;
  async::Timer sweep_timer_;
};

}  // namespace

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
                                                       const ProxySettings& settings) {
  auto connector = transport::make_tls_connector(
      {.keep_alive = {}, .versions = {}, .network = settings.network, .credentials = nullptr});
  auto& used = *connector;
  return std::make_unique<Sessions>(RelaySessionsDependencies{loop, random, used, statistics}, settings,
                                    std::move(connector));
}

}  // namespace simplex::smp::server
