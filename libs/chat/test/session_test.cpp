#include "session.hpp"

#include <gmock/gmock.h>

#include <limits>

#include "simplex/testing/random.hpp"
#include "simplex/world/scheduler.hpp"
#include "fake_agent.hpp"
#include "schema.hpp"

namespace simplex::chat {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr const char* bob_info =
    R"({"v":"1-16","event":"x.info","params":{"profile":{"displayName":"bob","fullName":"Bob"}}})";

// Alice's chat over a fake agent, with a database in a folder of its own that survives reopen().
class ChatTest : public ::testing::Test {
 protected:
  ChatTest() {
    folder_ = ::testing::TempDir() + "chat_" + ::testing::UnitTest::GetInstance()->current_test_info()->name() +
              std::to_string(getpid());
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    reopen();
    EXPECT_TRUE(chat_->create_user("alice", ""));
    start();
  }
  ~ChatTest() override {
    chat_.reset();
    std::filesystem::remove_all(folder_);
  }

  void reopen() {
    chat_.reset();
    store::OpenOptions options;
    options.path = folder_ + "/chat.db";
    auto database = store::Database::open(std::move(options)).value();
    ASSERT_TRUE(store::migrate(database, chat_migrations(), loop_));
    ChatStore store(std::move(database), loop_);
    auto user = store.user().value();
    const auto last_event = store.last_event().value();
    auto agent = std::make_unique<FakeAgent>(record_);
    agent_ = agent.get();
    chat_ = std::make_unique<ChatSession>(agent::Dependencies{loop_, random_, log_, connector_}, std::move(store),
                                          std::move(agent), true, true, std::move(user), last_event);
  }
  void start() {
    chat_->start([this](const Happening& happening) { happenings_.push_back(happening); });
  }
  void restart() {
    reopen();
    start();
  }

  // Runs the command and returns its answer, waiting at most a virtual minute.
  Result<Answer> execute(std::string_view line) {
    std::optional<Result<Answer>> answer;
    chat_->execute(parse_command(line).value(), [&](Result<Answer> a) { answer = std::move(a); });
    time_.run_until([&] { return answer.has_value(); }, std::chrono::minutes(1));
    return answer ? std::move(*answer) : fail(ErrorKind::timeout, "no answer");
  }

  agent::ConnectionId connect_bob(std::int64_t first_event = 1) {
    (void)execute("/c");
    const auto connection = record_.created.back();
    agent_->say(first_event, agent::InvitationReady{connection, "simplex:/invitation#/?v=2"});
    agent_->say(first_event + 1,
                agent::ConfirmationReceived{connection, agent::ConfirmationId(1), to_bytes(bob_info), true});
    agent_->say(first_event + 2, agent::Connected{connection, true});
    return connection;
  }

  agent::MessageReceived message(const agent::ConnectionId& connection, std::int64_t number, std::string_view body) {
    return {connection,
            agent::MessageId(number),
            agent::SenderMessageId(number),
            to_bytes(body),
            agent::IntegrityOk{},
            loop_.wall(),
            loop_.wall(),
            true};
  }
  static std::string text_body(std::string_view text, std::string_view id) {
    return encode_chat_message(
        {supported_chat_versions, SharedMessageId(as_bytes(id)), event::MessageNew{text_content(text)}});
  }
  std::vector<std::string> history() {
    std::vector<std::string> texts;
    const auto answer = execute("/tail");
    for (const auto& item : std::get<answer::History>(answer.value()).items) texts.push_back(item.text);
    return texts;
  }
  std::vector<std::string> contact_names() {
    std::vector<std::string> names;
    const auto answer = execute("/contacts");
    for (const auto& contact : std::get<answer::Contacts>(answer.value()).contacts) names.push_back(contact.name);
    return names;
  }

  class NoConnector final : public transport::Connector {
    std::unique_ptr<Attempt> connect(async::Loop&, transport::ConnectOptions,
                                     std::move_only_function<void(Result<transport::ChannelPtr>)>) override {
      return nullptr;
    }
  };

