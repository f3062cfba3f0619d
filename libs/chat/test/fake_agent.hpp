// An agent that records what the chat asks of it, and says what the test wants it to say.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "simplex/agent/agent.hpp"

namespace simplex::chat {

// Outlives the agents: what the relay and the agent's database would remember.
struct AgentRecord {
  std::vector<agent::ConnectionId> created;
  std::vector<std::pair<agent::ConnectionId, std::string>> joined;   // link
  std::vector<std::pair<agent::ConnectionId, std::string>> allowed;  // own info
  std::vector<agent::ConnectionId> deleted;
  std::vector<std::int64_t> handled;
  std::vector<std::int64_t> acknowledged;
  struct Sent {
    agent::ConnectionId connection;
    std::string body;
    agent::SendKey key;
  };
  std::vector<Sent> sent;                          // once for each key
  std::map<agent::SendKey, std::int64_t> numbers;  // of keys
  int send_calls = 0;
  std::optional<Error> refuse_sending;
};

class FakeAgent final : public agent::Agent {
 public:
  explicit FakeAgent(AgentRecord& record) : record_(record) {}

  void say(std::optional<std::int64_t> id, agent::EventBody body) {
    handler_(agent::Event{id ? std::optional(agent::EventId(*id)) : std::nullopt, std::move(body)});
  }

  void start(agent::EventHandler handler) override { handler_ = std::move(handler); }
  void stop() override {}
  Result<> flush() override { return {}; }
  void handled(agent::EventId event) override { record_.handled.push_back(event.value()); }
  Result<> back_up(std::filesystem::path, Done) override { return not_used(); }
  Result<> export_database(std::filesystem::path, agent::ExportKey, Done) override { return not_used(); }
  Result<> change_passphrase(SecretBytes) override { return not_used(); }
  Result<agent::UserId> create_user() override { return agent::UserId(1); }
  Result<std::vector<agent::UserId>> users() override { return std::vector{agent::UserId(1)}; }
  Result<agent::ConnectionId> create_connection(agent::UserId, bool, std::optional<agent::ConnectionId> id,
                                                std::optional<BytesView>) override {
    record_.created.push_back(id.value());
    return *id;
  }
  Result<agent::ConnectionId> join_connection(agent::UserId, std::string_view link, BytesView, bool,
                                              std::optional<agent::ConnectionId> id) override {
    if (!link.starts_with("simplex:/"))
      return fail(ErrorKind::malformed, "This is not a SimpleX link.", Advice::ask_user);
    record_.joined.emplace_back(id.value(), std::string(link));
    return *id;
  }
  Result<> allow_connection(agent::ConnectionId connection, agent::ConfirmationId, BytesView own_info) override {
    record_.allowed.emplace_back(connection, std::string(as_text(own_info)));
    return {};
  }
  // Chats do not use these yet.
  Result<> set_servers(agent::UserId, const std::vector<agent::UserServer>&) override { return not_used(); }
  void set_network(agent::NetworkConfig) override {}
  void set_network_state(agent::NetworkState) override {}
  void suspend(Duration) override {}
  void foreground() override {}
  Result<agent::ConnectionId> create_address(agent::UserId, std::optional<agent::ConnectionId>,
                                             std::optional<BytesView>) override {
    return not_used();
  }
  Result<agent::ConnectionId> accept_request(agent::RequestId, BytesView, bool,
                                             std::optional<agent::ConnectionId>) override {
    return not_used();
  }
  Result<> reject_request(agent::RequestId) override { return not_used(); }
  Result<agent::ServerTestId> test_server(agent::UserId, std::string_view) override { return not_used(); }
  Result<agent::ServersSummary> servers_summary() override { return agent::ServersSummary{}; }
  Result<> reset_statistics() override { return {}; }
  Result<agent::LinkReadId> read_link(agent::UserId, std::string_view) override { return not_used(); }
  Result<> set_link_data(agent::ConnectionId, BytesView) override { return not_used(); }
  Result<> delete_link(agent::ConnectionId) override { return not_used(); }
  Result<> synchronize_ratchet(agent::ConnectionId, bool, bool) override { return not_used(); }
  Result<> set_pq_encryption(agent::ConnectionId, bool) override { return not_used(); }
  Result<> set_mixing(agent::ConnectionId, agent::Mixing) override { return not_used(); }
  Result<agent::VerificationCode> verification_code(agent::ConnectionId) override { return not_used(); }
  Result<> switch_connection(agent::ConnectionId) override { return not_used(); }
  Result<> abort_switch(agent::ConnectionId) override { return not_used(); }
  Result<> delete_connection(agent::ConnectionId connection) override {
    record_.deleted.push_back(connection);
    return {};
  }
  Result<> delete_connections(std::span<const agent::ConnectionId>) override { return not_used(); }
  Result<> change_user(agent::ConnectionId, agent::UserId) override { return not_used(); }
  Result<> delete_user(agent::UserId, agent::UserQueues) override { return not_used(); }
  Result<agent::ConnectionState> connection_state(agent::ConnectionId) override { return agent::ConnectionState{}; }
  Result<std::vector<agent::ConnectionId>> connections(agent::UserId) override { return record_.created; }
  Result<agent::MessageId> send_message(agent::ConnectionId connection, BytesView body,
                                        std::optional<agent::SendKey> key) override {
    ++record_.send_calls;
    if (record_.refuse_sending) return std::unexpected(*record_.refuse_sending);
    const agent::SendKey used = key.value_or(agent::SendKey{});
    const auto [number, added] =
        record_.numbers.try_emplace(used, static_cast<std::int64_t>(record_.numbers.size()) + 1);
    if (added) record_.sent.push_back({connection, std::string(as_text(body)), used});
    return agent::MessageId(number->second);
  }
  std::vector<Result<agent::MessageId>> send_messages(std::span<const agent::SendRequest> requests,
                                                      BytesView body) override {
    std::vector<Result<agent::MessageId>> sent;
    for (const auto& request : requests) sent.push_back(send_message(request.connection, body, request.key));
    return sent;
  }
  Result<> ack_message(agent::ConnectionId, agent::MessageId message, agent::Receipt) override {
    record_.acknowledged.push_back(message.value());
    return {};
  }

 private:
  static std::unexpected<Error> not_used() { return fail(ErrorKind::unsupported, "not used"); }

  AgentRecord& record_;
  agent::EventHandler handler_;
};

}  // namespace simplex::chat
