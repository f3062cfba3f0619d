// What watches over a relay: the files of its statistics over days and restarts, its metrics, its control port.
#include "simplex/smp/server/operations.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "simplex/testing/run_until.hpp"
#include "simplex/world/scheduler.hpp"

namespace simplex::smp::server {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;
using ::testing::HasSubstr;
using testing::run_until;

// A relay of which the test says what it counts.
class SaidServer final : public Server {
 public:
  const std::vector<std::uint16_t>& ports() const override { return ports_; }
  const StartReport& report() const override { return report_; }
  void status(async::Loop& loop, Done<RelayStatus> done) override {
    loop.post([this, done = std::move(done)]() mutable { done(now); });
  }
  void active_queues(async::Loop& loop, Done<ActiveHashes> done) override {
    loop.post([this, done = std::move(done)]() mutable { done(active); });
  }
  void clients(async::Loop& loop, std::size_t, Done<std::vector<ClientStatus>> done) override {
    loop.post([done = std::move(done)]() mutable { done({{ClientId(7), "session", 100, 200, 3}}); });
  }
  void control(async::Loop& loop, QueueControl control) override {
    loop.post([done = std::move(control.done)]() mutable {
      QueueControl::Answer answer;
      answer.changed = answer.was_active = true;
      answer.status = QueueStatus::blocked;
      done(answer);
    });
  }
  void begin(Period period) override { begun.push_back(period); }
  void use(const transport::ServerCredentials&) override {}
  void use(const std::optional<BasicAuth>&) override {}
  std::optional<transport::Endpoint> http() const override { return std::nullopt; }
  Result<> reload_web_certificate() override { return {}; }
  const Last& last() const override { return last_; }
  Result<> stop() override { return {}; }

  RelayStatus now;
  ActiveHashes active;
  std::vector<Period> begun;

 private:
  std::vector<std::uint16_t> ports_;
  StartReport report_;
  Last last_;
};

std::string content(const fs::path& file) {
  std::ifstream stream(file);
  std::stringstream text;
  text << stream.rdbuf();
  return text.str();
}

class Watch : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("operations-test-" + std::to_string(::getpid()));
    fs::remove_all(folder_);
    fs::create_directories(folder_);
    settings_.statistics = folder_ / "smp-server-stats.log";
    settings_.daily = folder_ / "smp-server-stats.daily.log";
    settings_.metrics = folder_ / "smp-server-metrics.txt";
    settings_.version = "9.9";
    settings_.passwords.admin = protocol::BasicAuth::from(as_bytes("admin-secret")).value();
  }
  void TearDown() override {
    operations_.reset();
    fs::remove_all(folder_);
  }
  void begin(async::Loop& loop) {
    auto saved = Operations::load(*settings_.statistics, logger_);
    operations_ = std::make_unique<Operations>(loop, server_, bounds_, settings_, std::move(saved), logger_);
    ASSERT_TRUE(operations_->start());
  }

  fs::path folder_;
  NullLogger logger_;
  SaidServer server_;
  RelayBounds bounds_ = bounds_of(ServerSettings());
  OperationSettings settings_;
  std::unique_ptr<Operations> operations_;
};

TEST_F(Watch, ADayEndsAtMidnightWithALine) {
  world::Scheduler time;
  world::SimLoop loop(time);
  const auto first_day = format_day(loop.wall());
  settings_.statistics_interval = settings_.metrics_interval = 24h;
  begin(loop);
  server_.now.statistics.queues_created = 5;
  server_.now.statistics.recipient_services.assoc_new = 2;
  server_.now.active = {4, 4, 4};
  time.advance(next_day(loop.wall()) - loop.wall() - 1s);
  EXPECT_FALSE(fs::exists(*settings_.daily));
  time.advance(1min);
  const auto line = content(*settings_.daily);
  EXPECT_TRUE(line.starts_with(first_day + ",5,0,0,0,0,4,")) << line;
  EXPECT_EQ(server_.begun.at(0), Period::day);
  server_.now.statistics.queues_created = 8;
  server_.now.statistics.recipient_services.assoc_new = 3;
  time.advance(24h);
  const auto lines = content(*settings_.daily).substr(line.size());
  EXPECT_THAT(lines, HasSubstr(",3,0,0,0,0,4,"));
  EXPECT_EQ(std::ranges::count(lines, '\n'), 1);
  // Services are counted without end.
  EXPECT_THAT(lines, HasSubstr(",3,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0\n"));
  // In a month each period has begun as often as it does.
  server_.begun.clear();
  time.advance(24h * 28);
  EXPECT_EQ(std::ranges::count(server_.begun, Period::day), 28);
  EXPECT_EQ(std::ranges::count(server_.begun, Period::week), 4);
  EXPECT_LE(std::ranges::count(server_.begun, Period::month), 1);
}

