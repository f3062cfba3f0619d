// One connection to a relay, held by somebody who says one thing at a time. Answers and messages read as text: "OK",
// "ERR AUTH", "SOK", the text of a message.
//
// Every wait has a bound, past which the answer is "nothing".
#pragma once

#include <deque>
#include <optional>
#include <string>

#include "simplex/caller/line.hpp"
#include "simplex/crypto/box.hpp"
#include "simplex/protocol/server_address.hpp"
#include "simplex/smp/broker_message.hpp"
#include "simplex/smp/command.hpp"
#include "simplex/smp/transmission.hpp"
#include "simplex/transport/block_session.hpp"

namespace simplex::caller {

// A service: what it shows in TLS and in the handshake.
struct Service {
  transport::SmpServiceRole role = transport::SmpServiceRole::messaging;
  Credentials credentials;
};
// With a certificate of its own.
[[nodiscard]] Service make_service(transport::SmpServiceRole role, WallTime now, Random& random);

// A queue as its recipient knows it.
struct Queue {
  crypto::AuthPrivateKey key;
  smp::RecipientId recipient;
  smp::SenderId sender;
  crypto::BoxKey box;
  std::optional<smp::LinkId> link;
  std::optional<smp::ServiceId> service;
};
// A notifier of a queue, as a notification server knows it.
struct Notifier {
  crypto::AuthPrivateKey key;
  smp::NotifierId id;
};

// What a relay has said. The octets keep what the message's views point to.
struct Got {
  std::shared_ptr<Bytes> octets;
  smp::CorrId corr_id;
  Bytes entity_id;
  smp::BrokerMessage message;
  bool came = false;

  template <class M>
  [[nodiscard]] const M* as() const {
    return came ? std::get_if<M>(&message) : nullptr;
  }
  // "OK", "MSG", "ERR AUTH", "SOKS 2"; "nothing".
  [[nodiscard]] std::string text() const;
  // Of a MSG of this queue: the text, or "(quota)"; else as above.
  [[nodiscard]] std::string text(const Queue& queue) const;
};
// In MSG; fails the test when it is none.
[[nodiscard]] smp::MessageId message_id(const Got& got);

struct Options {
  SmpVersionRange versions = smp::supported_versions;
  std::vector<std::string> alpn{"smp/1"};
  std::optional<Service> service = std::nullopt;  // the line has to show its credentials
  bool proxy = false;
};

class Caller {
 public:
  Caller(std::unique_ptr<Line> line, const protocol::ServerAddress& relay, Options options = {});
  ~Caller();
  Caller(const Caller&) = delete;
  Caller& operator=(const Caller&) = delete;

  // A new connection instead of the old one; "", or why there is none. What came over the old one is forgotten.
  std::string connect();
  void disconnect();
  [[nodiscard]] bool connected() const { return ready_ && error_.empty(); }
  [[nodiscard]] const std::string& error() const { return error_; }
  // Waits for the end of the connection.
  [[nodiscard]] bool is_disconnected();

  [[nodiscard]] SmpVersion version() const { return session().version; }
  [[nodiscard]] const transport::SmpSession& session() const { return blocks_->session(); }
  [[nodiscard]] std::optional<smp::ServiceId> service_id() const;
  [[nodiscard]] Random& random() { return line_->random(); }
  [[nodiscard]] Line& line() { return *line_; }
  [[nodiscard]] crypto::AuthPrivateKey new_key();  // of the kind that is used in this version

