// SIGKILL at any instant: no acknowledged message is lost, and none is delivered after its ACK was answered.
//
// A client uses queues of a relay that is killed and started again and again. It knows of every message how far it came:
//
//   sent ──OK──► accepted ──MSG──► acknowledging ──OK──► acknowledged
//
// What was accepted has to come; what is acknowledged must not; what had no answer, to SEND or to ACK, may.
#include <gmock/gmock.h>

#include <set>

#include "simplex/smp/message_body.hpp"
#include "simplex/testing/random.hpp"
#include "killed_relay.hpp"

namespace simplex::smp {
namespace {

class TemporaryFolder {
 public:
  TemporaryFolder() {
    auto name = (std::filesystem::temp_directory_path() / "simplex-crash-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    path = name;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  std::filesystem::path path;
};

enum class Stage { sent, accepted, refused, acknowledging, acknowledged };
enum class Known { no, maybe, yes };

struct TestQueue {
  crypto::AuthPrivateKey recipient_key;
  crypto::AuthPrivateKey sender_key;
  crypto::BoxKey box;
  Bytes recipient_id;
  Bytes sender_id;
  Known secured = Known::no;
  Known deleted = Known::no;
  std::vector<Stage> messages;    // by number
  std::string story;              // what happened, for whoever looks at a failure
  bool subscribed = false;        // in this life of the relay
  std::size_t next_expected = 0;  // in this life of the relay: what comes next has this number or a later one
};

struct Counts {
  std::size_t kills = 0;
  std::size_t kills_at_start = 0;
  std::size_t queues = 0;
  std::size_t sent = 0;
  std::size_t accepted = 0;
  std::size_t acknowledged = 0;
  std::size_t in_flight = 0;  // commands without an answer when the relay was killed
};

std::string text_of(const BrokerMessage& message) {
  const auto* error = std::get_if<broker::Err>(&message);
  return std::string(name_of(message)) + (error != nullptr ? ' ' + wire_text(error->error, current_version) : "");
}

class Crash : public ::testing::Test {
 protected:
  using Queue = std::shared_ptr<TestQueue>;

  void begin() {
    relay_ = std::make_unique<KilledRelay>(std::filesystem::path(SIMPLEX_BIN_DIR) / "crash_relay", folder_.path);
    relay_->on_event = [this](BytesView recipient_id, const BrokerMessage& message) {
      const auto* delivered = std::get_if<broker::Msg>(&message);
      ASSERT_NE(delivered, nullptr) << name_of(message);
      for (const auto& queue : queues_) {
        if (std::ranges::equal(queue->recipient_id, recipient_id)) return received(queue, *delivered);
      }
      FAIL() << "a message of no queue";
    };
    for (const auto& queue : queues_) {
      queue->next_expected = 0;
      queue->subscribed = false;
      queue->story += "; started:";
    }
  }
  void kill() {
    living_ = false;
    counts_.in_flight += relay_->unanswered();
    ++counts_.kills;
    relay_->kill();
    relay_.reset();
  }

  // ---- what the client does
  void create() {
    auto queue = std::make_shared<TestQueue>();
    queue->recipient_key = crypto::generate_ed25519(random_).private_key;
    queue->sender_key = crypto::generate_ed25519(random_).private_key;
    auto dh = std::make_shared<crypto::X25519KeyPair>(crypto::generate_x25519(random_));
    relay_->send(command::New{crypto::public_key(queue->recipient_key), dh->public_key, std::nullopt,
                              SubscriptionMode::subscribe, command::New::Messaging{}, std::nullopt},
                 {}, queue->recipient_key, [this, queue, dh](const BrokerMessage& answer) {
                   const auto* ids = std::get_if<broker::Ids>(&answer);
                   ASSERT_NE(ids, nullptr) << text_of(answer);
                   queue->recipient_id = to_bytes(ids->recipient_id.view());
                   queue->sender_id = to_bytes(ids->sender_id.view());
                   queue->box = crypto::box_key(ids->relay_dh_key, dh->private_key).value();
                   queue->subscribed = true;
                   queues_.push_back(queue);
                   ++counts_.queues;
                 });
  }
  void subscribe(const Queue& queue, std::function<void()> then = [] {}) {
    relay_->send(command::Sub{}, queue->recipient_id, queue->recipient_key,
                 [this, queue, then = std::move(then)](const BrokerMessage& answer) {
                   queue->story += " SUB";
                   queue->subscribed = true;
                   if (const auto* message = std::get_if<broker::Msg>(&answer)) {
                     received(queue, *message);
                   } else if (is_auth_error(answer)) {
                     EXPECT_NE(queue->deleted, Known::no) << "a queue is lost";
                     queue->deleted = Known::yes;
                   } else {
                     EXPECT_NE(queue->deleted, Known::yes) << "a deleted queue is back";
                     queue->deleted = Known::no;
                   }
                   then();
                 });
  }
  void send(const Queue& queue) {
    const auto number = queue->messages.size();
    queue->messages.push_back(Stage::sent);
    queue->story += " SEND" + std::to_string(number);
    ++counts_.sent;
    auto text = std::to_string(number) + ' ';
    text.resize(text.size() + random_.below(8'000), '.');
    const auto answered = [this, queue, number](const BrokerMessage& answer) {
      if (std::holds_alternative<broker::Ok>(answer)) {
        // It may have been delivered, and acknowledged, before this answer came.
        if (queue->messages[number] == Stage::sent) queue->messages[number] = Stage::accepted;
        queue->story += " OK" + std::to_string(number);
        ++counts_.accepted;
      } else {
        EXPECT_TRUE(queue->deleted != Known::no) << text_of(answer) << queue->story;
        queue->messages[number] = Stage::refused;
      }
    };
    const command::Send command{MessageFlags{false}, Content(as_bytes(text))};
    if (queue->secured == Known::no) {
      relay_->send_unsigned(command, queue->sender_id, answered);
    } else {
      relay_->send(command, queue->sender_id, queue->sender_key, answered);
    }
  }
  void secure(const Queue& queue) {
    queue->secured = Known::maybe;
    queue->story += " SKEY";
    relay_->send(command::Skey{crypto::public_key(queue->sender_key)}, queue->sender_id, queue->sender_key,
                 [queue](const BrokerMessage& answer) {
                   if (queue->deleted != Known::no) return;
                   EXPECT_TRUE(std::holds_alternative<broker::Ok>(answer)) << text_of(answer);
                   queue->secured = Known::yes;
                 });
  }
  void remove(const Queue& queue) {
    queue->deleted = Known::maybe;
    relay_->send(command::Del{}, queue->recipient_id, queue->recipient_key, [queue](const BrokerMessage& answer) {
      EXPECT_TRUE(std::holds_alternative<broker::Ok>(answer)) << text_of(answer);
      queue->deleted = Known::yes;
    });
  }
  void received(const Queue& queue, const broker::Msg& message) {
    auto octets = to_bytes(message.encrypted_body.bytes);
    const auto opened = decrypt_queue_message(queue->box, message.id, octets);
    ASSERT_TRUE(opened);
    const auto* body = std::get_if<MessageBody>(&*opened);
    ASSERT_NE(body, nullptr);
    const auto number = std::stoul(std::string(as_text(body->body.bytes)));
    ASSERT_LT(number, queue->messages.size());
    EXPECT_NE(queue->messages[number], Stage::acknowledged) << "a message came after its ACK was answered";
    EXPECT_NE(queue->messages[number], Stage::refused);
    EXPECT_NE(queue->deleted, Known::yes);
    queue->story += " MSG" + std::to_string(number);
    EXPECT_GE(number, queue->next_expected) << "a message came twice, or not in its order:" << queue->story;
    queue->next_expected = number + 1;
    for (std::size_t older = 0; older < number; ++older) {
      EXPECT_NE(queue->messages[older], Stage::accepted) << "an acknowledged message was left out";
    }
    // It was stored, whatever became of the answer.
    queue->messages[number] = Stage::accepted;
    if (!living_) return;
    queue->messages[number] = Stage::acknowledging;
    relay_->send(command::Ack{message.id}, queue->recipient_id, queue->recipient_key,
                 [this, queue, number](const BrokerMessage& answer) {
                   if (is_auth_error(answer)) {
                     EXPECT_NE(queue->deleted, Known::no);
                     return;
                   }
                   queue->messages[number] = Stage::acknowledged;
                   queue->story += " ACK" + std::to_string(number);
                   ++counts_.acknowledged;
                   if (const auto* next = std::get_if<broker::Msg>(&answer)) return received(queue, *next);
                   EXPECT_TRUE(std::holds_alternative<broker::Ok>(answer)) << text_of(answer);
                 });
  }
  static bool is_auth_error(const BrokerMessage& message) {
    const auto* error = std::get_if<broker::Err>(&message);
    return error != nullptr && error->error.is<errors::Auth>();
  }

  // Any of these, until so many commands wait for their answers.
  void use() {
    while (relay_->unanswered() < 12) {
      std::vector<Queue> usable;
      std::size_t alive = 0;
      for (const auto& queue : queues_) {
        if (queue->deleted != Known::yes) ++alive;
        if (queue->subscribed && queue->deleted == Known::no) usable.push_back(queue);
      }
      const auto what = random_.below(40);
      if (alive < 4 || (what == 0 && alive < 12)) {
        create();
        continue;
      }
      if (usable.empty()) return;
      const auto& queue = usable[random_.below(usable.size())];
      if (what == 1 && usable.size() > 6) {
        remove(queue);
      } else if (what <= 4) {
        secure(queue);
      } else {
        send(queue);
      }
    }
  }
  // Nothing is in flight any more, and every queue is read to its end.
  void drain() {
    while (relay_->unanswered() > 0) ASSERT_TRUE(relay_->receive());
  }

  TemporaryFolder folder_;
  testing::SeededRandom random_{std::random_device{}()};
  std::unique_ptr<KilledRelay> relay_;
  bool living_ = false;
  std::vector<Queue> queues_;
  Counts counts_;
};

TEST_F(Crash, NothingAcknowledgedIsLostOrComesAgain) {
  using Seconds = std::chrono::seconds;
  constexpr std::size_t most_kills = 400;
  const auto until = std::chrono::steady_clock::now() + Seconds(14);
  while (counts_.kills < most_kills && std::chrono::steady_clock::now() < until && !HasFailure()) {
    begin();
    // Sometimes while it starts.
    if (random_.below(8) == 0 && !relay_->wait_until_ready(std::chrono::milliseconds(random_.below(20)))) {
      ++counts_.kills_at_start;
      kill();
      continue;
    }
    ASSERT_TRUE(relay_->wait_until_ready(Seconds(60))) << "the relay does not start after it was killed";
    living_ = true;
    for (const auto& queue : queues_) {
      if (queue->deleted == Known::yes) continue;
      subscribe(queue);
      // Asked for without an answer: now it is known, and what follows can be signed.
      if (queue->secured == Known::maybe) secure(queue);
    }
    for (auto reads = random_.below(40); reads > 0 && !HasFailure(); --reads) {
      use();
      ASSERT_TRUE(relay_->receive()) << "the relay died by itself";
    }
    kill();
  }

  begin();
  ASSERT_TRUE(relay_->wait_until_ready(Seconds(60)));
  living_ = true;
  for (const auto& queue : queues_) subscribe(queue);
  drain();
  for (const auto& queue : queues_) {
    if (queue->deleted == Known::yes) continue;
    for (const auto stage : queue->messages) EXPECT_NE(stage, Stage::accepted) << "an acknowledged message is lost";
    if (queue->secured != Known::yes) continue;
    relay_->send_unsigned(
        command::Send{MessageFlags{false}, Content(as_bytes("0"))}, queue->sender_id,
        [](const BrokerMessage& answer) { EXPECT_TRUE(is_auth_error(answer)) << "a secured queue is open"; });
  }
  drain();
  std::cout << counts_.kills << " kills (" << counts_.kills_at_start << " while it started), " << counts_.queues
            << " queues, " << counts_.sent << " messages sent, " << counts_.accepted << " answered OK, "
            << counts_.acknowledged << " acknowledged, " << counts_.in_flight << " commands in flight when killed\n";
  RecordProperty("kills", static_cast<int>(counts_.kills));
  EXPECT_GT(counts_.kills, 0U);
  EXPECT_GT(counts_.in_flight, 0U);
}

}  // namespace
}  // namespace simplex::smp
