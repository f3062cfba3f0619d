// rooms: smp_server smp_protocol protocol crypto encoding base
// A whole relay of two shards, and three clients that do what the input says: make queues, secure, subscribe, send,
// acknowledge, delete, come and go, and send octets that are no commands. Whatever they do: every command is answered once,
// a queue gives its messages in order and each until it is acknowledged, and nothing is left of a deleted queue.
//
// Input: pairs of octets. The first chooses what is done (low 5 bits) and by which client (high 3), the second which queue.
#include <algorithm>
#include <array>
#include <deque>
#include <map>
#include <memory>

#include "simplex/smp/server/memory_store.hpp"
#include "simplex/smp/server/shard.hpp"
#include "counting_random.hpp"

namespace {

using namespace simplex;               // NOLINT: one file, no header
using namespace simplex::smp;          // NOLINT
using namespace simplex::smp::server;  // NOLINT

constexpr std::size_t shard_count = 2;
constexpr std::size_t client_count = 3;
constexpr std::size_t max_steps = 200;
constexpr std::uint32_t quota = 4;

using fuzz::CountingRandom;
using fuzz::require;

class ClockByHand final : public Clock {
 public:
  [[nodiscard]] Instant now() const override { return Instant(std::chrono::seconds(seconds)); }
  [[nodiscard]] WallTime wall() const override { return from_seconds_since_epoch(seconds); }
  std::int64_t seconds = 1'795'392'000;
};

// What the clients know of a queue. A message is its number; the quota marker is -1.
struct KnownQueue {
  Bytes recipient_id;
  Bytes sender_id;
  bool secured = false;
  bool suspended = false;
  bool deleted = false;
  std::deque<int> accepted;  // not acknowledged yet, oldest first
  struct Got {
    Bytes id;
    int number;
  };
  std::map<ClientId, Got> delivered;  // what each client has got last
};

class Play {
 public:
  Play()
      : recipient_key_(crypto::generate_ed25519(random_).private_key),
        sender_key_(crypto::generate_ed25519(random_).private_key) {
    settings_.queue_quota = quota;
    settings_.message_ttl.reset();
    for (std::size_t i = 0; i < shard_count; ++i) {
      stores_.push_back(std::make_unique<MemoryStore>());
      shards_.push_back(std::make_unique<Shard>(i, shard_count, settings_, clock_, random_, *stores_[i]));
    }
    for (std::size_t i = 0; i < client_count; ++i) connect(i);
  }

  void step(std::uint8_t what, std::uint8_t which) {
    const std::size_t client = (what >> 5U) % client_count;
    KnownQueue* queue = queues_.empty() ? nullptr : &queues_[which % queues_.size()];
    switch (what & 31U) {
      case 0:
      case 1: return create(client, (which & 1U) != 0);
      case 2: return reconnect(client);
      case 3: return garbage(client, which);
      default: break;
    }
    if (queue == nullptr) return;
    switch (what & 31U) {
      case 4:
      case 5:
      case 6: return send(client, *queue, (which & 128U) != 0);
      case 7:
      case 8: return by_recipient(client, *queue, command::Sub{});
      case 9:
      case 10:
      case 11: return acknowledge(client, *queue);
      case 12: return secure(client, *queue, (which & 128U) != 0);
      case 13: return suspend(client, *queue);
      case 14: return remove(client, *queue);
      case 15: return by_recipient(client, *queue, command::Get{});
      case 16: return by_recipient(client, *queue, command::Que{});
      case 17: return wrong_key(client, *queue);
      case 18: return by_recipient(client, *queue, command::Ack{smp::MessageId(random_.bytes(24))});
      default: clock_.seconds += which; return;
    }
  }

  void end() {
    for (std::size_t i = 0; i < client_count; ++i) shards_[home_[i]]->disconnect(clients_[i]);
    run();
    std::size_t messages = 0;
    std::size_t held = 0;
    for (const auto& shard : shards_) {
      require(shard->message_count() <= shard->queue_count() * (quota + 1));
      held += shard->message_count();
    }
    for (const auto& queue : queues_) messages += queue.deleted ? 0 : queue.accepted.size();
    require(held == messages);
  }

 private:
  void connect(std::size_t client) {
    static constexpr std::array<std::uint16_t, client_count> versions{20, 9, 6};
    home_[client] = client % shard_count;
    auto session = std::make_shared<ClientSession>();
    session->version = SmpVersion(versions[client]);
    session->session_id = Bytes(32, static_cast<std::uint8_t>(client));
    sessions_[client] = std::move(session);
    clients_[client] = shards_[home_[client]]->connect(sessions_[client]);
  }
  void reconnect(std::size_t client) {
    shards_[home_[client]]->disconnect(clients_[client]);
    run();
    for (auto& queue : queues_) queue.delivered.erase(clients_[client]);
    connect(client);
  }

