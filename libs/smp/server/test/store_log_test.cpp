#include <gmock/gmock.h>
#include <rapidcheck/gtest.h>
#include <unistd.h>

#include <fstream>

#include "simplex/crypto/dh.hpp"
#include "simplex/server_kit/files.hpp"
#include "simplex/smp/server/memory_store.hpp"
#include "simplex/testing/random.hpp"

namespace simplex::smp::server {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

const std::filesystem::path samples = SIMPLEX_SOURCE_DIR "/tests/samples/smp-memory/log";

class FixedClock final : public Clock {
 public:
  [[nodiscard]] Instant now() const override { return {}; }
  [[nodiscard]] WallTime wall() const override { return from_seconds_since_epoch(seconds); }
  std::int64_t seconds = 1'795'392'000;
};

class StoreLogFiles : public ::testing::Test {
 protected:
  void SetUp() override {
    directory_ = std::filesystem::temp_directory_path() / ("smp_store_log_" + std::to_string(::getpid()));
    std::filesystem::remove_all(directory_);
    std::filesystem::create_directories(directory_);
    log_ = directory_ / "smp-server-store.log";
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }
  void write(const std::filesystem::path& file, std::string_view text) const { std::ofstream(file) << text; }
  [[nodiscard]] static std::string read(const std::filesystem::path& file) {
    return std::string(as_text(*server_kit::read_file(file)));
  }

  std::filesystem::path directory_;
  std::filesystem::path log_;
  FixedClock clock_;
};

std::vector<std::string> lines_of(const std::filesystem::path& file) {
  std::ifstream input(file);
  std::vector<std::string> lines;
  for (std::string line; std::getline(input, line);) lines.push_back(line);
  return lines;
}

TEST(StoreLog, EveryLineOfTheReferenceRelayIsWrittenBackTheSame) {
  const auto lines = lines_of(samples / "smp-server-store.log");
  ASSERT_THAT(lines, SizeIs(5));
  for (const auto& line : lines) {
    const auto record = parse_record(line);
    ASSERT_TRUE(record) << record.error().message;
    EXPECT_EQ(format_record(*record), line);
  }
  const auto journal = SIMPLEX_SOURCE_DIR "/tests/samples/smp-journal/log/smp-server-store.log";
  for (const auto& line : lines_of(journal)) {
    const auto record = parse_record(line);
    ASSERT_TRUE(record) << record.error().message;
    EXPECT_EQ(format_record(*record), line);
  }
}

TEST(StoreLog, EveryMessageOfTheReferenceRelayIsWrittenBackTheSame) {
  const auto lines = lines_of(samples / "smp-server-messages.log");
  ASSERT_THAT(lines, SizeIs(3));
  for (const auto& line : lines) {
    const auto parsed = parse_message(line);
    ASSERT_TRUE(parsed) << parsed.error().message;
    EXPECT_TRUE(parsed->message->notification);
    EXPECT_EQ(format_message(parsed->queue, *parsed->message), line);
  }
  const auto quota = lines[0].substr(0, lines[0].find(" flags=")) + " quota";
  const auto parsed = parse_message(quota);
  ASSERT_TRUE(parsed);
  EXPECT_TRUE(parsed->message->quota);
  EXPECT_EQ(format_message(parsed->queue, *parsed->message), quota);
}

TEST(StoreLog, EmptyMessagesAndLinkDataAreKept) {
  const auto line = lines_of(samples / "smp-server-messages.log")[0];
  const auto empty = line.substr(0, line.find(" flags=")) + " flags=F ";
  const auto parsed = parse_message(empty);
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_TRUE(parsed->message->body.empty());
  EXPECT_EQ(format_message(parsed->queue, *parsed->message), empty);

  auto record = parse_record(lines_of(samples / "smp-server-store.log")[0]);
  ASSERT_TRUE(record);
  auto& queue = std::get<CreateQueue>(*record).queue;
  for (const auto& [fixed, user] : {std::pair<Bytes, Bytes>{{1, 2}, {}}, {{}, {1, 2}}, {{}, {}}}) {
    queue.link = std::make_shared<LinkData>(LinkData{queue.link->id, fixed, user});
    const auto again = parse_record(format_queue(queue));
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_EQ(std::get<CreateQueue>(*again).queue.link->fixed, fixed);
    EXPECT_EQ(std::get<CreateQueue>(*again).queue.link->user, user);
  }
}

TEST(StoreLog, ReadsWhatTheReferenceRelayHad) {
  const auto log = read_store_log(samples / "smp-server-store.log");
  ASSERT_TRUE(log) << log.error().message;
  EXPECT_THAT(log->problems, SizeIs(0));
  ASSERT_THAT(log->queues, SizeIs(2));
  EXPECT_TRUE(log->queues[0].is_secured_messaging());
  EXPECT_EQ(log->queues[0].link, nullptr);
  const auto messages = read_messages(samples / "smp-server-messages.log");
  ASSERT_TRUE(messages);
  ASSERT_THAT(messages->queues, SizeIs(1));
  EXPECT_EQ(messages->queues[0].id, log->queues[0].recipient_id);
  EXPECT_THAT(messages->queues[0].messages, SizeIs(3));
}

// Every kind of record, with all optional parts there or not.
class RecordMaker {
 public:
  explicit RecordMaker(std::uint64_t seed) : random_(seed) {}

