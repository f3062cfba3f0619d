// Over a store that keeps everything a relay answers as it does when all queues are in memory.
#include "engine_world.hpp"

#include <fmt/format.h>

#include "simplex/crypto/hash.hpp"
#include "simplex/smp/error.hpp"

namespace simplex::smp::server {
namespace {

EngineSettings tiny(std::size_t idle, std::size_t queue_octets, std::size_t octets) {
  EngineSettings settings;
  settings.queue_quota = 5;
  settings.resident = {idle, octets, queue_octets, 2, 1 << 20};
  return settings;
}

// A relay, some connections and queues of it; the same numbers mean the same in all of them.
struct Relay {
  static constexpr std::size_t connections = 4;

  Relay(std::size_t shards, const EngineSettings& settings) : world(std::make_unique<EngineWorld>(shards)) {
    world->settings = settings;
    connect_all();
  }
  Relay(KeptQueues& kept, std::size_t shards, const EngineSettings& settings)
      : world(std::make_unique<EngineWorld>(kept, shards, settings)) {
    connect_all();
  }
  void connect_all() {
    for (std::size_t i = 0; i < connections; ++i) connect(i);
  }
  void connect(std::size_t i) {
    clients.resize(connections);
    clients[i].reset();
    clients[i] = std::make_unique<TestClient>(*world, i % world->shard_count());
  }

  std::unique_ptr<EngineWorld> world;
  std::vector<std::unique_ptr<TestClient>> clients;
  struct Made {
    TestQueue queue;
    std::optional<crypto::AuthPrivateKey> sender_key;
    std::optional<crypto::AuthPrivateKey> notifier_key;
    std::map<std::size_t, Bytes> delivered;  // the last message id for each connection
  };
  std::vector<Made> queues;
};

struct Step {
  enum class What {
    create,
    create_with_link,
    send,
    send_secured,
    subscribe,
    get,
    acknowledge,
    acknowledge_empty,
    state,
    suspend,
    remove,
    secure,
    set_link,
    get_link,
    delete_link,
    add_notifier,
    delete_notifier,
    reconnect,
    days,
    sweep,
    block,
    unblock,
    operator_removes,
    last = operator_removes
  };
  What what;
  std::size_t client;
  std::size_t queue;
  std::size_t number;
};

// What came of a step, in words.
class Actor {
 public:
  explicit Actor(Relay& relay) : relay_(relay) {}

  std::string take(const Step& step, const Bytes& shared) {
    said_.clear();
    do_it(step, shared);
    for (std::size_t i = 0; i < Relay::connections; ++i) {
      // Events of different queues come in any order.
      std::vector<std::string> events;
      while (const auto event = relay_.clients[i]->event()) events.push_back(words(i, *event));
      std::ranges::sort(events);
      for (const auto& event : events) said_ += fmt::format(" | {}: {}", i, event);
    }
    return said_;
  }

