#include "simplex/smp/stores/files.hpp"

#include <gmock/gmock.h>
#include <unistd.h>

#include <fstream>
#include <map>

#include "simplex/encoding/base64.hpp"
#include "simplex/smp/stores/journal.hpp"

namespace simplex::smp::stores {
namespace {

using server::RecipientId;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
namespace fs = std::filesystem;

const fs::path samples = SIMPLEX_SOURCE_DIR "/tests/samples";

// What was read, as text.
class Collected final : public server::StateSink {
 public:
  Result<> add_service(const server::ServiceRecord&) override {
    ++services;
    return {};
  }
  Result<> add_queue(const server::QueueRecord& queue) override {
    EXPECT_TRUE(messages.empty()) << "queues come before messages";
    queues.push_back(server::format_queue(queue));
    return {};
  }
  Result<> add_message(const RecipientId& queue, const server::StoredMessage& message) override {
    if (!(queue == last)) EXPECT_FALSE(positions.contains(queue)) << "those of one queue come together";
    last = queue;
    EXPECT_GT(message.position, positions[queue]);
    positions[queue] = message.position;
    messages.push_back(server::format_message(queue, message));
    return {};
  }
  Result<> commit() override { return {}; }

  int services = 0;
  RecipientId last;
  std::map<RecipientId, std::uint64_t> positions;
  std::vector<std::string> queues;
  std::vector<std::string> messages;
};

class Files : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("smp_files_test_" + std::to_string(::getpid()));
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  static std::string read(const fs::path& file) {
    const auto content = server_kit::read_file(file);
    return content ? std::string(as_text(*content)) : std::string();
  }
  static void write(const fs::path& file, std::string_view text) {
    fs::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << text;
  }
  // A copy of the journal sample, to be damaged.
  RelayFiles journal() {
    fs::copy(samples / "smp-journal/log", folder_ / "log", fs::copy_options::recursive);
    return {folder_ / "log/smp-server-store.log", {}, folder_ / "log/messages"};
  }
  static fs::path state_file(const RelayFiles& files) {
    return *files.journal / "__/-0/vx/NQ/rrGDz72oQX76JgaEz_kkzIZA/queue_state.__-0vxNQrrGDz72oQX76JgaEz_kkzIZA.log";
  }
  static fs::path message_file(const RelayFiles& files) {
    return state_file(files).parent_path() / "messages.SdHipr8puP0QSXb4.log";
  }
  static ReadReport read_all(const RelayFiles& files, Collected& into) {
    auto report = read_files(files, into, {});
    EXPECT_TRUE(report) << report.error().message;
    return report ? std::move(*report) : ReadReport();
  }