  template <class Id>
  Id id() {
    return *Id::from(random_.bytes(24));
  }
  bool coin() { return random_.below(2) == 1; }
  crypto::AuthPublicKey key() {
    switch (random_.below(3)) {
      case 0: return crypto::generate_ed25519(random_).public_key;
      case 1: return crypto::generate_ed448(random_).public_key;
      default: return crypto::generate_x25519(random_).public_key;
    }
  }
  std::vector<crypto::AuthPublicKey> keys() {
    std::vector<crypto::AuthPublicKey> made;
    for (auto count = 1 + random_.below(3); count > 0; --count) made.push_back(key());
    return made;
  }
  LinkData link() { return {id<LinkId>(), random_.bytes(50), random_.bytes(70)}; }
  NotifierCredentials notifier() {
    NotifierCredentials made{id<NotifierId>(), key(), *crypto::X25519Secret::from(random_.bytes(32)), {}};
    if (coin()) made.service = id<ServiceId>();
    return made;
  }
  Blocking blocking() {
    Blocking made{coin() ? BlockingReason::spam : BlockingReason::content, {}};
    if (coin()) made.notice = R"({"ttl": 86400})";
    return made;
  }
  QueueRecord queue() {
    QueueRecord made;
    made.recipient_id = id<RecipientId>();
    made.recipient_keys = keys();
    made.dh_secret = *crypto::X25519Secret::from(random_.bytes(32));
    made.sender_id = id<SenderId>();
    if (coin()) made.sender_key = key();
    if (coin()) made.mode = coin() ? protocol::QueueMode::messaging : protocol::QueueMode::contact;
    if (coin()) made.link = std::make_shared<const LinkData>(link());
    if (coin()) made.notifier = std::make_unique<NotifierCredentials>(notifier());
    if (coin()) made.updated = Date(1'795'305'600);
    switch (random_.below(3)) {
      case 0: break;
      case 1: made.status = QueueStatus::suspended; break;
      default: made.status = QueueStatus::blocked; made.blocking = std::make_unique<Blocking>(blocking());
    }
    if (coin()) made.service = id<ServiceId>();
    return made;
  }
  StoreRecord record() {
    switch (random_.below(14)) {
      case 0: return CreateQueue{queue()};
      case 1: return CreateLink{id<RecipientId>(), link()};
      case 2: return DeleteLink{id<RecipientId>()};
      case 3: return SecureQueue{id<RecipientId>(), key()};
      case 4: return UpdateKeys{id<RecipientId>(), keys()};
      case 5: return AddNotifier{id<RecipientId>(), notifier()};
      case 6: return DeleteNotifier{id<RecipientId>()};
      case 7: return SuspendQueue{id<RecipientId>()};
      case 8: return BlockQueue{id<RecipientId>(), blocking()};
      case 9: return UnblockQueue{id<RecipientId>()};
      case 10: return DeleteQueue{id<RecipientId>()};
      case 11: return UpdateTime{id<RecipientId>(), Date(1'795'305'600)};
      case 12:
        return NewService{{id<ServiceId>(),
                           static_cast<ServiceRole>(random_.below(3)),
                           {random_.bytes(100), random_.bytes(90)},
                           random_.bytes(64),
                           Date(1'795'305'600)}};
      default:
        return QueueService{id<RecipientId>(), coin() ? ServiceParty::recipient : ServiceParty::notifier,
                            coin() ? std::optional(id<ServiceId>()) : std::nullopt};
    }
  }

 private:
  testing::SeededRandom random_;
};

RC_GTEST_PROP(StoreLog, AnyRecordIsReadBackAsItWasWritten, (std::uint64_t seed)) {
  RecordMaker maker(seed);
  for (int i = 0; i < 20; ++i) {
    const auto line = format_record(maker.record());
    const auto read = parse_record(line);
    RC_ASSERT(read.has_value());
    RC_ASSERT(format_record(*read) == line);
  }
}

RC_GTEST_PROP(StoreLog, AnyDamagedLineIsAnErrorOrAnotherRecord, (std::uint64_t seed)) {
  testing::SeededRandom random(seed);
  auto line = format_record(RecordMaker(seed).record());
  switch (random.below(3)) {
    case 0: line.resize(random.below(line.size())); break;
    case 1: line[random.below(line.size())] = static_cast<char>(random.below(256)); break;
    default: line.insert(random.below(line.size()), " "); break;
  }
  const auto read = parse_record(line);
  if (read) RC_ASSERT(!format_record(*read).empty());
}

TEST(StoreLog, OlderFormsOfTheQueueModeAreRead) {
  const auto line = lines_of(samples / "smp-server-store.log")[2];
  const auto at = line.find(" queue_mode=M");
  for (const auto& [text, mode] : std::vector<std::pair<std::string, std::optional<protocol::QueueMode>>>{
           {" sndSecure=T", protocol::QueueMode::messaging},
           {" sndSecure=F", protocol::QueueMode::contact},
           {"", {}}}) {
    auto older = line;
    older.replace(at, std::string(" queue_mode=M").size(), text);
    const auto record = parse_record(older);
    ASSERT_TRUE(record) << text;
    EXPECT_EQ(std::get<CreateQueue>(*record).queue.mode, mode);
  }
}

TEST_F(StoreLogFiles, StartsEmptyAndGoesOn) {
  const auto empty = read_store_log(log_);
  ASSERT_TRUE(empty);
  EXPECT_THAT(empty->queues, SizeIs(0));
  const auto log = compact_store_log(log_, *empty, clock_);
  ASSERT_TRUE(log) << log.error().message;
  RecordMaker maker(1);
  auto queue = maker.queue();
  queue.status = QueueStatus::active;
  queue.link = nullptr;
  queue.sender_key.reset();
  const auto key = maker.key();
  ASSERT_TRUE((*log)->append(format_queue(queue) + "\n" + format_record(SecureQueue{queue.recipient_id, key}) + "\n"));

  const auto again = read_store_log(log_);
  ASSERT_TRUE(again);
  ASSERT_THAT(again->queues, SizeIs(1));
  EXPECT_EQ(again->queues[0].sender_key, key);
  ASSERT_TRUE(compact_store_log(log_, *again, clock_));
  EXPECT_THAT(lines_of(log_), SizeIs(1));
  EXPECT_THAT(lines_of(log_.string() + ".2026-11-23T00:00:00Z"), SizeIs(2));
}

TEST_F(StoreLogFiles, DeletedQueuesAreGoneAfterCompaction) {
  RecordMaker maker(2);
  const auto queue = maker.queue();
  const auto other = maker.queue();
  write(log_, format_queue(queue) + "\n" + format_queue(other) + "\n" + format_record(DeleteQueue{queue.recipient_id}) +
                  "\n");
  const auto read_back = read_store_log(log_);
  ASSERT_TRUE(read_back);
  ASSERT_TRUE(compact_store_log(log_, *read_back, clock_));
  EXPECT_EQ(read(log_), format_queue(other) + "\n");
}

TEST_F(StoreLogFiles, BadLinesAreReportedWithTheirNumberAndKept) {
  RecordMaker maker(3);
  const auto queue = maker.queue();
  const auto created = format_queue(queue) + "\n";
  write(log_, created + "NONSENSE abc\n" + created + format_record(SuspendQueue{maker.id<RecipientId>()}) +
                  "\nCREATE rid=a\n" + "SUSPEND cut");
  const auto log = read_store_log(log_);
  ASSERT_TRUE(log);
  EXPECT_THAT(log->queues, SizeIs(1));
  ASSERT_THAT(log->problems, SizeIs(5));
  const std::vector<std::uint64_t> numbers{2, 3, 4, 5, 6};
  for (std::size_t i = 0; i < numbers.size(); ++i) EXPECT_EQ(log->problems[i].line, numbers[i]);
  EXPECT_THAT(log->problems[1].what, HasSubstr("exists already"));
  EXPECT_THAT(log->problems[4].what, HasSubstr("not written to its end"));
  const auto rejected = read(log_.string() + ".rejected");
  EXPECT_THAT(rejected, HasSubstr("NONSENSE abc\n"));
  EXPECT_THAT(rejected, HasSubstr("SUSPEND cut\n"));
}

TEST_F(StoreLogFiles, AWholeLastLineIsUsedWithoutItsEnd) {
  RecordMaker maker(3);
  const auto queue = maker.queue();
  write(log_, format_queue(queue) + "\n" + format_record(SuspendQueue{queue.recipient_id}));
  const auto log = read_store_log(log_);
  ASSERT_TRUE(log);
  EXPECT_THAT(log->problems, SizeIs(0));
  ASSERT_THAT(log->queues, SizeIs(1));
  EXPECT_EQ(log->queues[0].status, QueueStatus::suspended);
}

TEST_F(StoreLogFiles, AnInterruptedCompactionOfTheReferenceIsUndone) {
  RecordMaker maker(4);
  const auto queue = maker.queue();
  write(log_.string() + ".start", format_queue(queue) + "\n");
  write(log_, "");
  const auto log = read_store_log(log_);
  ASSERT_TRUE(log);
  EXPECT_THAT(log->queues, SizeIs(1));
  EXPECT_FALSE(std::filesystem::exists(log_.string() + ".start"));
}

TEST_F(StoreLogFiles, OldCopiesAreRemovedButThree) {
  write(log_, format_queue(RecordMaker(5).queue()) + "\n");
  for (const auto* time : {"2026-09-01T00:00:00Z", "2026-09-02T00:00:00Z", "2026-10-28T00:00:00Z",
                           "2026-10-29T00:00:00Z", "2026-11-10T00:00:00Z", "2026-11-22T23:00:00Z"}) {
    write(log_.string() + "." + time, "x");
  }
  const auto log = read_store_log(log_);
  ASSERT_TRUE(compact_store_log(log_, *log, clock_));
  const auto there = [&](const char* time) { return std::filesystem::exists(log_.string() + "." + time); };
  EXPECT_FALSE(there("2026-09-01T00:00:00Z"));
  EXPECT_FALSE(there("2026-09-02T00:00:00Z"));
  EXPECT_TRUE(there("2026-10-28T00:00:00Z"));
  EXPECT_TRUE(there("2026-10-29T00:00:00Z"));
  EXPECT_TRUE(there("2026-11-10T00:00:00Z"));
  EXPECT_TRUE(there("2026-11-22T23:00:00Z"));
  EXPECT_TRUE(there("2026-11-23T00:00:00Z"));
}

TEST_F(StoreLogFiles, AFullDiskIsToldToTheWriterOfTheRecord) {
  auto full = server_kit::AppendFile::open("/dev/full", server_kit::public_file);
  ASSERT_TRUE(full);
  MemoryStore store(std::make_shared<StoreLog>(std::move(*full)));
  std::vector<Result<>> answers;
  const auto note = [&](Result<> answer) { answers.push_back(std::move(answer)); };
  RecordMaker maker(6);
  store.write(maker.record(), note);
  store.write(maker.record(), note);
  EXPECT_THAT(answers, SizeIs(0));
  store.flush();
  ASSERT_THAT(answers, SizeIs(2));
  for (const auto& answer : answers) {
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().kind, ErrorKind::storage);
  }
}

TEST_F(StoreLogFiles, MessagesAreSavedInOrderAndReadBack) {
  const auto file = directory_ / "smp-server-messages.log";
  RecordMaker maker(7);
  const auto queue = maker.id<RecipientId>();
  {
    auto writer = MessageLogWriter::begin(file);
    ASSERT_TRUE(writer);
    for (int i = 0; i < 3; ++i) {
      StoredMessage message{maker.id<MessageId>(), 100 + i, i == 1, false, Bytes(10, static_cast<std::uint8_t>(i))};
      ASSERT_TRUE(writer->add(queue, message));
    }
    ASSERT_TRUE(writer->commit());
  }
  const auto messages = read_messages(file);
  ASSERT_TRUE(messages);
  ASSERT_THAT(messages->queues, SizeIs(1));
  ASSERT_THAT(messages->queues[0].messages, SizeIs(3));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(messages->queues[0].messages[static_cast<std::size_t>(i)]->sent_at, 100 + i);
}

}  // namespace
}  // namespace simplex::smp::server
