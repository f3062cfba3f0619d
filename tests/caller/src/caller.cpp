#include "simplex/caller/caller.hpp"

#include <gtest/gtest.h>

#include "simplex/crypto/authenticator.hpp"
#include "simplex/crypto/hash.hpp"
#include "simplex/crypto/signature.hpp"
#include "simplex/smp/message_body.hpp"

namespace simplex::caller {

using namespace smp;

namespace {

crypto::SignaturePrivateKey clone(const crypto::SignaturePrivateKey& key) {
  return std::visit([](const auto& own) { return crypto::SignaturePrivateKey(own.clone()); }, key);
}

}  // namespace

Service make_service(transport::SmpServiceRole role, WallTime now, Random& random) {
  auto own = transport::make_credentials(transport::SignatureAlgorithm::ed25519, now, random);
  return {role, std::make_shared<transport::ClientCredentials>(std::move(own.chain), std::move(own.key))};
}

void add_queue(ServiceQueues& queues, BytesView id) {
  ++queues.count;
  queues.hash = combine(queues.hash, IdsHash(crypto::md5(id).array()));
}

// ---- what came

std::string Got::text() const {
  if (!came) return "nothing";
  if (const auto* err = as<broker::Err>()) return "ERR " + wire_text(err->error, current_version);
  std::string name(name_of(message));
  if (const auto* soks = as<broker::Soks>()) name += " " + std::to_string(soks->queues.count);
  if (const auto* ends = as<broker::Ends>()) name += " " + std::to_string(ends->queues.count);
  return name;
}

std::string Got::text(const Queue& queue) const {
  const auto* msg = as<broker::Msg>();
  if (msg == nullptr) return text();
  if (!std::ranges::equal(entity_id, queue.recipient.view())) return "a message of another queue";
  auto encrypted = to_bytes(msg->encrypted_body.bytes);
  const auto opened = decrypt_queue_message(queue.box, msg->id, encrypted);
  if (!opened) return opened.error().message;
  const auto* body = std::get_if<MessageBody>(&*opened);
  return body == nullptr ? "(quota)" : std::string(as_text(body->body.bytes));
}

MessageId message_id(const Got& got) {
  const auto* msg = got.as<broker::Msg>();
  EXPECT_NE(msg, nullptr) << got.text();
  return msg == nullptr ? MessageId() : msg->id;
}

// ---- the connection

Caller::Caller(std::unique_ptr<Line> line, const protocol::ServerAddress& relay, Options options)
    : line_(std::move(line)), options_(std::move(options)) {
  where_.endpoints = {{relay.hosts.front().text(), *relay.port_number()}};
  where_.identity = *transport::KeyHash::from(relay.key_hash.view());
  where_.alpn = options_.alpn;
  connect();
}

Caller::~Caller() { disconnect(); }

void Caller::disconnect() {
  attempt_.reset();
  blocks_.reset();
  ready_ = false;
  error_ = "not connected";
  inbox_.clear();
}

std::string Caller::connect() {
  disconnect();
  error_.clear();
  attempt_ = line_->connector().connect(line_->loop(), where_, [this](Result<transport::ChannelPtr> made) {
    if (!made) return ended(made.error().message);
    transport::ClientHandshakeSettings settings;
    settings.identity = where_.identity;
    settings.versions = options_.versions;
    settings.proxy = options_.proxy;
    if (const auto& service = options_.service) {
      settings.service = transport::ClientServiceSettings{
          service->role, service->credentials->chain, clone(service->credentials->key),
          crypto::generate_ed25519(random()),
          service->role == transport::SmpServiceRole::messaging ? transport::messaging_service_version
                                                                : transport::service_version};
    }
    blocks_ = transport::BlockSession::as_client(line_->loop(), std::move(*made), std::move(settings),
                                                 crypto::generate_x25519(random()), std::chrono::seconds(30),
                                                 {.ready =
                                                      [this] {
                                                        ready_ = true;
                                                        line_->wake();
                                                      },
                                                  .block = [this](BytesView content) { received(content); },
                                                  .closed = [this](const Error& error) { ended(error.message); },
                                                  .drained = {}});
  });
  if (!line_->run_until([this] { return ready_ || !error_.empty(); })) error_ = "the relay did not answer in time";
  return error_;
}

void Caller::ended(std::string why) {
  error_ = why.empty() ? "the connection has ended" : std::move(why);
  line_->wake();
}

bool Caller::is_disconnected() {
  return line_->run_until([this] { return !error_.empty(); });
}

std::optional<ServiceId> Caller::service_id() const {
  if (!session().service) return std::nullopt;
  return ServiceId(session().service->id.view());
}

crypto::AuthPrivateKey Caller::new_key() {
  if (version() < authenticator_version) return crypto::generate_ed25519(random()).private_key;
  return crypto::generate_x25519(random()).private_key;
}

// ---- anything

Bytes Caller::transmission(const ClientCommand& command, BytesView entity, const crypto::AuthPrivateKey* key,
                           const CorrId& corr_id, SmpVersion as) {
  const auto& agreed = session();
  const auto& service = agreed.service;
  const bool by_service = service && signs_as_service && uses_service_signature(command);
  if (as == agreed.version) {
    ClientAuth auth;
    auth.key = key;
    auth.relay_key = agreed.peer_key;
    if (by_service) {
      auth.service_key = &*service->private_key;
      auth.service_cert_hash = service->fingerprint.view();
    }
    return encode_client_transmission({agreed.version, agreed.session_id.view()}, auth, corr_id, entity, command)
        .value();
  }
  return transmission(encode(command, as), entity, key, corr_id);
}

Bytes Caller::transmission(BytesView words, BytesView entity, const crypto::AuthPrivateKey* key,
                           const CorrId& corr_id) {
  const auto& agreed = session();
  const Bytes body = protocol::transmission_body(corr_id, entity, words);
  Bytes authorization;
  if (key != nullptr) {
    authorization = crypto::authorize(*key, agreed.peer_key, crypto::cb_nonce(corr_id.view()),
                                      protocol::authorized_bytes(agreed.session_id.view(), body))
                        .value();
  }
  return protocol::encode_transmission(transmission_format(agreed.version), agreed.session_id.view(), authorization, {},
                                       body);
}

void Caller::send_block(BytesView transmission) {
  protocol::Batch batch;
  ASSERT_TRUE(batch.add(transmission));
  ASSERT_TRUE(connected()) << error_;
  ASSERT_TRUE(blocks_->send(batch.take()));
}

void Caller::received(BytesView content) {
  const auto transmissions = protocol::split_batch(content);
  ASSERT_TRUE(transmissions);
  const SessionParams params{session().version, session().session_id.view()};
  for (const auto each : *transmissions) {
    auto octets = std::make_shared<Bytes>(to_bytes(each));
    auto message = decode_broker_transmission(params, *octets);
    ASSERT_TRUE(message) << "what the relay sends can't be read";
    inbox_.push_back({octets, message->corr_id, to_bytes(message->entity_id), std::move(message->message), true});
  }
  line_->wake();
}

std::string Caller::say(BytesView words, BytesView entity, const crypto::AuthPrivateKey* key) {
  const auto corr_id = CorrId::generate(random());
  send_block(transmission(words, entity, key, corr_id));
  return answer(corr_id).text();
}

CorrId Caller::post(const ClientCommand& command, BytesView entity, const crypto::AuthPrivateKey* key) {
  const auto corr_id = CorrId::generate(random());
  send_block(transmission(command, entity, key, corr_id, version()));
  return corr_id;
}

Got Caller::ask(const ClientCommand& command, BytesView entity, const crypto::AuthPrivateKey* key,
                std::optional<SmpVersion> as) {
  return ask(command, entity, key, CorrId::generate(random()), as);
}

Got Caller::ask(const ClientCommand& command, BytesView entity, const crypto::AuthPrivateKey* key,
                const CorrId& corr_id, std::optional<SmpVersion> as) {
  if (!connected()) return {};
  send_block(transmission(command, entity, key, corr_id, as.value_or(version())));
  return answer(corr_id);
}

Got Caller::answer(const CorrId& corr_id) {
  Got found;
  static_cast<void>(line_->run_until([&] {
    for (auto got = inbox_.begin(); got != inbox_.end(); ++got) {
      if (got->corr_id != corr_id) continue;
      found = std::move(*got);
      inbox_.erase(got);
      return true;
    }
    return !error_.empty();
  }));
  return found;
}

Got Caller::event() { return answer(CorrId()); }

std::vector<std::string> Caller::events_until_now() {
  EXPECT_EQ(call(command::Ping{}), "PONG");
  std::vector<std::string> texts;
  for (const auto& got : inbox_) texts.push_back(got.text());
  inbox_.clear();
  return texts;
}

// ---- a recipient

Queue Caller::create(std::optional<command::New::Mode> mode, SubscriptionMode subscription) {
  Queue made{new_key(), {}, {}, {}, {}, {}};
  const auto dh = crypto::generate_x25519(random());
  if (version() < sender_key_version) mode = std::nullopt;
  const auto got =
      ask(command::New{crypto::public_key(made.key), dh.public_key, std::nullopt, subscription, std::move(mode), {}},
          {}, &made.key);
  const auto* ids = got.as<broker::Ids>();
  EXPECT_NE(ids, nullptr) << got.text();
  if (ids == nullptr) return made;
  made.recipient = ids->recipient_id;
  made.sender = ids->sender_id;
  made.box = crypto::box_key(ids->relay_dh_key, dh.private_key).value();
  made.link = ids->link_id;
  made.service = ids->service_id;
  return made;
}

std::string Caller::secure(const Queue& queue, const crypto::AuthPrivateKey& sender_key) {
  return call(command::Key{crypto::public_key(sender_key)}, queue.recipient.view(), &queue.key);
}

Got Caller::acknowledge(const Queue& queue, const Got& message) {
  return ask(command::Ack{message_id(message)}, queue.recipient.view(), &queue.key);
}

std::string Caller::receive(const Queue& queue) {
  const auto message = event();
  const auto text = message.text(queue);
  if (message.as<broker::Msg>() == nullptr) return text;
  auto next = acknowledge(queue, message);
  if (next.as<broker::Msg>() != nullptr) {  // as if it had come by itself
    next.corr_id = CorrId();
    inbox_.push_front(std::move(next));
  } else {
    EXPECT_EQ(next.text(), "OK");
  }
  return text;
}

std::string Caller::state(const Queue& queue) {
  const auto got = ask(command::Que{}, queue.recipient.view(), &queue.key);
  const auto* info = got.as<broker::Info>();
  if (info == nullptr) return got.text();
  return std::to_string(info->state.size) + (info->state.secured ? " secured" : "") +
         (info->state.notifications ? " notifications" : "");
}

std::optional<Notifier> Caller::add_notifier(const Queue& queue) {
  auto key = new_key();
  const auto dh = crypto::generate_x25519(random());
  const auto got = ask(command::Nkey{{crypto::public_key(key), dh.public_key}}, queue.recipient.view(), &queue.key);
  const auto* nid = got.as<broker::Nid>();
  EXPECT_NE(nid, nullptr) << got.text();
  if (nid == nullptr) return std::nullopt;
  return Notifier{std::move(key), nid->notifier_id};
}

// ---- a sender

std::string Caller::secure_as_sender(const SenderId& queue, const crypto::AuthPrivateKey& key) {
  return call(command::Skey{crypto::public_key(key)}, queue.view(), &key);
}

std::string Caller::send(const SenderId& queue, std::string_view text, const crypto::AuthPrivateKey* key,
                         bool notification) {
  return call(command::Send{MessageFlags{notification}, Content(as_bytes(text))}, queue.view(), key);
}

// ---- a service

Got Caller::subscribe_all(const ServiceQueues& expected) {
  const auto& service = session().service;
  EXPECT_TRUE(service) << "this connection is no service's";
  if (!service) return {};
  const crypto::AuthPrivateKey key = service->private_key->clone();
  if (service->role == transport::SmpServiceRole::messaging)
    return ask(command::Subs{expected}, service->id.view(), &key);
  return ask(command::Nsubs{expected}, service->id.view(), &key);
}

}  // namespace simplex::caller