  // ---- anything
  // as: the version in which the command is written; that of the session, if nothing is said.
  Got ask(const smp::ClientCommand& command, BytesView entity = {}, const crypto::AuthPrivateKey* key = nullptr,
          std::optional<SmpVersion> as = std::nullopt);
  Got ask(const smp::ClientCommand& command, BytesView entity, const crypto::AuthPrivateKey* key,
          const smp::CorrId& corr_id, std::optional<SmpVersion> as = std::nullopt);
  // The octets of a command, or of what is none.
  std::string say(BytesView words, BytesView entity, const crypto::AuthPrivateKey* key);
  // Without waiting.
  smp::CorrId post(const smp::ClientCommand& command, BytesView entity = {},
                   const crypto::AuthPrivateKey* key = nullptr);
  Got answer(const smp::CorrId& corr_id);
  std::string call(const smp::ClientCommand& command, BytesView entity = {},
                   const crypto::AuthPrivateKey* key = nullptr) {
    return ask(command, entity, key).text();
  }
  // The next that came by itself.
  Got event();
  std::string event_of(const Queue& queue) { return event().text(queue); }
  // Everything that came by itself and was not asked for yet: the relay has answered a PING since.
  [[nodiscard]] std::vector<std::string> events_until_now();

  // ---- a recipient
  Queue create(std::optional<smp::command::New::Mode> mode = smp::command::New::Messaging{},
               smp::SubscriptionMode subscription = smp::SubscriptionMode::subscribe);
  std::string secure(const Queue& queue, const crypto::AuthPrivateKey& sender_key);
  std::string subscribe(const Queue& queue) { return call(smp::command::Sub{}, queue.recipient.view(), &queue.key); }
  // What the answer is: "OK", or the next message.
  Got acknowledge(const Queue& queue, const Got& message);
  // The next message of the queue, acknowledged. `next` is what the last acknowledgement was answered with.
  std::string receive(const Queue& queue);
  std::string get(const Queue& queue) { return ask_get(queue).text(queue); }
  Got ask_get(const Queue& queue) { return ask(smp::command::Get{}, queue.recipient.view(), &queue.key); }
  std::string suspend(const Queue& queue) { return call(smp::command::Off{}, queue.recipient.view(), &queue.key); }
  std::string remove(const Queue& queue) { return call(smp::command::Del{}, queue.recipient.view(), &queue.key); }
  // "3 secured notifications", as far as they are true; or the error.
  std::string state(const Queue& queue);
  std::optional<Notifier> add_notifier(const Queue& queue);
  std::string remove_notifier(const Queue& queue) {
    return call(smp::command::Ndel{}, queue.recipient.view(), &queue.key);
  }

  // ---- a sender
  std::string secure_as_sender(const smp::SenderId& queue, const crypto::AuthPrivateKey& key);
  std::string send(const smp::SenderId& queue, std::string_view text, const crypto::AuthPrivateKey* key = nullptr,
                   bool notification = true);

  // ---- a notification server
  std::string subscribe(const Notifier& notifier) {
    return call(smp::command::Nsub{}, notifier.id.view(), &notifier.key);
  }

  // ---- a service
  // SUBS, or NSUBS of a notification server.
  Got subscribe_all(const smp::ServiceQueues& expected);
  bool signs_as_service = true;

 private:
  Bytes transmission(const smp::ClientCommand& command, BytesView entity, const crypto::AuthPrivateKey* key,
                     const smp::CorrId& corr_id, SmpVersion as);
  Bytes transmission(BytesView words, BytesView entity, const crypto::AuthPrivateKey* key, const smp::CorrId& corr_id);
  void send_block(BytesView transmission);
  void received(BytesView content);
  void ended(std::string why);

  std::unique_ptr<Line> line_;
  transport::ConnectOptions where_;
  Options options_;
  std::unique_ptr<transport::Connector::Attempt> attempt_;
  std::unique_ptr<transport::BlockSession> blocks_;
  std::deque<Got> inbox_;
  std::string error_ = "not connected";
  bool ready_ = false;
};

// What a service and its relay have to agree on.
void add_queue(smp::ServiceQueues& queues, BytesView id);
template <class... Ids>
[[nodiscard]] smp::ServiceQueues queues_of(const Ids&... ids) {
  smp::ServiceQueues made{.count = 0, .hash = {}};
  (add_queue(made, ids.view()), ...);
  return made;
}
}  // namespace simplex::caller
