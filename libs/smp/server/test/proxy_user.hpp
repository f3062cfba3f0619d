// A client of a proxy: asks it for relays, wraps commands for them as the reference's clients do, and opens the answers.
#pragma once

#include <gmock/gmock.h>

#include <deque>

#include "simplex/crypto/key_encoding.hpp"
#include "simplex/crypto/nonce.hpp"
#include "simplex/smp/client/client.hpp"
#include "simplex/smp/client/received_message.hpp"
#include "simplex/smp/proxy_layers.hpp"
#include "simplex/smp/transmission.hpp"

namespace simplex::smp::server {

// What came back: an error of the proxy, of the relay behind it, or an answer.
struct Routed {
  std::string name;                // of the relay's answer
  std::optional<ErrorType> error;  // the relay's own, inside the layers
  std::optional<client::Failure> failure;

  // Without the octets before texts that say how long these are.
  [[nodiscard]] std::string text() const {
    std::string all = error ? "ERR " + wire_text(*error, current_version) : name;
    if (failure) {
      all = failure->relay_error ? wire_text(*failure->relay_error, current_version)
                                 : std::string(client::name_of(failure->kind));
    }
    std::erase_if(all, [](char each) { return each < ' '; });
    return all;
  }
};

// What PKEY told.
struct Route {
  Bytes session_id;
  SmpVersionRange versions;
  crypto::X25519PublicKey relay_key;
};

using RunUntil = std::function<bool(const std::function<bool()>&)>;

class ProxyUser {
 public:
  ProxyUser(client::Dependencies dependencies, RunUntil run, const protocol::ServerAddress& address,
            client::Options options = {})
      : random_(dependencies.random), run_(std::move(run)) {
    options.command_timeout = std::chrono::hours(1);
    std::optional<client::Failure> failure;
    client::Handlers handlers;
    handlers.pushed = [this](const EntityId&, const BrokerMessage& message) {
      if (const auto* body = std::get_if<broker::Msg>(&message)) {
        bodies_.push_back(to_bytes(body->encrypted_body.bytes));
        messages.push_back({body->id, Content(bodies_.back())});
      }
    };
    handlers.disconnected = [this](const client::Failure&) { disconnected = true; };
    handlers.violation = {};
    attempt_ = client::Client::connect(dependencies, address, options, std::move(handlers),
                                       [this, &failure](client::Outcome<std::unique_ptr<client::Client>> made) {
                                         if (!made) {
                                           failure = made.error();
                                         } else {
                                           client_ = std::move(*made);
                                         }
                                       });
    EXPECT_TRUE(run_([&] { return client_ || failure; }));
    EXPECT_FALSE(failure) << failure->error.message;
  }

  [[nodiscard]] client::Client& client() { return *client_; }
  void leave() { client_.reset(); }

  struct Asked {
    bool done = false;
    std::optional<Route> route;
    std::string error;
  };
  // PRXY without waiting.
  std::shared_ptr<Asked> ask(const protocol::ServerAddress& relay, std::optional<BasicAuth> password = std::nullopt) {
    auto asked = std::make_shared<Asked>();
    client_->command({}, nullptr, command::Prxy{relay, std::move(password)},
                     [asked](client::Outcome<BrokerMessage> outcome) {
                       asked->done = true;
                       if (!outcome) {
                         asked->error = Routed{{}, {}, outcome.error()}.text();
                       } else if (const auto* key = std::get_if<broker::Pkey>(&*outcome)) {
                         asked->route = route(*key);
                       } else {
                         asked->error = smp::name_of(*outcome);
                       }
                     });
    return asked;
  }
  // PRXY: the error's text, or nothing.
  std::string open(const protocol::ServerAddress& relay, Route& route,
                   std::optional<BasicAuth> password = std::nullopt) {
    const auto asked = ask(relay, std::move(password));
    EXPECT_TRUE(run_([&] { return asked->done; }));
    if (asked->route) route = *asked->route;
    return asked->error;
  }
  std::string open_error(const protocol::ServerAddress& relay, std::optional<BasicAuth> password = std::nullopt) {
    Route route;
    return open(relay, route, std::move(password));
  }