 private:
  void do_it(const Step& step, const Bytes& shared) {
    using enum Step::What;
    auto& client = *relay_.clients[step.client];
    if (step.what == create) {
      auto mode = step.number % 3 == 0 ? command::New::Mode(command::New::Contact{})
                                       : command::New::Mode(command::New::Messaging{});
      auto queue = client.create(step.number % 2 == 0 ? SubscriptionMode::subscribe : SubscriptionMode::only_create,
                                 std::move(mode));
      relay_.queues.push_back({std::move(queue), {}, {}, {}});
      return;
    }
    if (step.what == create_with_link) {
      const auto corr_id = *CorrId::from(BytesView(shared).first(24));
      TestQueue queue{client.new_key(), {}, {}, {}, {}, {}, {}};
      const auto dh = crypto::generate_x25519(relay_.world->random());
      const smp::SenderId sender(crypto::sha3_384(corr_id.view()).view().first(24));
      const command::New made{
          crypto::public_key(queue.recipient_key),
          dh.public_key,
          {},
          SubscriptionMode::only_create,
          command::New::Contact{command::New::ContactLink{smp::LinkId(BytesView(shared).subspan(24, 24)), sender,
                                                          QueueLinkData{Content(shared), Content(shared)}}},
          {}};
      client.post(client.transmission(made, {}, &queue.recipient_key, corr_id));
      const auto got = client.response(corr_id);
      said_ = words(step.client, got);
      if (!got.is<broker::Ids>()) return;
      const auto& ids = got.as<broker::Ids>();
      queue.recipient_id = to_bytes(ids.recipient_id.view());
      queue.sender_id = to_bytes(ids.sender_id.view());
      queue.box = crypto::box_key(ids.relay_dh_key, dh.private_key).value();
      relay_.queues.push_back({std::move(queue), {}, {}, {}});
      return;
    }
    if (step.what == reconnect) return relay_.connect(step.client);
    if (step.what == days) {
      relay_.world->clock.seconds += static_cast<std::int64_t>(step.number % 10) * 86'400;
      return;
    }
    if (step.what == sweep) {
      for (std::size_t i = 0; i < relay_.world->shard_count(); ++i) {
        bool finished = false;
        while (!finished) {
          relay_.world->shard(i).expire_messages(3, [&](bool last) { finished = last; });
          relay_.world->run();
        }
      }
      return;
    }
    if (relay_.queues.empty()) return;
    auto& made = relay_.queues[step.queue % relay_.queues.size()];
    const auto& queue = made.queue;
    const auto owner = [&](const ClientCommand& command) {
      const auto got = client.call(command, queue.recipient_id, &queue.recipient_key);
      said_ = words(step.client, got);
      return got;
    };
    const auto sender = [&](const ClientCommand& command, BytesView id, const crypto::AuthPrivateKey* key) {
      said_ = words(step.client, client.call(command, id, key));
    };
    switch (step.what) {
      case send:
      case send_secured: {
        const auto text = fmt::format("{:0>{}}", step.number, 1 + step.number % 60);
        sender(command::Send{{}, Content(as_bytes(text))}, queue.sender_id,
               step.what == send_secured && made.sender_key ? &*made.sender_key : nullptr);
        return;
      }
      case subscribe: return void(owner(command::Sub{}));
      case get: return void(owner(command::Get{}));
      case acknowledge: return void(owner(command::Ack{smp::MessageId(made.delivered[step.client])}));
      case acknowledge_empty: return void(owner(command::Ack{}));
      case state: return void(owner(command::Que{}));
      case suspend: return void(step.number % 8 == 0 ? owner(command::Off{}) : owner(command::Que{}));
      case remove: return void(step.number % 4 == 0 ? owner(command::Del{}) : owner(command::Que{}));
      case secure:
        if (!made.sender_key) made.sender_key = client.new_key(true);
        return sender(command::Skey{crypto::public_key(*made.sender_key)}, queue.sender_id, &*made.sender_key);
      case set_link:
        return void(owner(command::Lset{smp::LinkId(BytesView(shared).subspan(step.number % 3, 24)),
                                        QueueLinkData{Content(as_bytes("fixed")), Content(shared)}}));
      case get_link: return sender(command::Lget{}, BytesView(shared).subspan(step.number % 3, 24), nullptr);
      case delete_link: return void(owner(command::Ldel{}));
      case add_notifier: {
        made.notifier_key = client.new_key();
        const auto dh = crypto::generate_x25519(relay_.world->random());
        return void(owner(command::Nkey{{crypto::public_key(*made.notifier_key), dh.public_key}}));
      }
      case delete_notifier: return void(owner(command::Ndel{}));
      case block: return control(step, step.number % 6 == 0 ? QueueAction::block : QueueAction::status, queue);
      case unblock: return control(step, QueueAction::unblock, queue);
      case operator_removes:
        return control(step, step.number % 8 == 0 ? QueueAction::remove : QueueAction::status, queue);
      default: return;
    }
  }

  void control(const Step& step, QueueAction action, const TestQueue& queue) {
    QueueControl control;
    control.action = action;
    control.id = *DirectoryId::from(queue.sender_id);
    if (action == QueueAction::block) control.blocking = Blocking{BlockingReason::spam, {}};
    control.done = [this](const Result<QueueControl::Answer>& answer) {
      said_ =
          answer ? fmt::format("operator {} {} {}", static_cast<int>(answer->status), answer->changed, answer->messages)
                 : answer.error().message;
    };
    relay_.world->shard(step.client % relay_.world->shard_count()).control(std::move(control));
    relay_.world->run();
  }

  std::string words(std::size_t client, const Got& got) {
    const auto made = std::ranges::find(relay_.queues, got.entity_id,
                                        [](const Relay::Made& each) { return each.queue.recipient_id; });
    std::string about = made == relay_.queues.end() ? "" : fmt::format("{} ", made - relay_.queues.begin());
    about += name_of(got.message);
    if (const auto* error = std::get_if<broker::Err>(&got.message))
      return about + wire_text(error->error, current_version);
    if (const auto* info = std::get_if<broker::Info>(&got.message)) {
      const auto& state = info->state;
      return about + fmt::format(" {} {} {} {} {}", state.secured, state.notifications, state.size,
                                 state.first_message ? state.first_message->time : "-",
                                 state.subscription ? (state.subscription->delivered ? "delivered" : "waits") : "-");
    }
    if (const auto* message = std::get_if<broker::Msg>(&got.message)) {
      made->delivered[client] = to_bytes(message->id.view());
      return about + ' ' + TestClient::text(made->queue, got);
    }
    return about;
  }

