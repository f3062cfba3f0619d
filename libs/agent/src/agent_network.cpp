// The network's settings and its state, and the program in the background.
#include "agent_impl.hpp"

namespace simplex::agent {
namespace {

// How often is looked whether all is answered.
constexpr Duration look_again = std::chrono::milliseconds(20);

}  // namespace

// What was decided by the old settings is done before.
void AgentImpl::set_network(NetworkConfig network) {
  if (network == core_.config.network) return;
  settle();
  if (phase_ == Phase::suspending) finish_suspending();
  core_.config.network = std::move(network);
  if (!started_ || phase_ != Phase::active) return;
  recovery_.cancel();
  subscriptions_.all_down();
  resume();
}

void AgentImpl::set_network_state(NetworkState state) { relays_.set_network_state(state); }

void AgentImpl::suspend(Duration limit) {
  if (!started_ || phase_ != Phase::active) return;
  phase_ = Phase::suspending;
  suspend_at_ = core_.dependencies.loop.now() + limit;
  recovery_.cancel();
  relays_.hold();
  continue_suspending();
}

void AgentImpl::continue_suspending() {
  settle();
  const auto left = suspend_at_ - core_.dependencies.loop.now();
  if (left <= Duration::zero() || !relays_.busy()) return finish_suspending();
  suspension_ = core_.dependencies.loop.after(std::min(left, look_again), [this] {
    suspension_.cancel();
    continue_suspending();
  });
}

void AgentImpl::finish_suspending() {
  save_statistics();
  settle();
  suspension_.cancel();
  cleanup_.cancel();
  statistics_.cancel();
  drop_sessions();
  phase_ = Phase::suspended;
  grow_older();
  core_.outbox.passing(AgentSuspended{});
}

void AgentImpl::foreground() {
  if (!started_ || phase_ == Phase::active) return;
  phase_ = Phase::active;
  suspension_.cancel();
  resume();
  clean_up();
  save_statistics_in_time();
}

}  // namespace simplex::agent
