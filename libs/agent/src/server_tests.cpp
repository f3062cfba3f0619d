#include "server_tests.hpp"

#include "failures.hpp"

namespace simplex::agent {
namespace {

Error explained(ServerTestStep step, const smp::client::Failure& failure) {
  if (step != ServerTestStep::create_queue || !failure.is<smp::errors::Auth>()) return failure.error;
  return {ErrorKind::authentication,
          "The relay makes no queues for you: its address lacks the password, or has a wrong one. The whole address is "
          "smp://FINGERPRINT:PASSWORD@HOST.",
          Advice::ask_user};
}

}  // namespace

ServerTestId ServerTests::begin(UserId user, protocol::ServerWithAuth server) {
  const ServerTestId id(++last_);
  auto& test = tests_[id];
  test.password = std::move(server.password);
  test.attempt = relays_.connect_apart({user, SessionEntity(core_.dependencies.random.bytes(16))}, server.address,
                                       [this, id](smp::client::Outcome<std::unique_ptr<smp::client::Client>> made) {
                                         auto* const connected = passed(id, ServerTestStep::connect, made);
                                         if (connected == nullptr) return;
                                         connected->client = std::move(*made);
                                         create_queue(id);
                                       });
  return id;
}

void ServerTests::create_queue(ServerTestId id) {
  auto& test = tests_.at(id);
  auto auth = crypto::generate_ed25519(core_.dependencies.random);
  const auto relay_dh = crypto::generate_x25519(core_.dependencies.random);
  smp::command::New request{.recipient_key = auth.public_key,
                            .recipient_dh_key = relay_dh.public_key,
                            .password = test.password,
                            .subscription = smp::SubscriptionMode::subscribe,
                            .mode = smp::command::New::Messaging{},
                            .notifier = std::nullopt};
  const auto& key = test.recipient_key.emplace(std::move(auth.private_key));
  test.client->create_queue(request, key, [this, id](const smp::client::Outcome<smp::broker::Ids>& ids) {
    auto* const made = passed(id, ServerTestStep::create_queue, ids);
    if (made == nullptr) return;
    made->queue = ids->recipient_id;
    secure_queue(id);
  });
}

void ServerTests::secure_queue(ServerTestId id) {
  auto& test = tests_.at(id);
  const auto sender = crypto::generate_ed25519(core_.dependencies.random).public_key;
  test.client->secure(test.queue, *test.recipient_key, sender, [this, id](const smp::client::Outcome<>& outcome) {
    if (passed(id, ServerTestStep::secure_queue, outcome) != nullptr) delete_queue(id);
  });
}

void ServerTests::delete_queue(ServerTestId id) {
  auto& test = tests_.at(id);
  test.client->delete_queue(test.queue, *test.recipient_key, [this, id](const smp::client::Outcome<>& outcome) {
    if (passed(id, ServerTestStep::delete_queue, outcome) != nullptr) end(id, std::nullopt);
  });
}

template <class T>
ServerTests::Test* ServerTests::passed(ServerTestId id, ServerTestStep step, const smp::client::Outcome<T>& outcome) {
  const auto found = tests_.find(id);
  if (found == tests_.end()) return nullptr;
  if (outcome) return &found->second;
  end(id, ServerTestFailure{step, failure_of(outcome.error()), explained(step, outcome.error())});
  return nullptr;
}

void ServerTests::end(ServerTestId id, std::optional<ServerTestFailure> failure) {
  tests_.erase(id);
  core_.outbox.passing(ServerTested{id, std::move(failure)});
}

}  // namespace simplex::agent
