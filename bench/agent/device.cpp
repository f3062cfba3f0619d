#include "device.hpp"

#include <time.h>

namespace simplex::bench {
namespace {

constexpr std::size_t most_unsent = 256;

}  // namespace

Device::Device(DeviceSettings settings)
    : settings_(std::move(settings)), loop_(async::make_thread_loop()), connector_(transport::make_tls_connector()) {}

Device::~Device() {
  if (!thread_.joinable()) return;
  loop_->post([this] {
    agent_->stop();
    agent_.reset();
  });
  loop_->stop();
  thread_.join();
}

Result<> Device::open() {
  agent::Config config;
  config.database = settings_.database;
  config.passphrase = SecretBytes(as_bytes(settings_.passphrase));
  config.servers = {settings_.relay};
  SIMPLEX_ASSIGN(agent_, agent::Agent::open({*loop_, random_, log_, *connector_, &workers_}, std::move(config)));
  SIMPLEX_ASSIGN(const auto users, agent_->users());
  if (users.empty()) {
    SIMPLEX_ASSIGN(user_, agent_->create_user());
  } else {
    user_ = users.front();
  }
  thread_ = std::thread([this] { loop_->run(); });
  return {};
}

void Device::start() {
  call([this](agent::Agent& agent) {
    agent.start([this](const agent::Event& event) { told(event); });
    return true;
  });
}

Result<agent::ConnectionId> Device::invite() {
  return call([this](agent::Agent& agent) { return agent.create_connection(user_, settings_.pq); });
}
Result<agent::ConnectionId> Device::join(const std::string& link) {
  return call(
      [&](agent::Agent& agent) { return agent.join_connection(user_, link, as_bytes("a profile"), settings_.pq); });
}

void Device::stream(std::vector<agent::ConnectionId> connections, std::size_t count, std::size_t size) {
  call([&](agent::Agent&) {
    streaming_ = std::move(connections);
    next_ = 0;
    to_send_ = count * streaming_.size();
    unsent_ = 0;
    body_.assign(size, 'x');
    pump();
    return true;
  });
}

void Device::pump() {
  while (to_send_ > 0 && unsent_ < most_unsent) {
    const auto sent = agent_->send_message(streaming_[next_], body_);
    if (!sent) return problem(sent.error().message);
    next_ = (next_ + 1) % streaming_.size();
    --to_send_;
    ++unsent_;
  }
}

void Device::told(const agent::Event& event) {
  if (const auto* message = std::get_if<agent::MessageReceived>(&event.body)) {
    change([at = loop_->now()](Happened& happened) {
      ++happened.heard;
      happened.last_heard = at;
    });
    if (!std::holds_alternative<agent::IntegrityOk>(message->integrity)) problem("A message came out of its order.");
    const auto done = agent_->ack_message(message->connection, message->message);
    if (!done) problem(done.error().message);
    return;
  }
  note(event.body);
  if (event.id) agent_->handled(*event.id);
}

void Device::note(const agent::EventBody& body) {
  if (const auto* ready = std::get_if<agent::InvitationReady>(&body)) {
    change([&](Happened& happened) { happened.links[ready->connection] = ready->link; });
  } else if (const auto* confirmation = std::get_if<agent::ConfirmationReceived>(&body)) {
    const auto done =
        agent_->allow_connection(confirmation->connection, confirmation->confirmation, as_bytes("a profile"));
    if (!done) problem(done.error().message);
  } else if (std::holds_alternative<agent::Connected>(body)) {
    change([](Happened& happened) { ++happened.connected; });
  } else if (std::holds_alternative<agent::MessageSent>(body)) {
    change([](Happened& happened) { ++happened.sent; });
    if (unsent_ > 0) --unsent_;
    pump();
  } else if (const auto* up = std::get_if<agent::RelayUp>(&body)) {
    change([&](Happened& happened) { happened.subscribed += up->connections.size(); });
  } else if (const auto* unsent = std::get_if<agent::MessageFailed>(&body)) {
    problem(unsent->error.message);
  } else if (const auto* lost = std::get_if<agent::ConnectionFailed>(&body)) {
    problem(lost->error.message);
  } else if (const auto* unread = std::get_if<agent::ReceptionFailed>(&body)) {
    problem(unread->error.message);
  } else if (const auto* other = std::get_if<agent::AgentProblem>(&body)) {
    problem(other->error.message);
  }
}

Happened Device::happened() {
  const std::lock_guard lock(mutex_);
  return happened_;
}

Duration Device::cpu() {
  return call([](agent::Agent&) {
    timespec used{};
    (void)::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return Duration(std::chrono::seconds(used.tv_sec) + std::chrono::nanoseconds(used.tv_nsec));
  });
}

void Device::problem(std::string text) {
  change([&](Happened& happened) {
    if (happened.problem.empty()) happened.problem = std::move(text);
  });
}

}  // namespace simplex::bench
