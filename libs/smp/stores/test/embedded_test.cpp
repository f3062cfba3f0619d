// What only the embedded store has to do: its folder, a full or failing disk, damaged files, bounds.
#include <fstream>
#include <numeric>

#include "embedded/open.hpp"
#include "embedded_disk.hpp"
#include "embedded_place.hpp"

namespace simplex::smp::stores {

using namespace server;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

namespace {

namespace fs = std::filesystem;

class EmbeddedStore : public ::testing::Test {
 protected:
  EmbeddedStore() {
    settings_.folder = folder_.path() / "store";
    settings_.unwritten_octets = 1'024 * 1'024;
    settings_.cache_octets = 1'024 * 1'024;
  }
  ~EmbeddedStore() override { run_.reset(); }

  Result<std::unique_ptr<StoreBackend>> try_open() { return embedded::open_on(settings_, env_.get(), logger_); }
  void open(std::size_t shards = 1) {
    auto backend = try_open();
    ASSERT_TRUE(backend) << backend.error().message;
    run_ = std::make_unique<StoreRun>(std::move(*backend), shards);
  }
  void close() {
    const auto closed = run_->close();
    EXPECT_TRUE(closed) << closed.error().message;
    run_.reset();
  }
  RecipientId new_queue() {
    const auto queue = make_queue(random_);
    EXPECT_TRUE(run_->create(queue));
    return queue.recipient_id;
  }
  std::string refusal() {
    const auto opened = try_open();
    return opened ? "opened" : std::string(name_of(opened.error().kind)) + ": " + opened.error().message;
  }
  std::size_t message_count(const RecipientId& queue) {
    const auto found = run_->load(queue);
    return found && *found ? (*found)->message_count : 1'000'000;
  }
  void write_file(const fs::path& file, std::string_view text) {
    std::ofstream(file, std::ios::binary | std::ios::trunc) << text;
  }
  std::string read_text(const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  std::uint64_t octets_on_disk() {
    std::uint64_t sum = 0;
    for (const auto& entry : fs::recursive_directory_iterator(settings_.folder)) {
      // One may be deleted while it is looked at.
      std::error_code gone;
      const auto size = entry.is_regular_file(gone) ? entry.file_size(gone) : 0;
      if (!gone) sum += size;
    }
    return sum;
  }
  // Changes one octet of the text wherever it is in a file of the store; how often.
  int damage(std::string_view text) {
    int count = 0;
    for (const auto& entry : fs::recursive_directory_iterator(settings_.folder)) {
      if (!entry.is_regular_file()) continue;
      auto content = read_text(entry.path());
      const auto at = content.find(text);
      if (at == std::string::npos) continue;
      content[at + text.size() / 2] ^= 1;
      write_file(entry.path(), content);
      ++count;
    }
    return count;
  }

  testing::SeededRandom random_{11};
  NullLogger logger_;
  TemporaryFolder folder_;
  std::shared_ptr<TestDisk> disk_ = std::make_shared<TestDisk>();
  std::unique_ptr<rocksdb::Env> env_ = rocksdb::NewCompositeEnv(disk_);
  EmbeddedSettings settings_;
  std::unique_ptr<StoreRun> run_;
};

// ---- the folder

TEST_F(EmbeddedStore, AFolderWithOtherFilesIsLeftAlone) {
  fs::create_directories(settings_.folder);
  write_file(settings_.folder / "letters.txt", "mine");
  EXPECT_THAT(refusal(), HasSubstr("files that are not of a queue store"));
  EXPECT_EQ(read_text(settings_.folder / "letters.txt"), "mine");
  EXPECT_EQ(std::distance(fs::directory_iterator(settings_.folder), {}), 1);
}

TEST_F(EmbeddedStore, ANewerVersionIsRefusedUntouched) {
  open();
  close();
  write_file(settings_.folder / "format", "simplex-cpp queue store 2\n");
  EXPECT_THAT(refusal(), HasSubstr("newer version"));
  EXPECT_EQ(read_text(settings_.folder / "format"), "simplex-cpp queue store 2\n");
  for (const auto* text : {"", "simplex-cpp queue store 0\n", "simplex-cpp queue store 1 old\n", "something else\n"}) {
    write_file(settings_.folder / "format", text);
    EXPECT_THAT(refusal(), HasSubstr("does not say")) << text;
  }
  write_file(settings_.folder / "format", "simplex-cpp queue store 1\n");
  EXPECT_EQ(refusal(), "opened");
}

TEST_F(EmbeddedStore, OneProcessUsesItAtATime) {
  open();
  EXPECT_THAT(refusal(), ::testing::StartsWith(std::string(name_of(ErrorKind::conflict))));
  close();
  EXPECT_EQ(refusal(), "opened");
}

TEST_F(EmbeddedStore, LostDataIsNotAnEmptyStore) {
  open();
  new_queue();
  close();
  fs::remove_all(settings_.folder / "data");
  EXPECT_NE(refusal(), "opened");
  EXPECT_NE(refusal(), "opened");
}

TEST_F(EmbeddedStore, OneThatWasNotMadeToItsEndIsMadeAgain) {
  open();
  close();
  write_file(settings_.folder / "format", "simplex-cpp queue store 1 new\n");
  fs::remove_all(settings_.folder / "data");
  open();
  new_queue();
  EXPECT_EQ(read_text(settings_.folder / "format"), "simplex-cpp queue store 1\n");
}

TEST_F(EmbeddedStore, AnImportThatDiedIsToldAtTheNextStart) {
  auto backend = try_open();
  ASSERT_TRUE(backend);
  auto sink = (*backend)->import();
  ASSERT_TRUE(sink);
  for (int i = 0; i < 100; ++i) {
    const auto queue = make_queue(random_);
    ASSERT_TRUE((*sink)->add_queue(queue));
    ASSERT_TRUE((*sink)->add_message(queue.recipient_id, *make_message(random_, 0, 60'000)));
  }
  // What a crash now would leave.
  const auto left = folder_.path() / "left";
  fs::copy(settings_.folder, left, fs::copy_options::recursive);
  ASSERT_TRUE((*sink)->commit());
  sink->reset();
  EXPECT_EQ((*backend)->totals().messages, 100U);
  backend->reset();
  EXPECT_EQ(refusal(), "opened");
  settings_.folder = left;
  auto again = open_embedded(settings_, logger_);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ((*again)->totals().queues, 0U) << "half a state is none";
  {
    auto repeated = (*again)->import();
    ASSERT_TRUE(repeated) << repeated.error().message;
    const auto queue = make_queue(random_);
    ASSERT_TRUE((*repeated)->add_queue(queue));
    ASSERT_TRUE((*repeated)->add_message(queue.recipient_id, *make_message(random_, 0, 60'000)));
    ASSERT_TRUE((*repeated)->commit());
  }
  EXPECT_EQ((*again)->totals().queues, 1U);
  EXPECT_EQ((*again)->totals().messages, 1U);
}

// ---- the disk

TEST_F(EmbeddedStore, AFullDiskRefusesChangesUntilThereIsRoom) {
  for (const auto fault : {TestDisk::Fault::full, TestDisk::Fault::write_error, TestDisk::Fault::sync_error}) {
    SCOPED_TRACE(static_cast<int>(fault));
    settings_.folder = folder_.path() / std::to_string(static_cast<int>(fault));
    open();
    const auto queue = new_queue();
    const auto first = make_message(random_, 1, 5'000);
    ASSERT_TRUE(run_->add(queue, first));
    disk_->fail(fault);
    const auto lost = make_full_queue(random_);
    for (int i = 0; i < 3; ++i) {
      const auto added = run_->add(queue, make_message(random_, 2, 5'000));
      ASSERT_FALSE(added);
      EXPECT_EQ(added.error().kind, ErrorKind::storage) << added.error().message;
      EXPECT_FALSE(run_->create(lost));
      EXPECT_FALSE(run_->remove(queue, first));
      // Reading goes on, and sees nothing of what failed.
      EXPECT_EQ(message_count(queue), 1U);
      EXPECT_EQ(run_->find(IdKind::sender, directory_id(lost.sender_id)).value(), std::nullopt);
    }
    EXPECT_EQ(run_->backend().totals().queues, 1U);
    EXPECT_EQ(run_->backend().totals().messages, 1U);
    disk_->fail(TestDisk::Fault::none);
    const auto second = make_message(random_, 2, 5'000);
    const auto added = run_->add(queue, second);
    ASSERT_TRUE(added) << added.error().message;
    close();
    open();
    EXPECT_EQ(texts_of(run_->load_messages(queue, 100'000).value()), texts_of({first, second}));
    EXPECT_EQ(run_->find(IdKind::sender, directory_id(lost.sender_id)).value(), std::nullopt);
    EXPECT_EQ(run_->backend().totals().messages, 2U);
    close();
  }
}

TEST_F(EmbeddedStore, AReadAmongChangesThatFailSeesNoneOfThem) {
  open();
  const auto queue = new_queue();
  disk_->fail(TestDisk::Fault::full);
  std::future<Result<>> added;
  std::future<Result<std::optional<LoadedQueue>>> loaded;
  run_->turn(0, [&](Turn& turn) {
    added = turn.add(queue, make_message(random_, 1, 100));
    loaded = turn.load(queue);
  });
  EXPECT_FALSE(await(std::move(added)));
  const auto found = await(std::move(loaded));
  ASSERT_TRUE(found && *found);
  EXPECT_EQ((*found)->message_count, 0U);
  disk_->fail(TestDisk::Fault::none);
}

TEST_F(EmbeddedStore, ADamagedMessageConcernsItsQueueOnly) {
  open();
  const auto broken = new_queue();
  const auto whole = new_queue();
  const auto message = make_message(random_, 1, 8'000);
  ASSERT_TRUE(run_->add(broken, message));
  ASSERT_TRUE(run_->add(whole, make_message(random_, 1, 8'000)));
  close();
  // Opened once more, so that it goes from the log into tables.
  open();
  close();
  ASSERT_EQ(damage(as_text(BytesView(message->body).subspan(4'000, 64))), 1);
  open();
  const auto loaded = run_->load(broken);
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().kind, ErrorKind::storage);
  EXPECT_THAT(loaded.error().message, HasSubstr("backup"));
  EXPECT_EQ(message_count(whole), 1U);
  // The relay goes on, also with that queue: it can be given up.
  EXPECT_TRUE(run_->write(DeleteQueue{broken}));
  EXPECT_EQ(run_->load(broken).value(), std::nullopt);
  EXPECT_TRUE(run_->add(whole, make_message(random_, 2, 100)));
}

// ---- bounds

TEST_F(EmbeddedStore, WhatWaitsForTheDiskIsBounded) {
  settings_.pending_octets = 100'000;
  open();
  const auto queue = new_queue();
  std::vector<std::future<Result<>>> added;
  std::future<Result<>> removed;
  const auto first = make_message(random_, 1, 16'000);
  run_->turn(0, [&](Turn& turn) {
    added.push_back(turn.add(queue, first));
    for (std::uint64_t i = 2; i <= 20; ++i) added.push_back(turn.add(queue, make_message(random_, i, 16'000)));
    // What makes room is not refused.
    removed = turn.remove(queue, first);
  });
  std::size_t taken = 0;
  for (auto& future : added) {
    const auto result = await(std::move(future));
    if (result) {
      ++taken;
    } else {
      EXPECT_EQ(result.error().kind, ErrorKind::limit);
    }
  }
  EXPECT_TRUE(await(std::move(removed)));
  EXPECT_EQ(taken, 6U);
  std::vector<int> in_order(21);
  std::iota(in_order.begin(), in_order.end(), 0);
  EXPECT_EQ(run_->order(0), in_order);
  EXPECT_EQ(message_count(queue), taken - 1);
  EXPECT_TRUE(run_->add(queue, make_message(random_, 30, 16'000))) << "there is room again";
}

TEST_F(EmbeddedStore, ACommitWaitsNoLongerThanForItsOctets) {
  settings_.commit_delay = std::chrono::hours(24);
  settings_.commit_octets = 30'000;
  open();
  const auto queue = make_queue(random_);
  std::vector<std::future<Result<>>> done;
  run_->turn(0, [&](Turn& turn) {
    done.push_back(turn.create(queue));
    done.push_back(turn.add(queue.recipient_id, make_message(random_, 1, 16'000)));
  });
  run_->turn(0, [&](Turn& turn) { done.push_back(turn.add(queue.recipient_id, make_message(random_, 2, 16'000))); });
  for (auto& one : done) EXPECT_TRUE(await(std::move(one)));
  // What does not fill a group waits for the next; the end of the relay does not.
  bool last = false;
  run_->turn(0, [&](Turn&) {
    run_->store(0).add_message(queue.recipient_id, make_message(random_, 3, 100),
                               [&](const Result<>& result) { last = result.has_value(); });
  });
  close();
  EXPECT_TRUE(last);
  settings_.commit_delay = {};
  open();
  EXPECT_EQ(message_count(queue.recipient_id), 3U);
}

TEST_F(EmbeddedStore, SpaceOfRemovedMessagesIsUsedAgain) {
  open();
  const auto queue = new_queue();
  constexpr std::uint64_t rounds = 40;
  constexpr std::uint64_t of_round = 64;
  constexpr std::uint64_t octets = 16'000;
  std::uint64_t most = 0;
  std::uint64_t position = 0;
  for (std::uint64_t round = 0; round < rounds; ++round) {
    std::vector<MessagePtr> sent;
    std::vector<std::future<Result<>>> done;
    run_->turn(0, [&](Turn& turn) {
      for (std::uint64_t i = 0; i < of_round; ++i) {
        sent.push_back(make_message(random_, ++position, octets));
        done.push_back(turn.add(queue, sent.back()));
      }
    });
    for (auto& one : done) ASSERT_TRUE(await(std::move(one)));
    done.clear();
    run_->turn(0, [&](Turn& turn) {
      for (const auto& message : sent) done.push_back(turn.remove(queue, message));
    });
    for (auto& one : done) ASSERT_TRUE(await(std::move(one)));
    most = std::max(most, octets_on_disk());
  }
  RecordProperty("octets_written", std::to_string(rounds * of_round * octets));
  RecordProperty("octets_on_disk_at_most", std::to_string(most));
  EXPECT_LT(most, rounds * of_round * octets / 2);
  EXPECT_EQ(message_count(queue), 0U);
}

}  // namespace
}  // namespace simplex::smp::stores