  world::Scheduler time_;
  world::SimLoop loop_{time_};
  testing::SeededRandom random_{1};
  NullLogger log_;
  NoConnector connector_;
  AgentRecord record_;
  FakeAgent* agent_ = nullptr;
  std::unique_ptr<ChatSession> chat_;
  std::vector<Happening> happenings_;
  std::string folder_;
};

TEST_F(ChatTest, NamesThatCannotBeTypedAreRefused) {
  for (const char* name : {"", " alice", "al/ice", "@alice", "a'b", "a\nb", "a,b"}) {
    AgentRecord record;
    EXPECT_FALSE(chat_->create_user(name, "")) << name;
  }
  EXPECT_FALSE(chat_->create_user(std::string(51, 'a'), ""));
  EXPECT_THAT(chat_->create_user("al\xFF", "").error().message, HasSubstr("UTF-8"));
}

TEST_F(ChatTest, FiftyCharactersOfAnyScriptAreAName) {
  std::string name;
  for (int i = 0; i < 50; ++i) name += "\u0436";
  EXPECT_EQ(chat_->create_user(name, "").error().kind, ErrorKind::conflict);  // alice is here; the name is good
  EXPECT_EQ(chat_->create_user(name + "\u0436", "").error().kind, ErrorKind::malformed);
}

TEST_F(ChatTest, TextThatIsNotUtf8IsRefused) {
  connect_bob();
  EXPECT_THAT(execute("@bob caf\xE9").error().message, HasSubstr("UTF-8"));
  EXPECT_THAT(history(), IsEmpty());
  EXPECT_TRUE(execute("@bob caf\u00E9"));
}

TEST_F(ChatTest, InvitationIsAnsweredWhenTheRelayHasTheQueue) {
  std::string link;
  chat_->execute(command::CreateInvitation{},
                 [&](Result<Answer> a) { link = std::get<answer::Invitation>(a.value()).link; });
  agent_->say(1, agent::InvitationReady{record_.created.back(), "simplex:/invitation#/?v=2"});
  EXPECT_EQ(link, "simplex:/invitation#/?v=2");
  EXPECT_THAT(record_.handled, ElementsAre(1));
}

TEST_F(ChatTest, UnreachableRelayKeepsTheUserWaitingFifteenSeconds) {
  const auto started = loop_.now();
  const auto answer = execute("/c");
  ASSERT_TRUE(answer);
  EXPECT_TRUE(std::holds_alternative<answer::StillConnecting>(*answer));
  EXPECT_EQ(loop_.now() - started, std::chrono::seconds(15));
  agent_->say(1, agent::InvitationReady{record_.created.back(), "simplex:/invitation#/?v=2"});
  ASSERT_THAT(happenings_, SizeIs(1));
  EXPECT_TRUE(std::holds_alternative<happening::InvitationReady>(happenings_[0]));
}

TEST_F(ChatTest, JunkLinkIsAnErrorAndLeavesNothing) {
  const auto answer = execute("/c https://example.com/nothing");
  ASSERT_FALSE(answer);
  EXPECT_THAT(answer.error().message, HasSubstr("not a SimpleX link"));
  EXPECT_THAT(contact_names(), IsEmpty());
}

TEST_F(ChatTest, ConfirmationMakesTheContactAndShowsOurProfile) {
  connect_bob();
  EXPECT_THAT(contact_names(), ElementsAre("bob"));
  ASSERT_THAT(record_.allowed, SizeIs(1));
  EXPECT_THAT(record_.allowed[0].second, HasSubstr("\"displayName\":\"alice\""));
  EXPECT_TRUE(std::holds_alternative<happening::ContactConnected>(happenings_.back()));
}

TEST_F(ChatTest, RepeatedConfirmationAllowsAgainButMakesNoSecondContact) {
  const auto connection = connect_bob();
  restart();
  agent_->say(2, agent::ConfirmationReceived{connection, agent::ConfirmationId(1), to_bytes(bob_info), true});
  EXPECT_THAT(contact_names(), ElementsAre("bob"));
  EXPECT_THAT(record_.allowed, SizeIs(2));
}

TEST_F(ChatTest, TakenNameGetsANumber) {
  connect_bob(1);
  connect_bob(10);
  EXPECT_THAT(contact_names(), ElementsAre("bob", "bob_1"));
}

TEST_F(ChatTest, ReceivedMessageIsStoredThenAcknowledgedAndShownOnce) {
  const auto connection = connect_bob();
  const auto event = message(connection, 7, text_body("hello", "id1"));
  agent_->say(4, event);
  EXPECT_THAT(record_.acknowledged, ElementsAre(7));
  restart();
  agent_->say(4, event);  // killed before the acknowledgement was durable
  EXPECT_THAT(record_.acknowledged, ElementsAre(7, 7));
  EXPECT_THAT(history(), ElementsAre("hello"));
}

TEST_F(ChatTest, SameSharedIdIsOneMessage) {
  const auto connection = connect_bob();
  agent_->say(4, message(connection, 7, text_body("hello", "id1")));
  agent_->say(5, message(connection, 8, text_body("hello", "id1")));
  EXPECT_THAT(history(), ElementsAre("hello"));
}

TEST_F(ChatTest, SentMessageIsHandedOverWithTheSameKeyAfterAKill) {
  connect_bob();
  ASSERT_TRUE(execute("@bob one"));
  ASSERT_TRUE(execute("@bob two"));
  restart();
  ASSERT_THAT(record_.sent, SizeIs(2));
  EXPECT_EQ(record_.send_calls, 4);
  EXPECT_THAT(record_.sent[0].body, HasSubstr("\"text\":\"one\""));
  EXPECT_THAT(history(), ElementsAre("one", "two"));
}

TEST_F(ChatTest, MessageIsKeptWhenTheAgentCannotStoreIt) {
  connect_bob();
  record_.refuse_sending = Error{ErrorKind::storage, "The disk is full.", Advice::retry};
  ASSERT_TRUE(execute("@bob one"));
  EXPECT_THAT(record_.sent, IsEmpty());
  record_.refuse_sending.reset();
  time_.advance(std::chrono::seconds(6));
  EXPECT_THAT(record_.sent, SizeIs(1));
}

TEST_F(ChatTest, DeliveryIsShown) {
  const auto connection = connect_bob();
  ASSERT_TRUE(execute("@bob one"));
  agent_->say(4, agent::MessageSent{connection, agent::MessageId(1)});
  ASSERT_TRUE(std::holds_alternative<happening::MessageDelivered>(happenings_.back()));
  EXPECT_EQ(std::get<happening::MessageDelivered>(happenings_.back()).item.text, "one");
  restart();
  EXPECT_EQ(record_.send_calls, 1);
}

TEST_F(ChatTest, NobodyToWriteTo) {
  EXPECT_EQ(execute("@carol hi").error().kind, ErrorKind::not_found);
  (void)execute("/c");
  const auto connection = record_.created.back();
  agent_->say(1, agent::ConfirmationReceived{connection, agent::ConfirmationId(1), to_bytes(bob_info), true});
  EXPECT_THAT(execute("@bob hi").error().message, HasSubstr("not connected yet"));
  EXPECT_THAT(execute("@Bo hi").error().message, HasSubstr("Is it @bob?"));
}

TEST_F(ChatTest, MissingAndUnreadableMessagesAreSaid) {
  const auto connection = connect_bob();
  auto gap = message(connection, 9, text_body("later", "id2"));
  gap.integrity = agent::IntegritySkipped{agent::SenderMessageId(3), agent::SenderMessageId(5)};
  agent_->say(4, gap);
  agent_->say(5, message(connection, 10, "garbage"));
  EXPECT_THAT(record_.acknowledged, ElementsAre(9, 10));
  EXPECT_THAT(history(), ElementsAre("3 messages are missing here", "later", HasSubstr("could not be understood")));
}

TEST_F(ChatTest, UnknownContentShowsWhatItIs) {
  const auto connection = connect_bob();
  agent_->say(4, message(connection, 1,
                         R"({"v":"1","event":"x.msg.new","params":{"content":{"type":"image","text":"look",)"
                         R"("image":"data:"},"file":{"fileName":"a.jpg","fileSize":1}}})"));
  agent_->say(5, message(connection, 2,
                         R"({"v":"1","event":"x.msg.update","params":{"msgId":"AQID","content":)"
                         R"({"type":"text","text":"new words"}}})"));
  agent_->say(6, message(connection, 3, R"({"v":"1","event":"x.later","params":{}})"));
  EXPECT_THAT(history(), ElementsAre("[file a.jpg] look", "[edited] new words"));
}

TEST_F(ChatTest, ContactThatDeletedUsIsGone) {
  const auto connection = connect_bob();
  agent_->say(4, message(connection, 1, R"({"v":"1","event":"x.direct.del","params":{}})"));
  EXPECT_THAT(record_.deleted, ElementsAre(connection));
  EXPECT_THAT(execute("@bob hi").error().message, HasSubstr("deleted"));
}

TEST_F(ChatTest, DeletedContactIsToldBeforeTheConnectionGoes) {
  const auto connection = connect_bob();
  ASSERT_TRUE(execute("/delete @bob"));
  EXPECT_THAT(contact_names(), IsEmpty());
  ASSERT_THAT(record_.sent, SizeIs(1));
  EXPECT_THAT(record_.sent[0].body, HasSubstr("x.direct.del"));
  EXPECT_THAT(record_.deleted, IsEmpty());
  agent_->say(4, agent::MessageSent{connection, agent::MessageId(1)});
  EXPECT_THAT(record_.deleted, ElementsAre(connection));
  agent_->say(5, agent::ConnectionDeleted{connection});
  agent_->say(6, message(connection, 2, text_body("too late", "id9")));
  EXPECT_THAT(history(), IsEmpty());
}

TEST_F(ChatTest, ConnectionOfADeletedContactGoesAfterTheNoticeNotAfterAnEarlierMessage) {
  const auto connection = connect_bob();
  ASSERT_TRUE(execute("@bob one"));
  ASSERT_TRUE(execute("@bob two"));
  ASSERT_TRUE(execute("/delete @bob"));
  agent_->say(4, agent::MessageSent{connection, agent::MessageId(1)});
  restart();
  agent_->say(5, agent::MessageFailed{connection, agent::MessageId(2), agent::Failure::quota, {}});
  EXPECT_THAT(record_.deleted, IsEmpty());
  agent_->say(6, agent::MessageSent{connection, agent::MessageId(3)});
  EXPECT_THAT(record_.deleted, ElementsAre(connection));
}

TEST_F(ChatTest, ContactIsToldAfterARestartWhenTheProgramWasKilledBetween) {
  const auto connection = connect_bob();
  ASSERT_TRUE(execute("@bob one"));
  record_.refuse_sending = Error{ErrorKind::storage, "The disk is full.", Advice::retry};
  EXPECT_FALSE(execute("/delete @bob"));
  EXPECT_THAT(contact_names(), IsEmpty());
  EXPECT_THAT(record_.deleted, IsEmpty());
  record_.refuse_sending.reset();
  restart();
  ASSERT_THAT(record_.sent, SizeIs(2));
  EXPECT_THAT(record_.sent[1].body, HasSubstr("x.direct.del"));
  restart();
  EXPECT_THAT(record_.sent, SizeIs(2));
  agent_->say(4, agent::MessageSent{connection, agent::MessageId(2)});
  EXPECT_THAT(record_.deleted, ElementsAre(connection));
}

TEST_F(ChatTest, ProfileSaysWhatThisProgramDoesNotDo) {
  connect_bob();
  ASSERT_THAT(record_.allowed, SizeIs(1));
  const auto elements = parse_chat_messages(as_bytes(record_.allowed[0].second));
  ASSERT_THAT(elements, SizeIs(1));
  const auto& info = std::get<event::Info>(std::get<ChatMessage>(elements[0]->content).event);
  EXPECT_EQ(
      info.profile.preferences,
      R"({"calls":{"allow":"no"},"files":{"allow":"no"},"reactions":{"allow":"no"},"timedMessages":{"allow":"no"},)"
      R"("voice":{"allow":"no"}})");
}

TEST_F(ChatTest, AContactCannotFillTheScreenWithOneMessage) {
  const auto connection = connect_bob();
  std::string junk = "[0";
  for (int i = 0; i < 7'000; ++i) junk += ",0";
  happenings_.clear();
  agent_->say(10, message(connection, 5, junk + "]"));
  EXPECT_THAT(happenings_, SizeIs(1));
  EXPECT_THAT(history(), ElementsAre(HasSubstr("7001 messages could not be understood")));
}

TEST_F(ChatTest, TheWidestGapOfNumbersIsCounted) {
  const auto connection = connect_bob();
  auto after_gap = message(connection, 5, text_body("here", "123456789012"));
  after_gap.integrity = agent::IntegritySkipped{agent::SenderMessageId(std::numeric_limits<std::int64_t>::min() + 1),
                                                agent::SenderMessageId(std::numeric_limits<std::int64_t>::max() - 1)};
  agent_->say(10, after_gap);
  EXPECT_THAT(history(), ElementsAre("18446744073709551614 messages are missing here", "here"));
}

TEST_F(ChatTest, AContactsNameIsMadeFitForCommands) {
  connect_bob();
  (void)execute("/c");
  agent_->say(
      20,
      agent::ConfirmationReceived{
          record_.created.back(), agent::ConfirmationId(2),
          to_bytes(std::string_view(
              R"({"v":"1-16","event":"x.info","params":{"profile":{"displayName":"\n@\u200bbob","fullName":""}}})")),
          true});
  EXPECT_THAT(contact_names(), ElementsAre("bob", "bob_1"));
}

TEST_F(ChatTest, RepeatedNumberIsSaidAndTheMessageShown) {
  const auto connection = connect_bob();
  auto repeated = message(connection, 9, text_body("hello", "id2"));
  repeated.integrity = agent::IntegrityDuplicate{};
  agent_->say(4, repeated);
  EXPECT_THAT(history(), ElementsAre("the number of the next message was used before", "hello"));
}

TEST_F(ChatTest, FailureIsShownWithItsReason) {
  const auto connection = connect_bob();
  ASSERT_TRUE(execute("@bob one"));
  agent_->say(
      4, agent::MessageFailed{connection, agent::MessageId(1), agent::Failure::authorization,
                              Error{ErrorKind::authentication, "The contact has deleted the queue.", Advice::give_up}});
  ASSERT_TRUE(std::holds_alternative<happening::MessageFailed>(happenings_.back()));
  EXPECT_EQ(std::get<happening::MessageFailed>(happenings_.back()).reason, "The contact has deleted the queue.");
}

TEST_F(ChatTest, DatabaseOfANewerProgramIsRefusedWithWhatToDo) {
  std::vector<store::Migration> newer(chat_migrations().begin(), chat_migrations().end());
  newer.push_back(
      {newer.back().number + 1, "of the future", "CREATE TABLE future (x INTEGER) STRICT", "DROP TABLE future"});
  store::OpenOptions options;
  options.path = folder_ + "/newer_chat.db";
  {
    auto database = store::Database::open(std::move(options)).value();
    ASSERT_TRUE(store::migrate(database, newer, loop_));
  }
  ChatConfig config;
  config.prefix = folder_ + "/newer";
  const auto opened = Chat::open({loop_, random_, log_, connector_}, std::move(config));
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind, ErrorKind::version);
  EXPECT_THAT(opened.error().message, HasSubstr("Update the program"));
}

TEST_F(ChatTest, DatabaseOfAnotherProgramIsRefused) {
  std::filesystem::copy_file(SIMPLEX_SOURCE_DIR "/tests/samples/chat/alice_chat.db", folder_ + "/other_chat.db");
  ChatConfig config;
  config.prefix = folder_ + "/other";
  config.passphrase = SecretBytes(as_bytes("sample-key"));
  const auto opened = Chat::open({loop_, random_, log_, connector_}, std::move(config));
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind, ErrorKind::conflict);
  EXPECT_FALSE(std::filesystem::exists(folder_ + "/other_agent.db"));
}

}  // namespace
}  // namespace simplex::chat
