// Shards without threads, and clients that speak SMP to them in memory. Time and randomness are the test's.
#pragma once

#include <gmock/gmock.h>

#include <deque>

#include "simplex/smp/message_body.hpp"
#include "simplex/smp/server/memory_store.hpp"
#include "simplex/smp/server/shard.hpp"
#include "simplex/testing/random.hpp"
#include "keeping_store.hpp"

namespace simplex::smp::server {

class TestClock final : public Clock {
 public:
  [[nodiscard]] Instant now() const override { return Instant(std::chrono::seconds(seconds)); }
  [[nodiscard]] WallTime wall() const override { return from_seconds_since_epoch(seconds); }
  std::int64_t seconds = 1'795'392'000;
};

// A store that answers when the test says so, and how.
class SlowStore final : public Store {
 public:
  void write(const StoreRecord& record, Done<> done) override {
    records.push_back(format_record(record));
    waiting.push_back(std::move(done));
  }
  void add_message(const RecipientId&, const MessagePtr&, Done<> done) override { waiting.push_back(std::move(done)); }
  void remove_message(const RecipientId&, const StoredMessage&, Done<> done) override {
    waiting.push_back(std::move(done));
  }
  void load_messages(const RecipientId&, std::size_t, Done<std::vector<MessagePtr>> done) override {
    done(std::vector<MessagePtr>());
  }
  void load_link(const RecipientId&, Done<std::optional<LinkData>> done) override { done(std::nullopt); }
  void find(IdKind, const DirectoryId&, Done<std::optional<RecipientId>> done) override { done(std::nullopt); }
  void service_queues(const ServiceId&, ServiceParty, std::optional<RecipientId>, std::size_t,
                      Done<std::vector<ServiceQueue>> done) override {
    done(std::vector<ServiceQueue>());
  }
  void expire(std::int64_t, std::size_t, Done<std::vector<Expired>> done) override { done(std::vector<Expired>()); }
  [[nodiscard]] bool keeps_everything() const override { return false; }
  void load(const RecipientId&, Done<std::optional<LoadedQueue>> done) override { done(std::nullopt); }
  void flush() override {}

  void answer_all(const Result<>& result = {}) {
    while (!waiting.empty()) {
      auto done = std::move(waiting.front());
      waiting.pop_front();
      done(result);
    }
  }

  std::vector<std::string> records;
  std::deque<Done<>> waiting;
};

class TestClient;

class EngineWorld {
 public:
  explicit EngineWorld(std::size_t shards = 1) : random_(7) {
    for (std::size_t i = 0; i < shards; ++i) stores_.push_back(std::make_unique<MemoryStore>());
    for (auto& store : stores_) stores.push_back(store.get());
    make_shards();
  }
  explicit EngineWorld(std::vector<Store*> given, EngineSettings with = {})
      : settings(std::move(with)), stores(std::move(given)), random_(7) {
    make_shards();
  }
  // Over stores that keep everything, and answer when nothing else moves.
  EngineWorld(KeptQueues& kept, std::size_t shards, EngineSettings with = {}) : settings(std::move(with)), random_(7) {
    for (std::size_t i = 0; i < shards; ++i) {
      keeping.push_back(std::make_unique<KeepingStore>(
          kept, i, shards, +[](BytesView id, std::size_t of) { return Shard::home_of(id, of); }));
      stores.push_back(keeping.back().get());
    }
    make_shards();
  }

  // Carries messages between shards, and answers to clients, until nothing moves.
  void run();

  // As if the interval had passed.
  void deliver_notifications() {
    for (auto& shard : shards_) shard->deliver_notifications();
    run();
  }
  Shard& shard(std::size_t index) { return *shards_[index]; }
  [[nodiscard]] std::size_t shard_count() const { return shards_.size(); }
  Random& random() { return random_; }

  TestClock clock;
  EngineSettings settings;
  std::vector<Store*> stores;
  std::vector<std::unique_ptr<KeepingStore>> keeping;
  bool stores_answer = true;  // in run()
  std::size_t hops = 0;       // messages between shards

 private:
  friend class TestClient;
  void make_shards() {
    for (std::size_t i = 0; i < stores.size(); ++i) {
      shards_.push_back(std::make_unique<Shard>(i, stores.size(), settings, clock, random_, *stores[i]));
    }
  }

  testing::SeededRandom random_;
  std::vector<std::unique_ptr<MemoryStore>> stores_;
  std::vector<std::unique_ptr<Shard>> shards_;
  std::unordered_map<ClientId, TestClient*> clients_;
};

// What a client got: the transmission's octets keep what the message's views point to.
struct Got {
  std::shared_ptr<Bytes> octets;
  CorrId corr_id;
  Bytes entity_id;
  BrokerMessage message;

