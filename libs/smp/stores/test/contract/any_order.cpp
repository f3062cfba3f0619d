// Anything, in any order.
#include "expectations.hpp"

namespace simplex::smp::stores {

using namespace server;

namespace {

// The queues of a store as they should be.
struct Model {
  struct Kept {
    QueueRecord record;
    std::vector<MessagePtr> messages;
    std::uint64_t next = 1;
  };
  std::map<RecipientId, Kept> queues;
};

}  // namespace

TEST_P(StoreContract, AnySequenceOfTurnsEndsAsItShould) {
  for (const std::uint64_t seed : {1U, 2U, 3U}) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    testing::SeededRandom random(seed);
    place_ = GetParam().make();
    open(1 + random.below(3));
    Model model;
    for (int turn_number = 0; turn_number < 40; ++turn_number) {
      std::vector<std::pair<bool, std::future<Result<>>>> expected;
      // What is read is the queue as it was at the call, or as a later change of the turn made it.
      using Texts = std::vector<std::string>;
      std::vector<std::pair<std::shared_ptr<std::vector<Texts>>, std::future<Result<std::vector<MessagePtr>>>>> windows;
      std::map<RecipientId, std::vector<std::shared_ptr<std::vector<Texts>>>> reading;
      const auto changed = [&reading](const RecipientId& id, const std::vector<MessagePtr>& messages) {
        for (const auto& states : reading[id]) states->push_back(texts_of(messages));
      };
      // Changes of one shard in one turn; the model is changed in the same order.
      std::map<std::size_t, std::vector<std::function<void(Turn&)>>> calls;
      const auto count = 1 + random.below(20);
      for (std::uint64_t i = 0; i < count; ++i) {
        const auto kind = model.queues.empty() ? 0 : random.below(10);
        if (kind == 0) {
          auto queue = random.below(2) == 0 ? make_queue(random) : make_full_queue(random);
          const auto id = queue.recipient_id;
          auto record = std::make_shared<StoreRecord>(CreateQueue{queue.clone()});
          model.queues.emplace(id, Model::Kept{std::move(queue), {}, 1});
          calls[run_->shard_of(id)].emplace_back(
              [&expected, record](Turn& turn) { expected.emplace_back(true, turn.write(*record)); });
          continue;
        }
        auto chosen = model.queues.begin();
        std::advance(chosen, static_cast<std::ptrdiff_t>(random.below(model.queues.size())));
        const auto id = chosen->first;
        auto& kept = chosen->second;
        auto& shard_calls = calls[run_->shard_of(id)];
        if (kind <= 3) {
          const auto message = make_message(random, kept.next++, 1 + random.below(2'000));
          kept.messages.push_back(message);
          changed(id, kept.messages);
          shard_calls.emplace_back(
              [&expected, id, message](Turn& turn) { expected.emplace_back(true, turn.add(id, message)); });
        } else if (kind <= 5) {
          if (kept.messages.empty()) continue;
          const auto message = kept.messages.front();
          kept.messages.erase(kept.messages.begin());
          changed(id, kept.messages);
          shard_calls.emplace_back(
              [&expected, id, message](Turn& turn) { expected.emplace_back(true, turn.remove(id, message)); });
        } else if (kind <= 7) {
          std::shared_ptr<StoreRecord> record;
          switch (random.below(6)) {
            case 0: record = std::make_shared<StoreRecord>(SuspendQueue{id}); break;
            case 1: record = std::make_shared<StoreRecord>(UpdateTime{id, date_of(noon)}); break;
            case 2: record = std::make_shared<StoreRecord>(DeleteLink{id}); break;
            case 3: record = std::make_shared<StoreRecord>(CreateLink{id, make_link(random)}); break;
            case 4: record = std::make_shared<StoreRecord>(AddNotifier{id, make_notifier(random)}); break;
            default:
              record = std::make_shared<StoreRecord>(SecureQueue{id, crypto::generate_x25519(random).public_key});
          }
          const bool good = apply_change(*record, kept.record).has_value();
          shard_calls.emplace_back(
              [&expected, record, good](Turn& turn) { expected.emplace_back(good, turn.write(*record)); });
        } else if (kind == 8) {
          auto states = std::make_shared<std::vector<Texts>>(1, texts_of(kept.messages));
          reading[id].push_back(states);
          shard_calls.emplace_back([&windows, id, states = std::move(states)](Turn& turn) {
            windows.emplace_back(states, turn.load_messages(id, 100'000'000));
          });
        } else if (random.below(3) == 0) {
          changed(id, {});
          model.queues.erase(chosen);
          shard_calls.emplace_back(
              [&expected, id](Turn& turn) { expected.emplace_back(true, turn.write(DeleteQueue{id})); });
        }
      }
      for (auto& [shard, shard_calls] : calls) {
        run_->turn(shard, [&](Turn& turn) {
          for (auto& call : shard_calls) call(turn);
        });
      }
      for (auto& [good, done] : expected) EXPECT_EQ(await(std::move(done)).has_value(), good);
      for (auto& [states, done] : windows) {
        const auto got = await(std::move(done));
        ASSERT_TRUE(went_well(got));
        EXPECT_THAT(*states, ::testing::Contains(texts_of(*got)));
      }
      if (random.below(10) == 0) reopen(1 + random.below(3));
    }
    std::uint64_t message_count = 0;
    for (const auto& [id, kept] : model.queues) {
      EXPECT_EQ(loaded(id), format_queue(kept.record));
      EXPECT_EQ(messages(id), texts_of(kept.messages));
      message_count += kept.messages.size();
    }
    EXPECT_EQ(run_->backend().totals().queues, model.queues.size());
    EXPECT_EQ(run_->backend().totals().messages, message_count);
    State expected;
    for (const auto& [id, kept] : model.queues) {
      const std::string key(as_text(id.view()));
      expected.queues[key] = format_queue(kept.record);
      if (!kept.messages.empty()) expected.messages[key] = texts_of(kept.messages);
    }
    EXPECT_EQ(state(), expected);
  }
}

}  // namespace simplex::smp::stores