  struct Sent {
    bool done = false;
    Routed result;
  };
  // PFWD without waiting.
  std::shared_ptr<Sent> post(const Route& to, const ClientCommand& command, BytesView entity,
                             const crypto::AuthPrivateKey* key = nullptr) {
    const SmpVersion version = to.versions.max;
    const auto own = crypto::generate_x25519(random_);
    auto box = std::make_shared<crypto::BoxKey>(crypto::box_key(to.relay_key, own.private_key).value());
    const auto corr_id = CorrId::generate(random_);
    const auto nonce = crypto::cb_nonce(corr_id.view());
    ClientAuth auth;
    auth.key = key;
    auth.relay_key = to.relay_key;
    const auto transmission =
        encode_client_transmission({version, to.session_id}, auth, corr_id, entity, command).value();
    const auto sealed = seal_forwarded(*box, nonce, transmission).value();
    auto sent = std::make_shared<Sent>();
    client_->command(
        EntityId(to.session_id), nullptr, command::Pfwd{version, own.public_key, Content(sealed)},
        [sent, box, nonce, version, session_id = to.session_id](client::Outcome<BrokerMessage> outcome) {
          sent->done = true;
          if (!outcome) {
            sent->result.failure = outcome.error();
            return;
          }
          const auto* response = std::get_if<broker::Pres>(&*outcome);
          ASSERT_NE(response, nullptr);
          auto octets = to_bytes(response->encrypted.bytes);
          const auto inner = open_forwarded(*box, crypto::reversed(nonce), octets);
          ASSERT_TRUE(inner) << inner.error().message;
          const auto received = decode_broker_transmission({version, session_id}, *inner);
          ASSERT_TRUE(received);
          sent->result.name = smp::name_of(received->message);
          if (const auto* error = std::get_if<broker::Err>(&received->message)) sent->result.error = error->error;
        },
        corr_id);
    return sent;
  }
  std::string call(const Route& to, const ClientCommand& command, BytesView entity,
                   const crypto::AuthPrivateKey* key = nullptr) {
    const auto sent = post(to, command, entity, key);
    EXPECT_TRUE(run_([&] { return sent->done; }));
    return sent->result.text();
  }
  std::string send(const Route& to, BytesView entity, std::string_view text,
                   const crypto::AuthPrivateKey* key = nullptr) {
    return call(to, command::Send{{}, Content(as_bytes(text))}, entity, key);
  }

  // ---- as a recipient
  struct OwnQueue {
    crypto::AuthPrivateKey key;
    broker::Ids ids;
    crypto::BoxKey box;
  };
  OwnQueue create(crypto::AuthPrivateKey key, std::optional<BasicAuth> password = std::nullopt) {
    const auto dh = crypto::generate_x25519(random_);
    std::optional<client::Outcome<broker::Ids>> made;
    command::New request{crypto::public_key(key),     dh.public_key, std::move(password),
                         SubscriptionMode::subscribe, std::nullopt,  {}};
    if (client_->session().version >= sender_key_version) request.mode = command::New::Messaging{};
    client_->create_queue(request, key, [&](client::Outcome<broker::Ids> ids) { made = std::move(ids); });
    EXPECT_TRUE(run_([&] { return made.has_value(); }));
    EXPECT_TRUE(*made) << made->error().error.message;
    auto box = crypto::box_key((*made)->relay_dh_key, dh.private_key).value();
    return {std::move(key), **made, std::move(box)};
  }
  // The next message of the queue, acknowledged.
  std::string receive(const OwnQueue& queue) {
    if (!run_([&] { return !messages.empty(); })) return "nothing came";
    const auto message = messages.front();
    messages.pop_front();
    const auto opened = client::open_message(queue.box, message);
    EXPECT_TRUE(opened);
    bool acknowledged = false;
    client_->acknowledge(queue.ids.recipient_id, queue.key, message.id,
                         [&](const client::Outcome<>& done) { acknowledged = done.has_value(); });
    EXPECT_TRUE(run_([&] { return acknowledged; }));
    const auto* body = std::get_if<client::QueueMessageReceived>(&*opened);
    return body != nullptr ? std::string(as_text(body->body)) : "QUOTA";
  }
  bool ping() {
    std::optional<bool> done;
    client_->ping([&](const client::Outcome<>& pong) { done = pong.has_value(); });
    return run_([&] { return done.has_value(); }) && *done;
  }

  std::deque<broker::Msg> messages;
  bool disconnected = false;

 private:
  static Route route(const broker::Pkey& key) {
    const auto signer = transport::certified_key(key.certificates.front());
    EXPECT_TRUE(signer);
    const auto spki = transport::verify_signed_key(*signer, key.signed_key);
    EXPECT_TRUE(spki);
    return {key.session_id, key.versions, crypto::from_spki<crypto::X25519PublicKey>(*spki).value()};
  }

  Random& random_;
  RunUntil run_;
  std::unique_ptr<client::Client::Attempt> attempt_;
  std::unique_ptr<client::Client> client_;
  std::deque<Bytes> bodies_;
};

inline protocol::ServerAddress address_of(std::string_view host, const transport::KeyHash& identity,
                                          std::string port = {}) {
  protocol::ServerAddress made;
  made.hosts = {*protocol::Host::parse(host)};
  made.port = std::move(port);
  made.key_hash = protocol::KeyHash(identity.view());
  return made;
}

}  // namespace simplex::smp::server
