#include "simplex/crypto/dh.hpp"
#include "store_contract.hpp"

namespace simplex::smp::stores {

using namespace server;

namespace {

template <class Id>
Id make_id(Random& random) {
  return *Id::from(random.bytes(24));
}

}  // namespace

RecipientId make_recipient_id(Random& random) { return make_id<RecipientId>(random); }
ServiceId make_service_id(Random& random) { return make_id<ServiceId>(random); }

QueueRecord make_queue(Random& random) {
  QueueRecord made;
  made.recipient_id = make_recipient_id(random);
  made.recipient_keys.emplace_back(crypto::generate_ed25519(random).public_key);
  made.dh_secret = *crypto::X25519Secret::from(random.bytes(32));
  made.sender_id = make_id<SenderId>(random);
  return made;
}

NotifierCredentials make_notifier(Random& random) {
  return {make_id<NotifierId>(random), crypto::generate_x25519(random).public_key,
          *crypto::X25519Secret::from(random.bytes(32)), std::nullopt};
}

LinkData make_link(Random& random) { return {make_id<LinkId>(random), random.bytes(300), random.bytes(2'000)}; }

QueueRecord make_full_queue(Random& random) {
  auto made = make_queue(random);
  made.recipient_keys.emplace_back(crypto::generate_ed448(random).public_key);
  made.recipient_keys.emplace_back(crypto::generate_x25519(random).public_key);
  made.sender_key = crypto::generate_x25519(random).public_key;
  made.mode = protocol::QueueMode::messaging;
  made.link = std::make_shared<const LinkData>(make_link(random));
  made.notifier = std::make_unique<NotifierCredentials>(make_notifier(random));
  made.updated = date_of(1'795'392'000);
  return made;
}

ServiceRecord make_service(Random& random, ServiceRole role) {
  ServiceRecord made;
  made.id = make_service_id(random);
  made.role = role;
  made.certificates = {random.bytes(500), random.bytes(400)};
  made.certificate_hash = random.bytes(64);
  made.created = date_of(1'795'392'000);
  return made;
}

MessagePtr make_message(Random& random, std::uint64_t position, std::size_t octets, std::int64_t sent_at) {
  StoredMessage made;
  made.id = make_id<MessageId>(random);
  made.sent_at = sent_at;
  made.notification = random.below(2) == 1;
  made.body = random.bytes(octets);
  made.position = position;
  return std::make_shared<const StoredMessage>(std::move(made));
}

MessagePtr make_quota_marker(Random& random, std::uint64_t position, std::int64_t sent_at) {
  StoredMessage made;
  made.id = make_id<MessageId>(random);
  made.sent_at = sent_at;
  made.quota = true;
  made.position = position;
  return std::make_shared<const StoredMessage>(std::move(made));
}

std::string text_of(const StoredMessage& message) { return format_message(RecipientId(), message); }

std::vector<std::string> texts_of(const std::vector<MessagePtr>& messages) {
  std::vector<std::string> made;
  made.reserve(messages.size());
  for (const auto& message : messages) made.push_back(text_of(*message));
  return made;
}

Result<> CollectingSink::add_service(const ServiceRecord& service) {
  EXPECT_TRUE(state.queues.empty()) << "services come before queues";
  EXPECT_TRUE(
      state.services.emplace(as_text(service.id.view()), format_record(StoreRecord(NewService{service}))).second);
  return {};
}

Result<> CollectingSink::add_queue(const QueueRecord& queue) {
  EXPECT_TRUE(state.messages.empty()) << "queues come before messages";
  EXPECT_TRUE(state.queues.emplace(as_text(queue.recipient_id.view()), format_queue(queue)).second);
  return {};
}

Result<> CollectingSink::add_message(const RecipientId& queue, const StoredMessage& message) {
  const std::string id(as_text(queue.view()));
  EXPECT_TRUE(state.queues.contains(id));
  if (id != current_) {
    EXPECT_FALSE(state.messages.contains(id)) << "messages of a queue come one after the other";
    current_ = id;
  }
  state.messages[id].push_back(text_of(message));
  return {};
}

// ---- Turn

template <class T>
std::pair<Store::Done<T>, std::future<Result<T>>> Turn::expect_done() {
  std::promise<Result<T>> promise;
  auto future = promise.get_future();
  return {[this_call = calls_++, &order = order_, &loop = loop_, promise = std::move(promise)](Result<T> got) mutable {
            EXPECT_TRUE(loop.on_loop_thread()) << "a done is called on the shard's loop";
            order.push_back(this_call);
            promise.set_value(std::move(got));
          },
          std::move(future)};
}

std::future<Result<>> Turn::write(const StoreRecord& record) {
  auto [done, future] = expect_done<void>();
  store_.write(record, std::move(done));
  return std::move(future);
}

std::future<Result<>> Turn::add(const RecipientId& queue, const MessagePtr& message) {
  auto [done, future] = expect_done<void>();
  store_.add_message(queue, message, std::move(done));
  return std::move(future);
}

std::future<Result<>> Turn::remove(const RecipientId& queue, const MessagePtr& message) {
  auto [done, future] = expect_done<void>();
  store_.remove_message(queue, *message, std::move(done));
  return std::move(future);
}

std::future<Result<std::optional<LoadedQueue>>> Turn::load(const RecipientId& queue) {
  auto [done, future] = expect_done<std::optional<LoadedQueue>>();
  store_.load(queue, std::move(done));
  return std::move(future);
}

std::future<Result<std::optional<LinkData>>> Turn::load_link(const RecipientId& queue) {
  auto [done, future] = expect_done<std::optional<LinkData>>();
  store_.load_link(queue, std::move(done));
  return std::move(future);
}

std::future<Result<std::vector<MessagePtr>>> Turn::load_messages(const RecipientId& queue, std::size_t max_octets) {
  auto [done, future] = expect_done<std::vector<MessagePtr>>();
  store_.load_messages(queue, max_octets, std::move(done));
  return std::move(future);
}

std::future<Result<std::optional<RecipientId>>> Turn::find(IdKind kind, const DirectoryId& id) {
  auto [done, future] = expect_done<std::optional<RecipientId>>();
  store_.find(kind, id, std::move(done));
  return std::move(future);
}

std::future<Result<std::vector<ServiceQueue>>> Turn::service_queues(const ServiceId& service, ServiceParty party,
                                                                    std::optional<RecipientId> after,
                                                                    std::size_t limit) {
  auto [done, future] = expect_done<std::vector<ServiceQueue>>();
  store_.service_queues(service, party, after, limit, std::move(done));
  return std::move(future);
}

std::future<Result<std::vector<Store::Expired>>> Turn::expire(std::int64_t before, std::size_t limit) {
  auto [done, future] = expect_done<std::vector<Store::Expired>>();
  store_.expire(before, limit, std::move(done));
  return std::move(future);
}

// ---- StoreRun

StoreRun::StoreRun(std::unique_ptr<StoreBackend> backend, std::size_t shards) : backend_(std::move(backend)) {
  for (std::size_t i = 0; i < shards; ++i) {
    auto shard = std::make_unique<OneShard>();
    shard->loop = async::make_thread_loop();
    shard->store = backend_->shard(i, shards, *shard->loop);
    shard->thread = std::thread([loop = shard->loop.get()] { loop->run(); });
    shards_.push_back(std::move(shard));
  }
}

StoreRun::~StoreRun() {
  if (const auto closed = close(); !closed) ADD_FAILURE() << closed.error().message;
}

Result<> StoreRun::close() {
  if (std::exchange(closed_, true)) return {};
  for (auto& shard : shards_) {
    shard->loop->stop();
    shard->thread.join();
  }
  auto closed = backend_->close();
  for (auto& shard : shards_) shard->store.reset();
  backend_.reset();
  for (auto& shard : shards_) shard->loop.reset();
  return closed;
}

void StoreRun::turn(std::size_t index, const std::function<void(Turn&)>& calls) {
  auto& shard = *shards_[index];
  std::promise<void> over;
  shard.loop->post([&] {
    shard.order.clear();
    Turn turn(*shard.store, *shard.loop, shard.order);
    calls(turn);
    shard.store->flush();
    over.set_value();
  });
  await(over.get_future());
}

std::vector<int> StoreRun::order(std::size_t index) {
  std::promise<std::vector<int>> promise;
  shards_[index]->loop->post([&] { promise.set_value(shards_[index]->order); });
  return await(promise.get_future());
}

std::size_t StoreRun::shard_of(const RecipientId& queue) const { return Shard::home_of(queue.view(), shards_.size()); }

Result<> StoreRun::write(const StoreRecord& record) {
  const auto* queue = queue_of(record);
  std::future<Result<>> done;
  turn(queue != nullptr ? shard_of(*queue) : 0, [&](Turn& turn) { done = turn.write(record); });
  return await(std::move(done));
}

Result<> StoreRun::add(const RecipientId& queue, const MessagePtr& message) {
  std::future<Result<>> done;
  turn(shard_of(queue), [&](Turn& turn) { done = turn.add(queue, message); });
  return await(std::move(done));
}

Result<> StoreRun::remove(const RecipientId& queue, const MessagePtr& message) {
  std::future<Result<>> done;
  turn(shard_of(queue), [&](Turn& turn) { done = turn.remove(queue, message); });
  return await(std::move(done));
}

Result<std::optional<LoadedQueue>> StoreRun::load(const RecipientId& queue) {
  std::future<Result<std::optional<LoadedQueue>>> done;
  std::future<Result<std::optional<LinkData>>> link_done;
  turn(shard_of(queue), [&](Turn& turn) {
    done = turn.load(queue);
    link_done = turn.load_link(queue);
  });
  auto loaded = await(std::move(done));
  auto link = await(std::move(link_done));
  if (!loaded || !*loaded) {
    EXPECT_FALSE(link && *link);
    return loaded;
  }
  if (!link) return std::unexpected(link.error());
  auto& of_record = (**loaded).record.link;
  EXPECT_EQ(of_record != nullptr, link->has_value());
  if (of_record == nullptr || !*link) return loaded;
  EXPECT_EQ(of_record->id, (**link).id);
  EXPECT_TRUE(of_record->fixed.empty() && of_record->user.empty()) << "link data comes when it is asked for";
  of_record = std::make_shared<const LinkData>(std::move(**link));
  return loaded;
}

Result<std::vector<MessagePtr>> StoreRun::load_messages(const RecipientId& queue, std::size_t max_octets) {
  std::future<Result<std::vector<MessagePtr>>> done;
  turn(shard_of(queue), [&](Turn& turn) { done = turn.load_messages(queue, max_octets); });
  return await(std::move(done));
}

Result<std::optional<RecipientId>> StoreRun::find(IdKind kind, const DirectoryId& id, std::size_t shard) {
  std::future<Result<std::optional<RecipientId>>> done;
  turn(shard, [&](Turn& turn) { done = turn.find(kind, id); });
  return await(std::move(done));
}

Result<std::vector<ServiceQueue>> StoreRun::service_queues(std::size_t shard, const ServiceId& service,
                                                           ServiceParty party, std::optional<RecipientId> after,
                                                           std::size_t limit) {
  std::future<Result<std::vector<ServiceQueue>>> done;
  turn(shard, [&](Turn& turn) { done = turn.service_queues(service, party, after, limit); });
  return await(std::move(done));
}

Result<std::vector<Store::Expired>> StoreRun::expire(std::size_t shard, std::int64_t before, std::size_t limit) {
  std::future<Result<std::vector<Store::Expired>>> done;
  turn(shard, [&](Turn& turn) { done = turn.expire(before, limit); });
  return await(std::move(done));
}

}  // namespace simplex::smp::stores