  template <class M>
  [[nodiscard]] bool is() const {
    return std::holds_alternative<M>(message);
  }
  template <class M>
  [[nodiscard]] const M& as() const {
    return std::get<M>(message);
  }
  [[nodiscard]] bool is_error(const ErrorType& error) const {
    const auto* err = std::get_if<broker::Err>(&message);
    return err != nullptr && err->error == error;
  }
};

inline std::ostream& operator<<(std::ostream& out, const Got& got) {
  out << name_of(got.message);
  if (const auto* err = std::get_if<broker::Err>(&got.message)) out << ' ' << wire_text(err->error, current_version);
  return out;
}

// A queue as its recipient knows it.
struct TestQueue {
  crypto::AuthPrivateKey recipient_key;
  std::optional<crypto::AuthPrivateKey> sender_key;
  Bytes recipient_id;
  Bytes sender_id;
  crypto::BoxKey box;
  std::optional<Bytes> link_id;
  std::optional<Bytes> notifier_id;
};

class TestClient {
 public:
  explicit TestClient(EngineWorld& world, std::size_t shard = 0, std::uint16_t version = 18)
      : world_(world), shard_(shard), relay_key_(crypto::generate_x25519(world.random())) {
    session_ = std::make_shared<ClientSession>();
    session_->version = SmpVersion(version);
    session_->session_id = world.random().bytes(32);
    if (version >= 7) session_->key = relay_key_.private_key.clone();
    id_ = world.shard(shard).connect(session_);
    world.clients_[id_] = this;
  }
  ~TestClient() { disconnect(); }
  TestClient(const TestClient&) = delete;
  TestClient& operator=(const TestClient&) = delete;

  void disconnect() {
    if (!connected_) return;
    connected_ = false;
    world_.clients_.erase(id_);
    world_.shard(shard_).disconnect(id_);
    world_.run();
  }

  [[nodiscard]] Bytes transmission(const ClientCommand& command, BytesView entity, const crypto::AuthPrivateKey* key,
                                   const CorrId& corr_id) const {
    ClientAuth auth;
    auth.key = key;
    if (session_->key) auth.relay_key = relay_key_.public_key;
    if (service_key && uses_service_signature(command)) {
      auth.service_key = &service_key->private_key;
      auth.service_cert_hash = service_hash;
    }
    return encode_client_transmission(session_->params(), auth, corr_id, entity, command).value();
  }
  void post(BytesView transmission) {
    protocol::Batch batch;
    ASSERT_TRUE(batch.add(transmission));
    post_content(batch.take());
  }
  void post_content(BytesView content) {
    auto memory = to_bytes(content);
    world_.shard(shard_).receive(id_, memory);
    std::ranges::fill(memory, 0xEE);  // nobody may look at it after the call
    world_.run();
  }
  // Sends a command and returns what came back with its correlation id.
  Got call(const ClientCommand& command, BytesView entity = {}, const crypto::AuthPrivateKey* key = nullptr) {
    const auto corr_id = CorrId::generate(world_.random());
    post(transmission(command, entity, key, corr_id));
    return response(corr_id);
  }
  Got response(const CorrId& corr_id) {
    for (auto got = inbox.begin(); got != inbox.end(); ++got) {
      if (got->corr_id != corr_id) continue;
      auto found = *got;
      inbox.erase(got);
      return found;
    }
    ADD_FAILURE() << "no response";
    return {};
  }
  // The next event: MSG, END, DELD.
  std::optional<Got> event() {
    for (auto got = inbox.begin(); got != inbox.end(); ++got) {
      if (!got->corr_id.empty()) continue;
      auto found = *got;
      inbox.erase(got);
      return found;
    }
    return std::nullopt;
  }

  crypto::AuthPrivateKey new_key(bool x25519 = false) {
    if (x25519) return crypto::generate_x25519(world_.random()).private_key;
    return crypto::generate_ed25519(world_.random()).private_key;
  }
  TestQueue create(SubscriptionMode subscription = SubscriptionMode::subscribe,
                   std::optional<command::New::Mode> mode = command::New::Messaging{}, bool x25519 = false) {
    TestQueue queue{new_key(x25519), {}, {}, {}, {}, {}, {}};
    auto dh = crypto::generate_x25519(world_.random());
    if (session_->version < sender_key_version) mode = std::nullopt;
    auto got = call(command::New{crypto::public_key(queue.recipient_key), dh.public_key, std::nullopt, subscription,
                                 mode, std::nullopt},
                    {}, &queue.recipient_key);
    EXPECT_TRUE(got.is<broker::Ids>()) << got;
    if (!got.is<broker::Ids>()) return queue;
    const auto& ids = got.as<broker::Ids>();
    queue.recipient_id = to_bytes(ids.recipient_id.view());
    queue.sender_id = to_bytes(ids.sender_id.view());
    queue.box = crypto::box_key(ids.relay_dh_key, dh.private_key).value();
    if (ids.link_id) queue.link_id = to_bytes(ids.link_id->view());
    return queue;
  }
  Got send(const TestQueue& queue, std::string_view text, const crypto::AuthPrivateKey* key = nullptr) {
    return call(command::Send{MessageFlags{true}, Content(as_bytes(text))}, queue.sender_id, key);
  }
  Got subscribe(const TestQueue& queue) { return call(command::Sub{}, queue.recipient_id, &queue.recipient_key); }
  Got acknowledge(const TestQueue& queue, const Got& message) {
    return call(command::Ack{message.as<broker::Msg>().id}, queue.recipient_id, &queue.recipient_key);
  }
  static QueueMessage opened(const TestQueue& queue, const Got& got) {
    const auto& message = std::get<broker::Msg>(got.message);
    auto octets = to_bytes(message.encrypted_body.bytes);
    kept().push_back(std::move(octets));
    return decrypt_queue_message(queue.box, message.id, kept().back()).value();
  }
  static std::string text(const TestQueue& queue, const std::optional<Got>& got) {
    if (!got || !got->is<broker::Msg>()) return got ? "not MSG" : "nothing";
    const auto message = opened(queue, *got);
    const auto* body = std::get_if<MessageBody>(&message);
    return body != nullptr ? std::string(as_text(body->body.bytes)) : "QUOTA";
  }

