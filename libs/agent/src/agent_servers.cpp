// The calls of an agent that are about relays.
#include <algorithm>

#include "agent_impl.hpp"

namespace simplex::agent {

// Queues stay where they are; what is sent and what is made from now on goes by the new list.
Result<> AgentImpl::set_servers(UserId user, const std::vector<UserServer>& servers) {
  SIMPLEX_TRY(check_user(user));
  SIMPLEX_ASSIGN(auto read, read_servers(servers));
  core_.servers.set(user, std::move(read));
  routes_.choose_anew();
  return {};
}

Result<ServerTestId> AgentImpl::test_server(UserId user, std::string_view address) {
  SIMPLEX_TRY(check_user(user));
  SIMPLEX_ASSIGN(auto server, protocol::parse_server_with_auth(address));
  if (!started_) return fail(ErrorKind::conflict, "The agent is not started.");
  if (!server.password) server.password = core_.servers.password_of(user, server.address);
  return server_tests_.begin(user, std::move(server));
}

// ---- statistics -----------------------------------------------------------------------------------------------------

Result<> AgentImpl::load_statistics() { return core_.statistics.load(core_.now()); }

void AgentImpl::save_statistics() {
  if (!core_.statistics.changed()) return;
  const auto saved = core_.turn.run([this] { return core_.statistics.save(); });
  if (!saved) core_.dependencies.log.warning("Statistics could not be saved: " + saved.error().message);
}

void AgentImpl::save_statistics_in_time() {
  statistics_ = core_.dependencies.loop.after(core_.config.timeouts.save_statistics, [this] {
    save_statistics();
    save_statistics_in_time();
  });
}

Result<> AgentImpl::reset_statistics() {
  SIMPLEX_TRY(core_.turn.run([this] { return core_.statistics.reset(core_.now()); }));
  return flush();
}

Result<ServersSummary> AgentImpl::servers_summary() {
  SIMPLEX_ASSIGN(auto relays, core_.statistics.all());
  std::map<std::pair<UserId, std::string_view>, RelaySummary*> by_name;
  for (auto& relay : relays) {
    const auto& own = core_.servers.of(relay.user);
    relay.own = std::ranges::any_of(own, [&](const auto& server) { return server.name == relay.relay; });
    by_name.emplace(std::pair(relay.user, std::string_view(relay.relay)), &relay);
  }
  Result<> done;
  relays_.for_each([&](const Relay& relay) {
    const auto found = by_name.find({relay.user(), relay.name()});
    if (found == by_name.end()) return;
    auto& summary = *found->second;
    const auto session = Relays::session_of(relay);
    if (session == Relays::Session::up) ++summary.sessions_up;
    if (session == Relays::Session::opening) ++summary.sessions_opening;
    if (session == Relays::Session::failed) ++summary.sessions_failed;
    const auto subscribed = subscriptions_.subscribed_at(relay);
    summary.queues_subscribed += subscribed;
    if (!done || !subscriptions_.needs(relay)) return;
    const auto all = core_.queues.number_at(relay.party(), relay.name());
    if (!all) {
      done = std::unexpected(all.error());
    } else if (*all > subscribed) {
      summary.queues_waiting += *all - subscribed;
    }
  });
  SIMPLEX_TRY(done);
  std::erase_if(relays, [](const RelaySummary& relay) {
    const auto now = relay.sessions_up + relay.sessions_opening + relay.sessions_failed + relay.queues_waiting;
    return now == 0 && std::ranges::all_of(relay.counts, [](std::int64_t count) { return count == 0; });
  });
  return ServersSummary{core_.statistics.since(), std::move(relays)};
}

}  // namespace simplex::agent