  fs::path folder_;
};

TEST_F(Files, TheReferencesMemoryRelayIsRead) {
  const auto log = samples / "smp-memory/log";
  Collected collected;
  const auto report = read_all({log / "smp-server-store.log", log / "smp-server-messages.log", {}}, collected);
  EXPECT_THAT(report.problems, IsEmpty());
  EXPECT_EQ(report.read.queues, 2u);
  EXPECT_EQ(report.read.messages, 3u);
  EXPECT_THAT(collected.messages, SizeIs(3));
}

TEST_F(Files, TheReferencesJournalHasWhatWasNotDelivered) {
  const auto files = journal();
  Collected collected;
  const auto report = read_all(files, collected);
  EXPECT_THAT(report.problems, IsEmpty());
  EXPECT_EQ(report.orphans, 0u);
  ASSERT_THAT(collected.messages, SizeIs(3));
  // Messages 6, 7 and 8 of the file.
  std::ifstream lines(message_file(files));
  std::string line;
  for (int number = 1; std::getline(lines, line); ++number) {
    if (number > 5)
      EXPECT_EQ(collected.messages[static_cast<std::size_t>(number - 6)],
                "v3 __-0vxNQrrGDz72oQX76JgaEz_kkzIZA " + line);
  }
}

TEST_F(Files, AStateThatWasCutOffStillTellsWhereReadingIs) {
  const auto files = journal();
  const auto whole = read(state_file(files));
  // Inside "size=3", inside "canWrite": all is known. Before that the state of the line before it counts: one message less.
  for (const auto& [cut, messages] : {std::pair<std::size_t, std::size_t>{1, 3}, {2, 3}, {10, 3}, {30, 2}}) {
    write(state_file(files), whole.substr(0, whole.size() - cut));
    Collected collected;
    const auto report = read_all(files, collected);
    EXPECT_THAT(collected.messages, SizeIs(messages)) << cut;
    EXPECT_THAT(report.problems, SizeIs(messages == 3 ? 0 : 1)) << cut;
  }
}

TEST_F(Files, ALineThatContradictsItselfIsTold) {
  const auto files = journal();
  write(state_file(files), read(state_file(files)) +
                               "write=SdHipr8puP0QSXb4,8,8,171492,171492 read=SdHipr8puP0QSXb4,9,8,107157,171492 "
                               "canWrite=T size=3\n");
  Collected collected;
  const auto report = read_all(files, collected);
  ASSERT_THAT(report.problems, SizeIs(1));
  EXPECT_THAT(format(report.problems[0]), HasSubstr(".log:14: the state of the queue contradicts itself"));
  EXPECT_THAT(collected.messages, SizeIs(3));
}

TEST_F(Files, AnInterruptedRewriteOfTheStateIsUndone) {
  const auto files = journal();
  fs::rename(state_file(files), state_file(files).string() + ".bak");
  write(state_file(files), "write=");
  Collected collected;
  EXPECT_THAT(read_all(files, collected).problems, IsEmpty());
  EXPECT_THAT(collected.messages, SizeIs(3));
}

TEST_F(Files, MessagesOfTheNextJournalFollow) {
  const auto files = journal();
  const auto next = state_file(files).parent_path() / "messages.AAAA.log";
  const auto line = read(message_file(files)).substr(0, 21'377);
  write(next, line + "what was not in the state yet\n");
  write(state_file(files), "write=AAAA,1,1,21377,21377 read=SdHipr8puP0QSXb4,7,8,150047,171492 canWrite=T size=2\n");
  {
    Collected collected;
    EXPECT_THAT(read_all(files, collected).problems, IsEmpty());
    ASSERT_THAT(collected.messages, SizeIs(2));
    EXPECT_THAT(collected.messages[1] + "\n", HasSubstr(line));
  }
  fs::remove(message_file(files));
  Collected collected;
  EXPECT_THAT(read_all(files, collected).problems, SizeIs(1));
  EXPECT_THAT(collected.messages, SizeIs(1));
}

// The recipient gets what is there; the operator is told of what is not.
TEST_F(Files, AJournalOfWhichFilesAreMissingGivesTheRest) {
  const auto files = journal();
  write(state_file(files), "write=AAAA,1,1,21377,21377 read=SdHipr8puP0QSXb4,7,8,150047,171492 canWrite=T size=2\n");
  {
    Collected collected;  // the file that was written to is gone
    EXPECT_THAT(read_all(files, collected).problems, SizeIs(1));
    EXPECT_THAT(collected.messages, SizeIs(1));
  }
  fs::remove(message_file(files));
  {
    Collected collected;
    EXPECT_THAT(read_all(files, collected).problems, SizeIs(2));
    EXPECT_THAT(collected.messages, IsEmpty());
    EXPECT_THAT(collected.queues, SizeIs(2)) << "the queue itself is kept";
  }
  fs::remove(state_file(files));
  Collected collected;
  read_all(files, collected);
  EXPECT_THAT(collected.messages, IsEmpty());
  EXPECT_THAT(collected.queues, SizeIs(2));
}

TEST_F(Files, DamagedMessagesAreNamedAndTheOthersAreRead) {
  const auto files = journal();
  auto text = read(message_file(files));
  text[107'157 + 3] = ' ';
  write(message_file(files), text.substr(0, text.size() - 100));
  Collected collected;
  const auto report = read_all(files, collected);
  EXPECT_THAT(collected.messages, SizeIs(1));
  ASSERT_THAT(report.problems, SizeIs(3));
  EXPECT_THAT(format(report.problems[0]), HasSubstr("ends 100 octets early"));
  EXPECT_THAT(format(report.problems[1]), HasSubstr("messages.SdHipr8puP0QSXb4.log:6: "));
  EXPECT_THAT(format(report.problems[2]), HasSubstr("messages.SdHipr8puP0QSXb4.log:8: "));
}

TEST_F(Files, NothingIsChangedByReading) {
  const auto files = journal();
  write(files.store_log, read(files.store_log) + "NONSENSE\n");
  fs::copy_file(files.store_log, files.store_log.string() + ".start");
  const auto names = [&] {
    std::map<std::string, std::string> made;
    for (const auto& entry : fs::recursive_directory_iterator(folder_)) {
      if (entry.is_regular_file()) made[entry.path().string()] = read(entry.path());
    }
    return made;
  };
  const auto before = names();
  Collected collected;
  const auto report = read_all(files, collected);
  ASSERT_THAT(report.problems, SizeIs(1));
  EXPECT_THAT(format(report.problems[0]), HasSubstr("smp-server-store.log.start:6: "));
  EXPECT_EQ(names(), before);
}

TEST_F(Files, MessagesWithoutTheirQueueAreCounted) {
  const auto files = journal();
  write(files.store_log, "");
  Collected collected;
  const auto report = read_all(files, collected);
  EXPECT_EQ(report.orphans, 3u);
  EXPECT_THAT(collected.messages, IsEmpty());

  const auto log = samples / "smp-memory/log";
  EXPECT_EQ(read_all({files.store_log, log / "smp-server-messages.log", {}}, collected).orphans, 3u);
}

TEST_F(Files, WhatIsWrittenIsReadBackTheSame) {
  const auto from = samples / "smp-memory/log";
  const RelayFiles source{from / "smp-server-store.log", from / "smp-server-messages.log", {}};
  Collected original;
  (void)read_all(source, original);
  const auto journals = folder_ / "messages";
  for (const auto& target :
       {RelayFiles{folder_ / "a.log", folder_ / "a-messages.log", {}}, RelayFiles{folder_ / "b.log", {}, journals}}) {
    {
      auto sink = write_files(target);
      ASSERT_TRUE(sink) << sink.error().message;
      ASSERT_TRUE(read_files(source, **sink, {}));
      EXPECT_FALSE(fs::exists(target.store_log)) << "nothing is there before commit()";
      ASSERT_TRUE((*sink)->commit());
    }
    Collected again;
    EXPECT_THAT(read_all(target, again).problems, IsEmpty());
    EXPECT_EQ(again.queues, original.queues);
    EXPECT_EQ(again.messages, original.messages);
    EXPECT_FALSE(write_files(target)) << "existing files are not overwritten";
  }
  EXPECT_EQ(read(folder_ / "a-messages.log"), read(from / "smp-server-messages.log"));
}

TEST_F(Files, WhatIsNotCommittedIsNotThere) {
  const RelayFiles target{folder_ / "a.log", folder_ / "m.log", folder_ / "messages"};
  {
    auto sink = write_files(target);
    ASSERT_TRUE(sink);
    const auto from = samples / "smp-memory/log";
    ASSERT_TRUE(read_files({from / "smp-server-store.log", from / "smp-server-messages.log", {}}, **sink, {}));
  }
  EXPECT_TRUE(fs::is_empty(folder_));
}

TEST_F(Files, MessagesOfAQueueThatAreScatteredInTheFileComeTogether) {
  const auto from = samples / "smp-journal/log";
  const auto store_log = read(from / "smp-server-store.log");
  const std::string a = "__-0vxNQrrGDz72oQX76JgaEz_kkzIZA";
  const std::string b = "f6C1OWmpCf-ugWAvfc83uyPt-GbswYnK";
  std::string text;
  for (int i = 0; i < 6; ++i) {
    text += "v3 " + (i % 2 == 0 ? a : b) + " " + base64url(Bytes(24, static_cast<std::uint8_t>(i))) + " 17 flags=F \n";
  }
  write(folder_ / "m.log", text);
  Collected collected;
  const auto report = read_all({from / "smp-server-store.log", folder_ / "m.log", {}}, collected);
  EXPECT_THAT(report.problems, IsEmpty());
  EXPECT_THAT(collected.messages, SizeIs(6));
}

TEST(JournalState, OnlyWhatTheReferenceWritesIsAccepted) {
  const std::string good = "write=A,2,2,20,20 read=A,1,2,10,20 canWrite=T size=1";
  ASSERT_TRUE(parse_journal_state(good, true));
  EXPECT_EQ(format_journal_state(*parse_journal_state(good, true)), good);
  for (const std::string bad :
       {"", "write=", "write=A,2,2,20 read=A,1,2,10,20 canWrite=T size=1",
        "write=A,2,2,20,20 read=A,1,2,10,20 canWrite=T size=2",
        "write=A,2,2,20,20 read=A,1,2,10,20 canWrite=T size=1 x",
        "write=../../x,2,2,20,20 read=../../x,1,2,10,20 canWrite=T size=1",
        "write=A,2,2,20,20 read=A,3,2,10,20 canWrite=T size=1", "write=A,2,2,20,20 read=A,-1,2,10,20 canWrite=T size=1",
        "write=A,2,2,20,20 read=A,1,2,10,99999999999999999999999 canWrite=T size=1"}) {
    EXPECT_FALSE(parse_journal_state(bad, true)) << bad;
  }
}

}  // namespace
}  // namespace simplex::smp::stores