TEST_F(Watch, StatisticsOutliveAKilledRelay) {
  world::Scheduler time;
  world::SimLoop loop(time);
  const auto from = loop.wall();
  begin(loop);
  server_.now.statistics.messages_sent = 11;
  server_.now.totals.queues = 4;
  server_.active.all[0] = {3, static_cast<std::uint64_t>(-5), 1};
  time.advance(settings_.statistics_interval + 1s);
  operations_.reset();  // without its end

  auto saved = Operations::load(*settings_.statistics, logger_).value();
  EXPECT_EQ(saved.counts.messages_sent, 11U);
  EXPECT_EQ(saved.queues, 4U);
  EXPECT_EQ(saved.from, from);
  EXPECT_EQ(saved.active[0], (std::vector<std::uint64_t>{static_cast<std::uint64_t>(-5), 1, 3}));

  // The next run goes on from there, and its end is saved, too.
  server_.now = {};
  begin(loop);
  server_.now.statistics.messages_sent = 2;
  Server::Last last{server_.now, {}};
  ASSERT_TRUE(operations_->finish(last));
  EXPECT_EQ(Operations::load(*settings_.statistics, logger_)->counts.messages_sent, 13U);
}

TEST_F(Watch, AStatisticsFileThatCantBeReadIsKept) {
  std::ofstream(*settings_.statistics) << "what is this\n";
  EXPECT_FALSE(Operations::load(*settings_.statistics, logger_));
  EXPECT_FALSE(fs::exists(*settings_.statistics));
  EXPECT_EQ(content(folder_ / "smp-server-stats.log.unreadable"), "what is this\n");
}

TEST_F(Watch, TheMetricsFileIsRewritten) {
  world::Scheduler time;
  world::SimLoop loop(time);
  begin(loop);
  server_.now.statistics.messages_sent = 1;
  server_.now.counters.refused = 17;
  time.advance(settings_.metrics_interval + 1s);
  EXPECT_THAT(content(*settings_.metrics), HasSubstr("\nsimplex_smp_messages_sent 1\n"));
  EXPECT_THAT(content(*settings_.metrics), HasSubstr("simplex_smp_limit_refused_total{limit=\"connections\"} 17\n"));
  server_.now.statistics.messages_sent = 2;
  time.advance(settings_.metrics_interval);
  EXPECT_THAT(content(*settings_.metrics), HasSubstr("\nsimplex_smp_messages_sent 2\n"));
}

TEST_F(Watch, PrometheusAsksTheEndpoint) {
  const auto loop = async::make_thread_loop();
  settings_.prometheus_port = 0;
  begin(*loop);
  const auto get = [&](const std::string& target) {
    std::optional<Result<server_kit::HttpAnswer>> answer;
    std::unique_ptr<server_kit::HttpExchange> exchange;
    const auto attempt = transport::connect_tcp(
        *loop, {"127.0.0.1", *operations_->prometheus_port()}, 10s, [&](Result<transport::ChannelPtr> channel) {
          exchange = server_kit::http_get(
              *loop, std::move(channel).value(),
              {.host = "localhost", .target = target, .fields = {}, .max_body = 1'000'000, .timeout = 10s},
              [&](Result<server_kit::HttpAnswer> got) { answer = std::move(got); });
        });
    EXPECT_TRUE(run_until(*loop, [&] { return answer.has_value(); }));
    return answer.value().value();
  };
  const auto answer = get("/metrics");
  EXPECT_EQ(answer.status, 200U);
  EXPECT_THAT(answer.body, HasSubstr("simplex_smp_info{version=\"9.9\""));
  EXPECT_EQ(get("/").status, 404U);
  operations_.reset();  // it lives on the loop
}

TEST_F(Watch, TheControlPortAnswers) {
  const auto loop = async::make_thread_loop();
  settings_.control_port = 0;
  settings_.daily_block_quota = 1;
  begin(*loop);
  std::string heard;
  bool closed = false;
  transport::ChannelPtr channel;
  const auto attempt = transport::connect_tcp(
      *loop, {"127.0.0.1", *operations_->control_port()}, 10s, [&](Result<transport::ChannelPtr> made) {
        channel = std::move(made).value();
        channel->start({.data = [&](BytesView octets) { heard += as_text(octets); },
                        .closed = [&](const Error&) { closed = true; },
                        .drained = {}});
        channel->send(
            to_bytes("stats\nauth admin-secret\nstats\nclients\nsockets\nserver-info\nthreads\nstats-rts\n"
                     "block AAAA reason=spam\nblock BBBB reason=spam\nsave\nquit\n"));
      });
  ASSERT_TRUE(run_until(*loop, [&] { return closed; }));
  EXPECT_TRUE(heard.starts_with(
      "SMP server control port\n'help' for supported commands\nAUTH: this is for users: auth PASSWORD, with "
      "control_port_user_password\nCurrent role is "
      "CPRAdmin\nfromTime: "))
      << heard;
  for (const auto* line : {"\nqCreated: 0\n", "\nother SUB events (auth, duplicate, prohibited): (0,0,0)\n",
                           "\npRelays: requests=0, successes=0, errorsConnect=0, errorsCompat=0, errorsOther=0\n",
                           "\nclientId,sessionId,connected,createdAt,rcvActiveAt,sndActiveAt,age,subscriptions\n7,"
                           "session,True,100,200,200,",
                           "\nClients: 0\n", "\nLimit connections: 100000, now 0, refused 0\n", "\nresident memory: ",
                           "\nok, queue blocked: EntityBlocked (BlockingInfo {reason = BRSpam, notice = Nothing})\n",
                           "\nerror: reached limit of 1 queues blocked daily\n", "\nserver state saved!\n"}) {
    EXPECT_THAT(heard, HasSubstr(line));
  }
  EXPECT_TRUE(fs::exists(*settings_.statistics));
  operations_.reset();
}

}  // namespace
}  // namespace simplex::smp::server
