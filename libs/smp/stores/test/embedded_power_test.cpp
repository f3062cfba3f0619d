// The power goes, or the process ends, while queues are made and messages come and go: what was answered is there, what
// was not answered is there as a whole or not at all, and every counter is right. A power cut may bring a message back
// that was removed.
#include "embedded/open.hpp"
#include "embedded_disk.hpp"
#include "embedded_place.hpp"

namespace simplex::smp::stores {

using namespace server;

namespace {

// What has to be there: everything that was answered. What was asked for and not answered may be there.
class Promises {
 public:
  enum class State { asked_to_add, kept, asked_to_remove, removed };
  struct Queue {
    State state = State::asked_to_add;
    std::map<std::string, State> messages;  // by text
  };

  void set(const RecipientId& queue, State state) {
    const std::lock_guard lock(mutex_);
    queues_[queue].state = state;
  }
  void set(const RecipientId& queue, const std::string& message, State state) {
    const std::lock_guard lock(mutex_);
    queues_[queue].messages[message] = state;
    if (state == State::kept || state == State::removed) ++answered_;
  }
  [[nodiscard]] std::map<RecipientId, Queue> now() const {
    const std::lock_guard lock(mutex_);
    return queues_;
  }
  [[nodiscard]] std::uint64_t answered() const {
    const std::lock_guard lock(mutex_);
    return answered_;
  }

 private:
  mutable std::mutex mutex_;
  std::map<RecipientId, Queue> queues_;
  std::uint64_t answered_ = 0;
};
using State = Promises::State;

// A shard's part of a relay under load, on its loop: each answer is followed by the next call.
class Load {
 public:
  Load(Store& store, async::Loop& loop, Promises& promises, std::uint64_t seed)
      : store_(store), loop_(loop), promises_(promises), random_(seed) {}

  void start() {
    loop_.post([this] { turn(); });
  }
  void stop() { stopping_ = true; }

 private:
  struct Kept {
    RecipientId id;
    std::vector<MessagePtr> messages;
    std::uint64_t position = 1;
    bool settled = false;
  };

  void turn() {
    if (stopping_) return;
    while (waiting_ < 16) call();
    store_.flush();
  }
  void answered() {
    --waiting_;
    if (!std::exchange(posted_, true)) {
      loop_.post([this] {
        posted_ = false;
        turn();
      });
    }
  }

