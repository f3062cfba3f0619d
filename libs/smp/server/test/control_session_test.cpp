// The control port's conversation, with a relay that is only said to be there.
#include "simplex/smp/server/control_session.hpp"

#include <gtest/gtest.h>

#include "simplex/encoding/base64.hpp"
#include "simplex/testing/vectors.hpp"

namespace simplex::smp::server {
namespace {

class FakeBackend final : public ControlBackend {
 public:
  const ControlCredentials& passwords() const override { return secrets; }
  void stats(bool admin, Text done) override { done(admin ? "stats for admin\n" : "stats\n"); }
  void runtime(Text done) override { done("runtime\n"); }
  void clients(Text done) override { done("clients\n"); }
  void threads(Text done) override { done("threads\n"); }
  void sockets(Text done) override { done("sockets\n"); }
  void server_info(bool, Text done) override { done("info\n"); }
  void save(Text done) override { done("saved\n"); }
  void control(QueueControl control) override {
    asked.push_back({control.action, control.kind, control.id, control.blocking});
    if (hold) {
      held = std::move(control.done);
      return;
    }
    if (control.kind != exists_as || control.id != exists) {
      return control.done(fail(ErrorKind::not_found, "there is no such queue"));
    }
    control.done(answer);
  }
  std::optional<std::string> no_more_blocking() const override { return refuse_block; }
  void note_blocked() override { ++blocked; }
  void note_command(std::string_view name) override { log += std::string(name) + "\n"; }

