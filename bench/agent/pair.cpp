#include <algorithm>

#include "device.hpp"
#include "measures.hpp"

namespace simplex::bench {
namespace {

using Seconds = std::chrono::duration<double>;
constexpr std::size_t connecting_at_once = 40;

double milliseconds(Duration time) { return Seconds(time).count() * 1e3; }
Instant now() { return SystemClock().now(); }

// The value that this share of them does not exceed.
Duration percentile(std::vector<Duration> times, double share) {
  std::ranges::sort(times);
  return times.at(std::min(times.size() - 1, static_cast<std::size_t>(share * static_cast<double>(times.size()))));
}

class Pair {
 public:
  Pair(const AgentSettings& settings, AgentFigures& figures)
      : settings_(settings),
        figures_(figures),
        alice_(DeviceSettings{settings.relay, settings.folder / "alice.db", settings.passphrase, settings.pq}),
        bob_(DeviceSettings{settings.relay, settings.folder / "bob.db", settings.passphrase, settings.pq}) {}

  Result<> run() {
    for (auto* device : {&alice_, &bob_}) {
      SIMPLEX_TRY(device->open());
      device->start();
    }
    SIMPLEX_TRY(connect_some(1));  // the sessions with the relay, too
    SIMPLEX_TRY(connecting());
    SIMPLEX_TRY(latency());
    SIMPLEX_TRY(stream("stream", "messages on one connection", 1, settings_.stream, 2'000));
    while (alices_.size() < std::max(settings_.crowd, settings_.group)) {
      SIMPLEX_TRY(
          connect_some(std::min(connecting_at_once, std::max(settings_.crowd, settings_.group) - alices_.size())));
    }
    SIMPLEX_TRY(stream("crowd", "messages on all connections at once", settings_.crowd, settings_.each, 4'000));
    return group();
  }

 private:
  Result<> connect_some(std::size_t count) {
    const auto before = alices_.size();
    for (std::size_t i = 0; i < count; ++i) {
      SIMPLEX_ASSIGN(const auto made, alice_.invite());
      alices_.push_back(made);
    }
    for (std::size_t i = before; i < alices_.size(); ++i) {
      SIMPLEX_TRY(alice_.await([&](const Happened& it) { return it.links.contains(alices_[i]); }, settings_.limit));
      SIMPLEX_ASSIGN(const auto joined, bob_.join(alice_.happened().links.at(alices_[i])));
      bobs_.push_back(joined);
    }
    for (auto* device : {&alice_, &bob_}) {
      SIMPLEX_TRY(device->await([&](const Happened& it) { return it.connected >= alices_.size(); }, settings_.limit));
    }
    return {};
  }

  Result<> connecting() {
    std::vector<Duration> times;
    for (std::size_t i = 0; i < settings_.connects; ++i) {
      const auto began = now();
      SIMPLEX_TRY(connect_some(1));
      times.push_back(now() - began);
    }
    figures_.push_back(
        {"connect_ms", "connect two agents, median", "ms", milliseconds(percentile(times, 0.5)), std::nullopt, 60});
    return {};
  }

  Result<> latency() {
    std::vector<Duration> times;
    auto heard = bob_.happened().heard;
    for (std::size_t i = 0; i < settings_.messages; ++i) {
      Instant began;
      SIMPLEX_TRY(alice_.call([&](agent::Agent& agent) {
        began = now();
        return agent.send_message(alices_.front(), Bytes(settings_.size, 'x'));
      }));
      ++heard;
      SIMPLEX_TRY(bob_.await([&](const Happened& it) { return it.heard >= heard; }, settings_.limit));
      times.push_back(bob_.happened().last_heard - began);
    }
    figures_.push_back(
        {"latency_p50_ms", "send to receive, p50", "ms", milliseconds(percentile(times, 0.5)), std::nullopt, 5});
    figures_.push_back({"latency_p99_ms", "send to receive, p99", "ms", milliseconds(percentile(times, 0.99))});
    return {};
  }

  Result<> stream(const std::string& name, const std::string& text, std::size_t connections, std::size_t each,
                  double target) {
    const auto heard = bob_.happened().heard + connections * each;
    const auto cpu = std::pair(alice_.cpu(), bob_.cpu());
    const auto began = now();
    alice_.stream({alices_.begin(), alices_.begin() + static_cast<std::ptrdiff_t>(connections)}, each, settings_.size);
    SIMPLEX_TRY(bob_.await([&](const Happened& it) { return it.heard >= heard; }, settings_.limit));
    const auto count = static_cast<double>(connections * each);
    const auto time = Seconds(bob_.happened().last_heard - began).count();
    figures_.push_back({name + "_per_second", text, "1/s", count / time, std::nullopt, target, true});
    const auto each_us = [&](Duration used) { return Seconds(used).count() * 1e6 / count; };
    figures_.push_back(
        {name + "_sender_cpu_us", "  CPU of the sender for each", "µs", each_us(alice_.cpu() - cpu.first)});
    figures_.push_back(
        {name + "_recipient_cpu_us", "  CPU of the recipient for each", "µs", each_us(bob_.cpu() - cpu.second)});
    return alice_.await([](const Happened&) { return true; }, settings_.limit);
  }

  Result<> group() {
    const auto heard = bob_.happened().heard + settings_.group;
    const auto began = now();
    Duration stored{};
    SIMPLEX_TRY(alice_.call([&](agent::Agent& agent) -> Result<> {
      const Bytes body(settings_.size, 'x');
      std::vector<agent::SendRequest> requests;
      for (std::size_t i = 0; i < settings_.group; ++i) requests.push_back({alices_[i], std::nullopt});
      const auto start = now();
      for (const auto& sent : agent.send_messages(requests, body)) SIMPLEX_TRY(sent);
      SIMPLEX_TRY(agent.flush());
      stored = now() - start;
      return {};
    }));
    SIMPLEX_TRY(bob_.await([&](const Happened& it) { return it.heard >= heard; }, settings_.limit));
    figures_.push_back({"group_stored_s", "a message to a group: encrypted and stored", "s", Seconds(stored).count(),
                        std::nullopt, 0.5});
    figures_.push_back(
        {"group_received_s", "  until all have it", "s", Seconds(bob_.happened().last_heard - began).count()});
    return {};
  }

  const AgentSettings& settings_;
  AgentFigures& figures_;
  Device alice_;
  Device bob_;
  std::vector<agent::ConnectionId> alices_;
  std::vector<agent::ConnectionId> bobs_;
};

}  // namespace

Result<> measure_pair(const AgentSettings& settings, AgentFigures& figures) { return Pair(settings, figures).run(); }

}  // namespace simplex::bench