  // The answer to one command.
  ToClient call(std::size_t client, const ClientCommand& command, BytesView entity, const crypto::AuthPrivateKey* key) {
    ClientAuth auth;
    auth.key = key;
    const CorrId corr_id = CorrId::generate(random_);
    const auto transmission = encode_client_transmission(sessions_[client]->params(), auth, corr_id, entity, command);
    require(transmission.has_value());
    protocol::Batch batch;
    require(batch.add(*transmission));
    Bytes content = batch.take();
    shards_[home_[client]]->receive(clients_[client], content);
    std::ranges::fill(content, std::uint8_t{0xEE});  // nobody may look at it after the call
    run();
    std::optional<ToClient> answer;
    for (auto& got : std::exchange(inbox_, {})) {
      if (got.response) {
        require(!answer && got.client == clients_[client]);
        require(corr_of(got) == corr_id);
        answer = std::move(got);
      } else {
        require(corr_of(got).empty());
        event(got);
      }
    }
    require(answer.has_value());
    require(shards_[home_[client]]->unanswered(clients_[client]) == 0);
    return std::move(*answer);
  }
  static const CorrId& corr_of(const ToClient& got) {
    return std::visit([](const auto& what) -> const CorrId& { return what.corr_id; }, got.what);
  }

  void run() {
    for (bool moved = true; moved;) {
      moved = false;
      for (auto& shard : shards_) {
        shard->flush();
        if (!shard->has_work()) continue;
        moved = true;
        auto output = shard->take_output();
        for (auto& what : output.to_clients) {
          // It must also be possible to write it.
          for (std::size_t i = 0; i < client_count; ++i) {
            if (clients_[i] != what.client) continue;
            if (const auto* answer = std::get_if<Answer>(&what.what))
              require(!encode_answer(sessions_[i]->params(), *answer).empty());
          }
          inbox_.push_back(std::move(what));
        }
        for (std::size_t to = 0; to < output.to_shards.size(); ++to) {
          if (!output.to_shards[to].empty()) shards_[to]->receive(std::move(output.to_shards[to]));
        }
      }
    }
  }

  // A message goes to a reader: it is the oldest that was not acknowledged.
  void delivered(const ToClient& got) {
    const auto& delivery = std::get<Delivery>(got.what);
    const auto queue = std::ranges::find_if(queues_, [&](const KnownQueue& each) {
      return std::ranges::equal(each.recipient_id, delivery.entity_id.view());
    });
    require(queue != queues_.end() && !queue->deleted && !queue->accepted.empty());
    const int expected = queue->accepted.front();
    require(delivery.message->quota == (expected == -1));
    if (expected != -1) require(std::ranges::equal(delivery.message->body, body_of(expected)));
    queue->delivered[got.client] = {to_bytes(delivery.message->id.view()), expected};
  }
  void event(const ToClient& got) {
    if (std::holds_alternative<Delivery>(got.what)) delivered(got);
  }
  static Bytes body_of(int number) { return to_bytes(std::to_string(number)); }

  static const BrokerMessage* message_of(const ToClient& got) {
    const auto* answer = std::get_if<Answer>(&got.what);
    return answer != nullptr ? &answer->message : nullptr;
  }
  template <class M>
  static bool is(const ToClient& got) {
    const auto* message = message_of(got);
    return message != nullptr && std::holds_alternative<M>(*message);
  }

  void create(std::size_t client, bool subscribe) {
    if (queues_.size() == 8) return;
    std::optional<command::New::Mode> mode;
    if (sessions_[client]->version >= sender_key_version) mode = command::New::Messaging{};
    const auto answer =
        call(client,
             command::New{crypto::public_key(recipient_key_), crypto::generate_x25519(random_).public_key, std::nullopt,
                          subscribe ? SubscriptionMode::subscribe : SubscriptionMode::only_create, mode, std::nullopt},
             {}, &recipient_key_);
    require(is<broker::Ids>(answer));
    const auto& ids = std::get<broker::Ids>(*message_of(answer));
    KnownQueue queue;
    queue.recipient_id = to_bytes(ids.recipient_id.view());
    queue.sender_id = to_bytes(ids.sender_id.view());
    queues_.push_back(std::move(queue));
  }