  struct Asked {
    QueueAction action;
    IdKind kind;
    DirectoryId id;
    std::optional<Blocking> blocking;
  };
  ControlCredentials secrets{protocol::BasicAuth::from(as_bytes("admin-secret")).value(),
                             protocol::BasicAuth::from(as_bytes("user-secret")).value()};
  std::vector<Asked> asked;
  IdKind exists_as = IdKind::sender;
  DirectoryId exists = *DirectoryId::from(Bytes(24, 7));
  QueueControl::Answer answer;
  std::optional<std::string> refuse_block;
  int blocked = 0;
  std::string log;
  bool hold = false;
  std::move_only_function<void(Result<QueueControl::Answer>)> held;
};

class Control : public ::testing::Test {
 protected:
  std::string ask(std::string_view line) {
    std::string got = "no answer";
    session_->receive(line, [&](std::string text, bool close) {
      got = std::move(text);
      closed_ = close;
    });
    return got;
  }
  FakeBackend backend_;
  std::unique_ptr<ControlSession> session_ = std::make_unique<ControlSession>(backend_);
  bool closed_ = false;
  const std::string id_ = base64url(Bytes(24, 7));
};

TEST_F(Control, WithoutPasswordThereIsLittle) {
  EXPECT_EQ(ControlSession::greeting(), "SMP server control port\n'help' for supported commands\n");
  for (const auto* command :
       {"stats", "clients", "sockets", "socket-threads", "threads", "server-info", "save", "suspend", "resume",
        "delete AAAA", "status AAAA", "block AAAA reason=spam", "unblock AAAA"}) {
    EXPECT_TRUE(ask(command).starts_with("AUTH: ")) << command;
  }
  EXPECT_TRUE(backend_.asked.empty());
  EXPECT_EQ(ask("stats-rts"), "runtime\n");
  const auto help = ask("help");
  EXPECT_TRUE(help.starts_with("commands: stats, stats-rts, clients"));
  for (const auto* command :
       {"stats", "stats-rts", "clients", "sockets", "socket-threads", "threads", "server-info", "status ID", "block ID",
        "unblock ID", "delete ID", "save", "suspend", "resume", "auth PASSWORD", "help", "quit"}) {
    EXPECT_NE(help.find(command), help.npos) << command;
  }
  EXPECT_EQ(ask(""), "");
  EXPECT_TRUE(ask("something").starts_with("error: "));
  EXPECT_FALSE(closed_);
  EXPECT_EQ(ask("quit"), "");
  EXPECT_TRUE(closed_);
}

TEST_F(Control, EachPasswordHasItsRole) {
  EXPECT_EQ(ask("auth wrong"), "Current role is CPRNone (wrong password)\n");
  EXPECT_EQ(ask("auth"), "Current role is CPRNone (wrong password)\n");
  EXPECT_EQ(ask("auth user-secret"), "Current role is CPRUser\n");
  EXPECT_EQ(ask("stats"), "stats\n");
  EXPECT_EQ(ask("sockets\r"), "sockets\n");
  EXPECT_TRUE(ask("clients").starts_with("AUTH: this is for "));
  EXPECT_TRUE(ask("delete " + id_).starts_with("AUTH: this is for "));
  EXPECT_EQ(ask("auth user-secret"), "Current role is CPRUser\n");
  EXPECT_EQ(ask("auth admin-secret"), "Current role is CPRUser, start new session to change.\n");
  EXPECT_TRUE(ask("threads").starts_with("AUTH: this is for "));
  session_ = std::make_unique<ControlSession>(backend_);
  EXPECT_EQ(ask("auth admin-secret"), "Current role is CPRAdmin\n");
  EXPECT_EQ(ask("stats"), "stats for admin\n");
  EXPECT_EQ(ask("clients"), "clients\n");
  EXPECT_EQ(ask("save"), "saved\n");
  EXPECT_EQ(ask("suspend"), "suspend not implemented\n");
  EXPECT_EQ(ask("resume"), "resume not implemented\n");
}

TEST_F(Control, WithoutAPasswordInTheSettingsNobodyHasTheRole) {
  backend_.secrets = {};
  EXPECT_TRUE(ask("auth ").starts_with("Current role is CPRNone (no password is set"));
  EXPECT_TRUE(ask("auth").starts_with("Current role is CPRNone (no password is set"));
  EXPECT_TRUE(ask("stats").starts_with("AUTH: this is for "));
}

TEST_F(Control, AQueueIsShownBlockedUnblockedAndDeleted) {
  ask("auth admin-secret");
  backend_.answer.updated = Date(1'763'856'000);
  backend_.answer.mode = protocol::QueueMode::messaging;
  EXPECT_EQ(ask("status " + id_),
            "status: EntityActive, updatedAt: Just (RoundedSystemTime {roundedSeconds = 1763856000}), queueMode: Just "
            "QMMessaging\n");
  backend_.answer.status = QueueStatus::blocked;
  backend_.answer.blocking = Blocking{BlockingReason::content, std::nullopt};
  backend_.answer.changed = true;
  backend_.answer.was_active = true;
  EXPECT_EQ(ask("block " + id_ + " reason=content"),
            "ok, queue blocked: EntityBlocked (BlockingInfo {reason = BRContent, notice = Nothing})\n");
  EXPECT_EQ(backend_.blocked, 1);
  EXPECT_EQ(backend_.asked.back().blocking, backend_.answer.blocking);
  backend_.answer.was_active = false;
  EXPECT_EQ(ask("block " + id_ + " reason=content"),
            "ok, already inactive: EntityBlocked (BlockingInfo {reason = BRContent, notice = Nothing})\n");
  EXPECT_EQ(backend_.blocked, 1);
  backend_.answer.status = QueueStatus::active;
  EXPECT_EQ(ask("unblock " + id_),
            "ok, queue unblocked, reason to block was: BlockingInfo {reason = BRContent, notice = Nothing}\n");
  backend_.answer.changed = false;
  EXPECT_EQ(ask("unblock " + id_), "ok, queue was active\n");
  backend_.answer.status = QueueStatus::suspended;
  EXPECT_EQ(ask("unblock " + id_), "error, queue is inactive\n");
  backend_.answer.messages = 3;
  EXPECT_EQ(ask("delete " + id_), "ok, 3 messages deleted\n");
}

TEST_F(Control, ALinkIdIsTriedAfterASenderId) {
  ask("auth user-secret");
  backend_.exists_as = IdKind::link;
  EXPECT_TRUE(ask("status " + id_).starts_with("status: EntityActive"));
  ASSERT_EQ(backend_.asked.size(), 2U);
  EXPECT_EQ(backend_.asked[0].kind, IdKind::sender);
  EXPECT_EQ(backend_.asked[1].kind, IdKind::link);
  EXPECT_EQ(ask("status " + base64url(Bytes(24, 9))), "error: AUTH (no queue has this id)\n");
  EXPECT_TRUE(ask("status ***").starts_with("error: not a sender id"));
  EXPECT_TRUE(ask("status").starts_with("error: not a sender id"));
  EXPECT_TRUE(ask("status " + std::string(2'000, 'A')).starts_with("error: not a sender id"));
}

TEST_F(Control, AUserBlocksNoMoreThanTheDaysQuota) {
  ask("auth user-secret");
  backend_.refuse_block = "error: reached limit of 20 queues blocked daily\n";
  EXPECT_EQ(ask("block " + id_ + " reason=spam"), "error: reached limit of 20 queues blocked daily\n");
  EXPECT_TRUE(backend_.asked.empty());
  backend_.refuse_block.reset();
  for (const auto* reason : {"", " reason=", " reason=other", " spam", " reason=spamx", " reason=spam,notice=x"}) {
    EXPECT_TRUE(ask("block " + id_ + reason).starts_with("error: give the reason")) << reason;
  }
  EXPECT_TRUE(backend_.asked.empty());
  ask("block " + id_ + R"( reason=spam,notice={"ttl":5})");
  ASSERT_EQ(backend_.asked.size(), 1U);
  EXPECT_EQ(backend_.asked[0].blocking->notice, R"({"ttl":5})");
}

TEST_F(Control, NothingIsAnsweredToASessionThatIsGone) {
  ask("auth user-secret");
  backend_.hold = true;
  bool answered = false;
  session_->receive("status " + id_, [&](const std::string&, bool) { answered = true; });
  session_.reset();
  backend_.held(backend_.answer);
  EXPECT_FALSE(answered);
}

TEST_F(Control, TheLogHasCommandsWithoutTheirArguments) {
  ask("auth admin-secret");
  ask("delete " + id_);
  ask("stats");
  EXPECT_EQ(backend_.log, "delete\nstats\n");
}

TEST(QueueName, ShortLinksLeadToTheirQueue) {
  const std::string server = "?h=relay.example&c=" + base64url(Bytes(32, 1));
  const auto key =
      base64url_unpadded(from_hex("e2507e7cc840967102019af0a7a5b758530611b63624b13a15bfba960ebf2f84").value());
  const auto contact = parse_queue_name("simplex:/a#" + key + server).value();
  EXPECT_EQ(contact.kinds, std::vector{IdKind::link});
  EXPECT_EQ(to_bytes(contact.id.view()), from_hex("20eac5b38ce2f8b2f3380567457f4466219872930540a992").value());
  const auto link_id = base64url_unpadded(Bytes(24, 5));
  const auto invitation = parse_queue_name("simplex:/i#" + link_id + "/" + key + server).value();
  EXPECT_EQ(to_bytes(invitation.id.view()), Bytes(24, 5));
  for (const auto* wrong : {"simplex:/a#", "https://", "simplex:/x#AAAA", ":", "javascript:alert(1)"}) {
    EXPECT_FALSE(parse_queue_name(wrong)) << wrong;
  }
}

}  // namespace
}  // namespace simplex::smp::server