  void call() {
    ++waiting_;
    const auto kind = random_.below(12);
    if (queues_.empty() || kind == 0) return create();
    const auto queue = queues_[random_.below(queues_.size())];
    if (!queue->settled) return add(queue);
    if (kind == 1 && queues_.size() > 10) return erase(queue);
    if (kind <= 6 || queue->messages.empty()) return add(queue);
    remove(queue);
  }
  void create() {
    const auto record = random_.below(2) == 0 ? make_queue(random_) : make_full_queue(random_);
    auto queue = std::make_shared<Kept>();
    queue->id = record.recipient_id;
    promises_.set(queue->id, State::asked_to_add);
    queues_.push_back(queue);
    store_.write(CreateQueue{record.clone()}, [this, queue](const Result<>& result) {
      EXPECT_TRUE(result);
      queue->settled = true;
      promises_.set(queue->id, State::kept);
      answered();
    });
  }
  void erase(const std::shared_ptr<Kept>& queue) {
    std::erase(queues_, queue);
    promises_.set(queue->id, State::asked_to_remove);
    store_.write(DeleteQueue{queue->id}, [this, queue](const Result<>& result) {
      EXPECT_TRUE(result);
      promises_.set(queue->id, State::removed);
      answered();
    });
  }
  void add(const std::shared_ptr<Kept>& queue) {
    const auto message = make_message(random_, queue->position++, 1 + random_.below(6'000));
    const auto text = text_of(*message);
    promises_.set(queue->id, text, State::asked_to_add);
    store_.add_message(queue->id, message, [this, queue, text, message](const Result<>& result) {
      EXPECT_TRUE(result);
      promises_.set(queue->id, text, State::kept);
      queue->messages.push_back(message);
      answered();
    });
  }
  void remove(const std::shared_ptr<Kept>& queue) {
    const auto message = queue->messages.front();
    queue->messages.erase(queue->messages.begin());
    const auto text = text_of(*message);
    promises_.set(queue->id, text, State::asked_to_remove);
    store_.remove_message(queue->id, *message, [this, queue, text](const Result<>& result) {
      EXPECT_TRUE(result);
      promises_.set(queue->id, text, State::removed);
      answered();
    });
  }

  Store& store_;
  async::Loop& loop_;
  Promises& promises_;
  testing::SeededRandom random_;
  std::vector<std::shared_ptr<Kept>> queues_;
  int waiting_ = 0;
  bool posted_ = false;
  bool stopping_ = false;
};

enum class End { power, process };

// `before`: promises when the power went or earlier; `after`: when it had gone.
void expect_kept(End end, const CollectingSink& found, const std::map<RecipientId, Promises::Queue>& before,
                 const std::map<RecipientId, Promises::Queue>& after) {
  for (const auto& [id, promised] : before) {
    const std::string key(as_text(id.view()));
    const auto& last = after.at(id);
    const bool there = found.state.queues.contains(key);
    if (promised.state == State::kept && last.state == State::kept)
      EXPECT_TRUE(there) << "an acknowledged queue is lost";
    if (promised.state == State::removed) EXPECT_FALSE(there) << "a deleted queue is back";
    const auto messages = found.state.messages.find(key);
    std::map<std::string, int> counts;
    if (messages != found.state.messages.end()) {
      for (const auto& text : messages->second) EXPECT_EQ(++counts[text], 1) << "a message is there twice";
    }
    for (const auto& [text, state] : promised.messages) {
      const bool stays = state == State::kept && last.messages.at(text) == State::kept && last.state == State::kept;
      if (stays) EXPECT_TRUE(counts.contains(text)) << "an acknowledged message is lost";
      if (state == State::removed && (end == End::process || !there)) {
        EXPECT_FALSE(counts.contains(text)) << "a removed message is back";
      }
    }
    for (const auto& [text, count] : counts) EXPECT_TRUE(last.messages.contains(text)) << "a message of nobody";
  }
}

void run_until(End end) {
  constexpr int runs = 2;
  constexpr int cuts_of_run = 16;
  testing::SeededRandom random(5);
  NullLogger logger;
  std::size_t lost_octets = 0;
  std::uint64_t answered = 0;
  std::uint64_t checked = 0;
  for (int run_number = 0; run_number < runs; ++run_number) {
    TemporaryFolder folder;
    const auto disk = std::make_shared<TestDisk>();
    const auto env = rocksdb::NewCompositeEnv(disk);
    EmbeddedSettings settings;
    settings.folder = folder.path() / "store";
    // Small, so that tables are written and merged while the power goes.
    settings.unwritten_octets = 256 * 1'024;
    settings.commit_octets = 64 * 1'024;
    settings.reader_threads = 1;
    auto backend = embedded::open_on(settings, env.get(), logger);
    ASSERT_TRUE(backend) << backend.error().message;
    StoreRun run(std::move(*backend), 2);
    Promises promises;
    std::vector<std::unique_ptr<Load>> loads;
    for (std::size_t shard = 0; shard < 2; ++shard) {
      run.turn(shard, [&](Turn& turn) {
        loads.push_back(std::make_unique<Load>(run.store(shard), turn.loop(), promises, random.number()));
        loads.back()->start();
      });
    }
    for (int cut = 0; cut < cuts_of_run; ++cut) {
      // At any moment, but after something has happened.
      const auto wanted = promises.answered() + random.below(100);
      while (promises.answered() < wanted) run.turn(random.below(2), [](Turn&) {});
      const auto copy = folder.path() / ("cut " + std::to_string(cut));
      const auto before = promises.now();
      if (end == End::power) {
        lost_octets += disk->cut_power(settings.folder, copy, random);
      } else {
        disk->end_process(settings.folder, copy);
      }
      const auto after = promises.now();

      EmbeddedSettings of_copy = settings;
      of_copy.folder = copy;
      const auto disk_of_copy = std::make_shared<TestDisk>();
      const auto env_of_copy = rocksdb::NewCompositeEnv(disk_of_copy);
      auto opened = embedded::open_on(of_copy, env_of_copy.get(), logger);
      ASSERT_TRUE(opened) << opened.error().message;
      const auto totals = (*opened)->totals();
      CollectingSink found;
      const auto exported = (*opened)->export_to(found, [](const StoreTotals&) {});
      ASSERT_TRUE(exported) << exported.error().message;
      EXPECT_EQ(totals.queues, exported->queues);
      EXPECT_EQ(totals.messages, exported->messages);
      EXPECT_EQ(totals.notifiers, exported->notifiers);
      expect_kept(end, found, before, after);
      checked += exported->messages;
      EXPECT_TRUE((*opened)->close());
      opened->reset();
      std::filesystem::remove_all(copy);
    }
    answered += promises.answered();
    for (std::size_t shard = 0; shard < 2; ++shard) run.turn(shard, [&](Turn&) { loads[shard]->stop(); });
    EXPECT_TRUE(run.close());
  }
  ::testing::Test::RecordProperty("ends", runs * cuts_of_run);
  ::testing::Test::RecordProperty("changes_answered", std::to_string(answered));
  ::testing::Test::RecordProperty("octets_lost", std::to_string(lost_octets));
  std::cout << runs * cuts_of_run << (end == End::power ? " power cuts, " : " ends of the process, ") << answered
            << " changes answered, " << lost_octets << " octets lost that were not answered for, " << checked
            << " messages looked at\n";
  if (end == End::power) EXPECT_GT(lost_octets, 0U) << "nothing was ever in flight: the test shows nothing";
}

TEST(EmbeddedPower, WhatWasAnsweredSurvivesAPowerCut) { run_until(End::power); }

TEST(EmbeddedPower, WhatWasAnsweredSurvivesTheEndOfTheProcess) { run_until(End::process); }

}  // namespace
}  // namespace simplex::smp::stores
