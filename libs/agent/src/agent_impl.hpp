// The agent put together. Its parts know each other only in this direction:
//
//   Reception ──► Commands ──► DeliveryQueues ──► Relays
//       └───────► Subscriptions ─────────────────────▲        all of them ──► Core (database, turn, events)
#pragma once

#include <set>

#include "simplex/agent/agent.hpp"
#include "commands.hpp"
#include "core.hpp"
#include "covers.hpp"
#include "database_copies.hpp"
#include "delivery.hpp"
#include "lineage.hpp"
#include "link_reader.hpp"
#include "ratchet_sync.hpp"
#include "reception.hpp"
#include "relays.hpp"
#include "restoration.hpp"
#include "rotation.hpp"
#include "routes.hpp"
#include "server_tests.hpp"
#include "subscriptions.hpp"

namespace simplex::agent {

class AgentImpl final : public Agent {
 public:
  AgentImpl(Dependencies dependencies, Config config, UserServers servers, store::Database database);
  ~AgentImpl() override;

  void start(EventHandler handler) override;
  void stop() override;
  Result<> flush() override;
  void handled(EventId event) override;

  // Once, before anything else: is the database an old copy?
  [[nodiscard]] Result<> know_copy();
  [[nodiscard]] Result<> load_statistics();
  Result<> back_up(std::filesystem::path path, Done done) override;
  Result<> export_database(std::filesystem::path path, ExportKey key, Done done) override;
  Result<> change_passphrase(SecretBytes passphrase) override;

  Result<UserId> create_user() override;
  Result<std::vector<UserId>> users() override;
  Result<> delete_user(UserId user, UserQueues queues) override;
  Result<> set_servers(UserId user, const std::vector<UserServer>& servers) override;

  void set_network(NetworkConfig network) override;
  void set_network_state(NetworkState state) override;
  void suspend(Duration limit) override;
  void foreground() override;

  Result<ConnectionId> create_connection(UserId user, bool pq, std::optional<ConnectionId> id,
                                         std::optional<BytesView> link_data) override;
  Result<ConnectionId> create_address(UserId user, std::optional<ConnectionId> id,
                                      std::optional<BytesView> link_data) override;
  Result<ConnectionId> accept_request(RequestId request, BytesView own_info, bool pq,
                                      std::optional<ConnectionId> id) override;
  Result<> reject_request(RequestId request) override;
  Result<ServerTestId> test_server(UserId user, std::string_view address) override;
  Result<ServersSummary> servers_summary() override;
  Result<> reset_statistics() override;
  Result<LinkReadId> read_link(UserId user, std::string_view link) override;
  Result<> set_link_data(ConnectionId connection, BytesView link_data) override;
  Result<> delete_link(ConnectionId connection) override;
  Result<ConnectionId> join_connection(UserId user, std::string_view link, BytesView own_info, bool pq,
                                       std::optional<ConnectionId> id) override;
  Result<> allow_connection(ConnectionId connection, ConfirmationId confirmation, BytesView own_info) override;
  Result<> delete_connection(ConnectionId connection) override;
  Result<> delete_connections(std::span<const ConnectionId> connections) override;
  Result<> change_user(ConnectionId connection, UserId user) override;
  Result<> synchronize_ratchet(ConnectionId connection, bool pq, bool force) override;
  Result<> set_pq_encryption(ConnectionId connection, bool wanted) override;
  Result<> set_mixing(ConnectionId connection, Mixing mixing) override;
  Result<VerificationCode> verification_code(ConnectionId connection) override;
  Result<> switch_connection(ConnectionId connection) override;
  Result<> abort_switch(ConnectionId connection) override;
  Result<ConnectionState> connection_state(ConnectionId connection) override;
  Result<std::vector<ConnectionId>> connections(UserId user) override;

  Result<MessageId> send_message(ConnectionId connection, BytesView body, std::optional<SendKey> key) override;
  std::vector<Result<MessageId>> send_messages(std::span<const SendRequest> requests, BytesView body) override;
  Result<> ack_message(ConnectionId connection, MessageId message, Receipt receipt) override;

 private:
  // Everything of the network and in memory begins anew, from what the database says.
  void resume();
  void drop_sessions();
  void settle();
  void turn_failed(const Error& error);
  void tell_unusable(const Relay& relay, const smp::client::Failure& why);
  void continue_suspending();
  void finish_suspending();
  void clean_up();
  void save_statistics();
  void save_statistics_in_time();
  void grow_older();  // outside of a turn
  // In a turn (agent_users.cpp); they say nothing. Its queues are then to be deleted at their relays.
  [[nodiscard]] Result<> end_connection(const Connection& connection);
  // Without a word to relays.
  [[nodiscard]] Result<> erase_connection(const Connection& connection);
  [[nodiscard]] Result<std::vector<RcvQueue>> stop_connection(const Connection& connection);

  [[nodiscard]] Result<> check_user(UserId user);
  // In a turn. shared: of a message to many; stored by the first that needs it.
  [[nodiscard]] Result<MessageId> send(const SendRequest& request, BytesView body, std::optional<SharedBody>* shared);
  // In a turn (agent_joining.cpp).
  [[nodiscard]] Result<Connection> insert_own(UserId user, Role role, bool pq, std::optional<ConnectionId> id);
  [[nodiscard]] Result<ConnectionId> create(UserId user, Role role, bool pq, std::optional<ConnectionId> id,
                                            std::optional<BytesView> link_data);
  [[nodiscard]] Result<ConnectionId> join(UserId user, const protocol::InvitationLink& link, BytesView own_info,
                                          bool pq, std::optional<ConnectionId> id);
  [[nodiscard]] Result<ConnectionId> request(UserId user, const protocol::ContactLink& link, BytesView own_info,
                                             bool pq, std::optional<ConnectionId> id);
  [[nodiscard]] Result<ConnectionId> join(UserId user, const protocol::ShortLink& link, BytesView own_info, bool pq,
                                          std::optional<ConnectionId> id);
  [[nodiscard]] Result<> answered(const Request& request);
  [[nodiscard]] Result<ConnectionId> repeat_creation(const Connection& connection, std::optional<BytesView> link_data);

  Core core_;
  Relays relays_;
  Routes routes_;
  DeliveryQueues deliveries_;
  Commands commands_;
  LinkReader link_reader_;
  ServerTests server_tests_;
  Subscriptions subscriptions_;
  RatchetSync ratchet_sync_;
  Rotation rotation_;
  Covers covers_;
  Reception reception_;
  Lineage lineage_;
  Restoration restoration_;
  DatabaseCopies copies_;
  async::Timer cleanup_;
  async::Timer statistics_;
  async::Timer recovery_;
  Backoff recovery_backoff_;
  Instant last_failure_;
  std::set<std::string> unusable_;  // relays that the application knows of
  // active ── suspend() ──► suspending ── all is answered, or the time is over ──► suspended ── foreground() ──► active
  enum class Phase : std::uint8_t { active, suspending, suspended };
  Phase phase_ = Phase::active;
  Instant suspend_at_;
  async::Timer suspension_;
  bool started_ = false;
};

}  // namespace simplex::agent