  Relay& relay_;
  std::string said_;
};

struct Limits {
  std::size_t shards;
  std::size_t idle;
  std::size_t queue_octets;
  std::size_t octets;
};

class SameAnswers : public ::testing::TestWithParam<std::tuple<Limits, int>> {};

INSTANTIATE_TEST_SUITE_P(Relay, SameAnswers,
                         ::testing::Combine(::testing::Values(Limits{1, 0, 1, 1}, Limits{2, 0, 1, 1'000'000},
                                                              Limits{3, 2, 60, 200}, Limits{2, 1, 100, 1'000'000}),
                                            ::testing::Range(0, 12)));

TEST_P(SameAnswers, AsWithEverythingInMemory) {
  const auto& [limits, seed] = GetParam();
  const auto settings = tiny(limits.idle, limits.queue_octets, limits.octets);
  testing::SeededRandom random(static_cast<std::uint64_t>(seed) * 7 + 1);
  Relay memory(limits.shards, settings);
  KeptQueues kept;
  Relay keeping(kept, limits.shards, settings);
  Actor expected(memory);
  Actor actual(keeping);
  std::string story;
  auto shared = random.bytes(64);
  for (int i = 0; i < 500; ++i) {
    if (random.below(40) == 0) shared = random.bytes(64);
    for (auto& store : keeping.world->keeping) store->answers_at_once = random.below(2) == 0;
    const auto fresh = memory.queues.size() < 3 || random.below(30) == 0;
    const auto kinds = static_cast<std::uint64_t>(Step::What::last) + 1;
    // SEND, SUB and ACK more often than the rest.
    const auto drawn = random.below(kinds * 3);
    auto what = drawn < kinds                   ? static_cast<Step::What>(drawn)
                : drawn < kinds + kinds * 3 / 4 ? Step::What::send
                : drawn < kinds + kinds * 5 / 4 ? Step::What::subscribe
                                                : Step::What::acknowledge;
    if (what == Step::What::create && !fresh) what = Step::What::get;
    if (fresh && memory.queues.size() < 3) what = Step::What::create;
    const Step step{what, random.below(Relay::connections), random.below(1'000), random.below(1'000)};
    const auto said = expected.take(step, shared);
    story += fmt::format("{}: {} by {} on {} #{}: {}\n", i, static_cast<int>(step.what), step.client,
                         memory.queues.empty() ? 0 : step.queue % memory.queues.size(), step.number, said);
    ASSERT_EQ(said, actual.take(step, shared)) << story;
  }
  // When all connections are gone nothing is in memory that is not asked for.
  keeping.clients.clear();
  keeping.world->run();
  for (std::size_t i = 0; i < limits.shards; ++i) {
    auto& shard = keeping.world->shard(i);
    shard.flush();
    EXPECT_LE(shard.queue_count(), limits.idle);
    EXPECT_LE(shard.resident_octets(), limits.octets);
    EXPECT_LE(shard.directory_size(), 3 * limits.idle + 2);
    EXPECT_EQ(shard.waiting_octets(), 0u);
  }
  // What the memory store has is counted as it comes and goes.
  for (std::size_t i = 0; i < limits.shards; ++i) {
    auto& shard = memory.world->shard(i);
    EXPECT_EQ(shard.gauges().messages, shard.message_count());
    std::uint64_t notifiers = 0;
    shard.for_each_queue([&](const QueueRecord& record, std::span<const MessagePtr>) {
      if (record.notifier) ++notifiers;
    });
    EXPECT_EQ(shard.gauges().notifiers, notifiers);
  }
  // Of what is counted, all but the time things take.
  for (std::size_t i = 0; i < limits.shards; ++i) {
    EXPECT_LE(memory.world->shard(i).statistics().messages_sent, 500u);
  }
  const auto total = [&](Relay& relay, auto member) {
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < limits.shards; ++i) sum += relay.world->shard(i).statistics().*member;
    return sum;
  };
  for (const auto member :
       {&Statistics::queues_created, &Statistics::queues_secured, &Statistics::queues_deleted,
        &Statistics::subscriptions, &Statistics::subscriptions_duplicate, &Statistics::subscriptions_ended,
        &Statistics::messages_sent, &Statistics::messages_over_quota, &Statistics::messages_received, &Statistics::gets,
        &Statistics::gets_without_message, &Statistics::messages_refused, &Statistics::messages_to_blocked}) {
    EXPECT_EQ(total(memory, member), total(keeping, member));
  }
}

}  // namespace
}  // namespace simplex::smp::server