  // As a proxy the client has a session key too: what both sides agree on.
  crypto::BoxKey agree() {
    const auto own = crypto::generate_x25519(world_.random());
    session_->proxy_key = crypto::box_key(own.public_key, relay_key_.private_key).value();
    return crypto::box_key(relay_key_.public_key, own.private_key).value();
  }

  // As if the handshake had shown this certificate; what a service has to sign is signed from now on.
  void become_service(ServiceRole role, BytesView certificate_hash) {
    auto record = world_.settings.services->enter(role, {Bytes{1, 2, 3}}, certificate_hash, Date(), world_.random());
    ASSERT_TRUE(record);
    service_key = crypto::generate_ed25519(world_.random());
    service_hash = to_bytes(certificate_hash);
    service_id = to_bytes(record->id.view());
    session_->service = std::make_shared<const ServiceSession>(ServiceSession{record, service_key->public_key});
  }
  // SUBS or NSUBS, signed by the service alone.
  Got subscribe_all(const ClientCommand& command) {
    const crypto::AuthPrivateKey key = service_key->private_key.clone();
    return call(command, service_id, &key);
  }

  [[nodiscard]] std::size_t subscriptions() const { return world_.shard(shard_).subscriptions(id_); }
  [[nodiscard]] std::size_t unanswered() const { return world_.shard(shard_).unanswered(id_); }
  [[nodiscard]] const Statistics& statistics() const { return std::as_const(world_.shard(shard_)).statistics(); }
  [[nodiscard]] SessionPtr session() const { return session_; }
  [[nodiscard]] ClientId id() const { return id_; }
  [[nodiscard]] const crypto::X25519PublicKey& relay_key() const { return relay_key_.public_key; }

  std::deque<Got> inbox;
  std::optional<crypto::Ed25519KeyPair> service_key;
  Bytes service_hash;
  Bytes service_id;
  bool reads = true;  // false: what it is sent stays with the relay, as far as that knows

 private:
  friend class EngineWorld;
  static std::deque<Bytes>& kept() {
    static std::deque<Bytes> octets;
    return octets;
  }
  void take(const ToClient& what) {
    auto octets =
        std::make_shared<Bytes>(std::holds_alternative<Answer>(what.what)
                                    ? encode_answer(session_->params(), std::get<Answer>(what.what))
                                    : encode_delivery(session_->params(), std::get<Delivery>(what.what)).value());
    auto received = decode_broker_transmission(session_->params(), *octets);
    ASSERT_TRUE(received);
    inbox.push_back({octets, received->corr_id, to_bytes(received->entity_id), std::move(received->message)});
  }

  EngineWorld& world_;
  std::size_t shard_;
  crypto::X25519KeyPair relay_key_;
  std::shared_ptr<ClientSession> session_;
  ClientId id_;
  bool connected_ = true;
};

inline void EngineWorld::run() {
  bool moved = true;
  while (moved) {
    moved = false;
    for (auto& shard : shards_) {
      shard->flush();
      if (!shard->has_work()) continue;
      moved = true;
      auto output = shard->take_output();
      for (const auto& what : output.to_clients) {
        const auto client = clients_.find(what.client);
        if (client != clients_.end()) client->second->take(what);
      }
      for (const auto& what : output.to_clients) {
        const auto client = clients_.find(what.client);
        if (client != clients_.end() && client->second->reads) shard->caught_up(what.client);
      }
      for (std::size_t to = 0; to < output.to_shards.size(); ++to) {
        hops += output.to_shards[to].size();
        if (!output.to_shards[to].empty()) shards_[to]->receive(std::move(output.to_shards[to]));
      }
    }
    if (moved || !stores_answer) continue;
    for (auto& store : keeping) moved = store->answer_one() || moved;
  }
}

}  // namespace simplex::smp::server