  void send(std::size_t client, KnownQueue& queue, bool without_key) {
    const int number = ++sent_;
    const Bytes body = body_of(number);
    // Put in place before: its delivery may come in the same turn as the answer.
    const bool full = !queue.accepted.empty() && queue.accepted.back() == -1;
    const bool is_marker = !full && queue.accepted.size() >= quota;
    const bool may = !queue.deleted && !queue.suspended && queue.secured != without_key;
    if (may && !full) queue.accepted.push_back(is_marker ? -1 : number);
    const auto answer =
        call(client, command::Send{{}, Content(body)}, queue.sender_id, without_key ? nullptr : &sender_key_);
    require(is<broker::Ok>(answer) == (may && !full && !is_marker));
    if (!may) require(is_error<errors::Auth>(answer));
    if (may && (full || is_marker)) require(is_error<errors::Quota>(answer));
  }
  template <class E>
  static bool is_error(const ToClient& got) {
    if (!is<broker::Err>(got)) return false;
    return std::get<broker::Err>(*message_of(got)).error.is<E>();
  }

  void by_recipient(std::size_t client, KnownQueue& queue, const ClientCommand& command) {
    const auto answer = call(client, command, queue.recipient_id, &recipient_key_);
    if (queue.deleted) return require(is_error<errors::Auth>(answer));
    require(!is_error<errors::Auth>(answer));
    if (std::holds_alternative<Delivery>(answer.what)) delivered(answer);
  }

  void acknowledge(std::size_t client, KnownQueue& queue) {
    const auto last = queue.delivered.find(clients_[client]);
    if (last == queue.delivered.end()) return;
    const KnownQueue::Got got = std::move(last->second);
    queue.delivered.erase(last);
    // Another reader may have acknowledged it before. The next message may come with the answer.
    const auto before = queue.accepted;
    if (!before.empty() && before.front() == got.number) queue.accepted.pop_front();
    const auto answer =
        call(client, command::Ack{smp::MessageId(BytesView(got.id))}, queue.recipient_id, &recipient_key_);
    if (is<broker::Err>(answer)) {
      queue.accepted = before;
      return;
    }
    require(!queue.deleted);
    if (std::holds_alternative<Delivery>(answer.what)) delivered(answer);
  }

  void suspend(std::size_t client, KnownQueue& queue) {
    by_recipient(client, queue, command::Off{});
    queue.suspended = true;
  }

  void secure(std::size_t client, KnownQueue& queue, bool by_sender) {
    const auto key = crypto::public_key(sender_key_);
    if (by_sender && sessions_[client]->version < sender_key_version) return;
    const auto answer = by_sender ? call(client, command::Skey{key}, queue.sender_id, &sender_key_)
                                  : call(client, command::Key{key}, queue.recipient_id, &recipient_key_);
    if (queue.deleted) return require(is_error<errors::Auth>(answer));
    if (is<broker::Ok>(answer)) queue.secured = true;
  }

  void remove(std::size_t client, KnownQueue& queue) {
    const auto answer = call(client, command::Del{}, queue.recipient_id, &recipient_key_);
    require(queue.deleted ? is_error<errors::Auth>(answer) : is<broker::Ok>(answer));
    queue.deleted = true;
    queue.delivered.clear();
  }

  void wrong_key(std::size_t client, KnownQueue& queue) {
    require(is_error<errors::Auth>(call(client, command::Del{}, queue.recipient_id, &sender_key_)));
  }

  // Octets of the relay's own output stand for a client that is not one.
  void garbage(std::size_t client, std::uint8_t which) {
    Bytes content = random_.bytes(which);
    if (which > 4) content[0] = 1;
    if (which > 4) content[1] = 0;
    if (which > 4) content[2] = static_cast<std::uint8_t>(which - 3);
    shards_[home_[client]]->receive(clients_[client], content);
    run();
    for (auto& got : std::exchange(inbox_, {})) {
      if (got.client == clients_[client]) require(is<broker::Err>(got));
    }
  }

  CountingRandom random_;
  ClockByHand clock_;
  EngineSettings settings_;
  std::vector<std::unique_ptr<MemoryStore>> stores_;
  std::vector<std::unique_ptr<Shard>> shards_;
  std::array<std::shared_ptr<ClientSession>, client_count> sessions_;
  std::array<ClientId, client_count> clients_{};
  std::array<std::size_t, client_count> home_{};
  std::vector<ToClient> inbox_;
  crypto::AuthPrivateKey recipient_key_;
  crypto::AuthPrivateKey sender_key_;
  std::deque<KnownQueue> queues_;
  int sent_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Play play;
  for (std::size_t i = 0; i + 1 < size && i < 2 * max_steps; i += 2) play.step(data[i], data[i + 1]);
  play.end();
  return 0;
}
