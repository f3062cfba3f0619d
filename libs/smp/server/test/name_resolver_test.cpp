// The resolver of names over pipes of a simulated world, with a web server that does what the test says.
#include "simplex/smp/server/name_resolver.hpp"

#include <gmock/gmock.h>

#include "simplex/smp/name_record.hpp"
#include "simplex/transport/channel_pair.hpp"
#include "simplex/world/scheduler.hpp"
#include "engine_world.hpp"

namespace simplex::smp::server {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
using Found = Result<NameRecord, NameError>;

SimplexDomain domain(std::string_view text) { return *SimplexDomain::parse(text); }

NameRecord alice() {
  NameRecord made;
  made.name = "alice.simplex";
  made.nickname = "Alice";
  made.simplex_contact = {"https://smp.example/a#key", "https://other.example/a#key"};
  made.eth = "0x00";
  made.owner = "0x11";
  made.resolver = "0x22";
  return made;
}

std::string ok(std::string_view body) {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

Found resolver_error(std::string text) { return std::unexpected(NameError(name_errors::Resolver{std::move(text)})); }
Found not_found() { return std::unexpected(NameError(name_errors::NotFound{})); }

// Web servers at the other end of pipes, one for each connection.
class TestWeb final : public transport::WebConnector {
 public:
  struct Visit {
    transport::ChannelPtr channel;
    std::string request;
    bool ended = false;
  };
  std::unique_ptr<transport::Connector::Attempt> connect(async::Loop& loop, transport::Endpoint, Duration timeout,
                                                         Done done) override {
    struct Attempt final : transport::Connector::Attempt {
      async::Timer timer;
    };
    auto attempt = std::make_unique<Attempt>();
    if (silent) {
      attempt->timer = loop.after(
          timeout, [done = std::move(done)]() mutable { done(fail(ErrorKind::timeout, "no answer", Advice::retry)); });
      return attempt;
    }
    attempt->timer = loop.after(1ms, [this, &loop, done = std::move(done)]() mutable {
      if (refusing) return done(fail(ErrorKind::network, "refused", Advice::retry));
      auto [client, server] = transport::make_channel_pair(loop, loop, {}, {});
      auto& visit = *visits.emplace_back(std::make_unique<Visit>());
      visit.channel = std::move(server);
      visit.channel->start({.data =
                                [this, &visit](BytesView octets) {
                                  visit.request += as_text(octets);
                                  if (answer && visit.request.ends_with("\r\n\r\n")) {
                                    visit.channel->send(to_bytes(answer(visit.request)));
                                  }
                                },
                            .closed = [&visit](const Error&) { visit.ended = true; },
                            .drained = {}});
      done(std::move(client));
    });
    return attempt;
  }

  bool silent = false;
  bool refusing = false;
  std::function<std::string(const std::string& request)> answer;
  std::vector<std::unique_ptr<Visit>> visits;
};

class Names : public ::testing::Test {
 protected:
  Names() { EXPECT_TRUE(settings_.set_endpoint("http://localhost:8080/names/")); }

  void make(std::size_t nodes = 1) { resolver_ = make_name_resolver(loop_, settings_, web_, nodes); }
  void ask(std::string_view name) {
    resolver_->resolve(domain(name), [this](Found found) { found_.push_back(std::move(found)); });
  }
  Found answer_of(std::string response) {
    web_->answer = [response = std::move(response)](const auto&) { return response; };
    if (!resolver_) make();
    found_.clear();
    ask("alice.simplex");
    time_.advance(100ms);
    if (found_.empty() && !web_->visits.empty()) web_->visits.back()->channel->close();
    time_.advance(10s);
    EXPECT_EQ(found_.size(), 1U);
    return found_.empty() ? resolver_error("no answer") : found_.front();
  }

  world::Scheduler time_;
  world::SimLoop loop_{time_};
  NameSettings settings_;
  std::shared_ptr<TestWeb> web_ = std::make_shared<TestWeb>();
  std::unique_ptr<NameResolver> resolver_;
  std::vector<Found> found_;
};

TEST_F(Names, AsksForTheNameAndGivesItsRecord) {
  ASSERT_TRUE(settings_.set_authorization("Basic user:pass:word"));
  EXPECT_EQ(answer_of(ok(to_json(alice()))), Found(alice()));
  const auto& request = web_->visits.at(0)->request;
  EXPECT_THAT(request, StartsWith("GET /names/resolve/alice.simplex HTTP/1.1\r\nHost: localhost:8080\r\n"));
  EXPECT_THAT(request, HasSubstr("Accept: application/json\r\n"));
  EXPECT_THAT(request, HasSubstr("Authorization: Basic dXNlcjpwYXNzOndvcmQ=\r\n"));
}

TEST_F(Names, ErrorsAreThoseOfTheReference) {
  EXPECT_EQ(answer_of("HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}"), not_found());
  EXPECT_EQ(answer_of("HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\n\r\n{}"), not_found());
  EXPECT_EQ(answer_of("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 2\r\n\r\n{}"), resolver_error("HTTP 502"));
  EXPECT_EQ(answer_of(ok("{}")), resolver_error("invalid response"));
  EXPECT_EQ(answer_of(ok("not json")), resolver_error("invalid response"));
  EXPECT_EQ(answer_of(ok("")), resolver_error("invalid response"));
  EXPECT_EQ(answer_of("garbage\r\n\r\n"), resolver_error("transport failure"));
  EXPECT_EQ(answer_of("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{"), resolver_error("transport failure"));
  web_->refusing = true;
  EXPECT_EQ(answer_of(""), resolver_error("transport failure"));
  web_->refusing = false;
  web_->silent = true;
  EXPECT_EQ(answer_of(""), resolver_error("timeout"));
}

TEST_F(Names, RedirectsAreNotFollowed) {
  EXPECT_EQ(answer_of("HTTP/1.1 302 Found\r\nLocation: http://10.0.0.1/\r\nContent-Length: 0\r\n\r\n"),
            resolver_error("invalid response"));
  EXPECT_EQ(web_->visits.size(), 1U);
}

TEST_F(Names, AHostileResolverCostsLittle) {
  EXPECT_EQ(answer_of("HTTP/1.1 200 OK\r\n\r\n" + std::string(50'000, ' ')), resolver_error("response too large"));
  EXPECT_EQ(answer_of("HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n"), resolver_error("response too large"));
  EXPECT_EQ(answer_of(ok(std::string(15'000, '['))), resolver_error("invalid response"));
  auto large = alice();
  large.nickname = std::string(15'500, 'x');
  EXPECT_EQ(answer_of(ok(to_json(large))), Found(large));
  // What fits here, and not into a block in our JSON, must not end the connection of who asked.
  const std::string rest =
      R"("website":"","location":"","simplexContact":[],"simplexChannel":[],"owner":"","resolver":"")";
  std::string json = R"({"name":"a","nickname":")" + std::string(15'990, 'x') + "\"," + rest + "}";
  json.erase(json.find("xxx"), json.size() - 16'000);
  EXPECT_EQ(answer_of(ok(json)), resolver_error("response too large"));
  // Octet after octet: the time counts from the beginning.
  web_->answer = nullptr;
  found_.clear();
  ask("slow.simplex");
  time_.advance(10ms);
  auto& visit = *web_->visits.back();
  visit.channel->send(to_bytes("HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n"));
  for (int i = 0; i < 29; ++i) {
    visit.channel->send(to_bytes("x"));
    time_.advance(100ms);
  }
  EXPECT_TRUE(found_.empty());
  time_.advance(200ms);
  ASSERT_EQ(found_.size(), 1U);
  EXPECT_EQ(found_.front(), resolver_error("timeout"));
  EXPECT_TRUE(visit.ended);
}

TEST_F(Names, RequestsAtOnceAreBounded) {
  settings_.concurrency = 6;
  settings_.waiting = 10;
  make(2);  // one of two: 3 and 5
  for (int i = 0; i < 20; ++i) ask("name" + std::to_string(i) + ".simplex");
  EXPECT_EQ(found_.size(), 12U);  // refused at once
  for (const auto& found : found_) EXPECT_EQ(found, resolver_error("too many requests"));
  time_.advance(10ms);
  EXPECT_EQ(web_->visits.size(), 3U);
  for (auto& visit : web_->visits) visit->channel->send(to_bytes(ok(to_json(alice()))));
  time_.advance(10ms);
  EXPECT_EQ(web_->visits.size(), 6U);
  EXPECT_EQ(found_.size(), 15U);
  // Those that waited too long are not even asked for.
  time_.advance(3s);
  EXPECT_EQ(found_.size(), 20U);
  EXPECT_EQ(web_->visits.size(), 6U);
  EXPECT_EQ(found_.back(), resolver_error("timeout"));
  EXPECT_EQ(resolver_->counters().refused, 12U);
  EXPECT_EQ(resolver_->counters().timed_out, 5U);
  EXPECT_EQ(resolver_->counters().running + resolver_->counters().waiting, 0U);
  ask("again.simplex");
  time_.advance(10ms);
  EXPECT_EQ(web_->visits.size(), 7U);
}

TEST_F(Names, EqualNamesAtTheSameTimeAreOneRequest) {
  settings_.concurrency = 1;
  settings_.waiting = 10;
  make();
  for (int i = 0; i < 20; ++i) ask("alice.simplex");
  EXPECT_EQ(found_.size(), 9U);  // they are bounded, too
  time_.advance(10ms);
  ASSERT_EQ(web_->visits.size(), 1U);
  web_->visits[0]->channel->send(to_bytes(ok(to_json(alice()))));
  time_.advance(10ms);
  EXPECT_EQ(found_.size(), 20U);
  EXPECT_EQ(found_.back(), Found(alice()));
}

TEST_F(Names, AResolverMayBeDroppedWithRequestsUnderWay) {
  make();
  ask("alice.simplex");
  ask("bob.simplex");
  time_.advance(10ms);
  resolver_.reset();
  time_.advance(10s);
  EXPECT_TRUE(found_.empty());
}

TEST(NameSettings, EndpointsAndAuthorizationAreCheckedAsInTheReference) {
  NameSettings settings;
  ASSERT_TRUE(settings.set_endpoint("https://names.example/"));
  EXPECT_EQ(settings.endpoint.host, "names.example");
  EXPECT_EQ(settings.endpoint.port, 443);
  EXPECT_TRUE(settings.tls);
  EXPECT_EQ(settings.path, "");
  ASSERT_TRUE(settings.set_endpoint("HTTP://[::1]:81/a/b"));
  EXPECT_EQ(settings.endpoint.host, "::1");
  EXPECT_EQ(settings.endpoint.port, 81);
  EXPECT_EQ(settings.host, "[::1]:81");
  EXPECT_EQ(settings.path, "/a/b");
  for (const auto* wrong :
       {"", "localhost", "ftp://host", "http://", "http:///path", "http://user:pass@host", "http://host:0",
        "http://host:x", "http://host:70000", "http://[::1", "http://a b", "http://host/?q", "http://host\r\nX: y"}) {
    EXPECT_FALSE(settings.set_endpoint(wrong)) << wrong;
  }
  for (const auto* wrong : {"", "token", "bearer", "bearer a b", "basic user", "basic :password", "digest x"}) {
    EXPECT_FALSE(settings.set_authorization(wrong)) << wrong;
  }
  ASSERT_TRUE(settings.set_authorization("BEARER token"));
  EXPECT_EQ(as_text(settings.authorization.reveal()), "Bearer token");
  ASSERT_TRUE(settings.set_endpoint("http://names.example"));
  EXPECT_FALSE(settings.check());
  for (const auto* allowed : {"https://names.example", "http://localhost", "http://127.0.0.1:8000", "http://[::1]"}) {
    ASSERT_TRUE(settings.set_endpoint(allowed));
    EXPECT_TRUE(settings.check()) << allowed;
  }
}

// ---- RSLV

class HeldNames final : public NameResolver {
 public:
  void resolve(const SimplexDomain&, Done done) override { waiting.push_back(std::move(done)); }
  void answer_all(const Found& found) {
    for (auto& done : std::exchange(waiting, {})) done(found);
  }
  std::vector<Done> waiting;
};

TEST(Rslv, AnswersComeWhenTheyAreThereAndAreCounted) {
  EngineWorld world;
  TestClient client(world, 0, 20);
  EXPECT_TRUE(client.call(command::Rslv{domain("a.simplex")}).is_error(errors::Name{name_errors::NoResolver{}}));
  HeldNames names;
  world.shard(0).resolve_names(&names);
  const auto ask = [&] {
    const auto id = CorrId::generate(world.random());
    client.post(client.transmission(command::Rslv{domain("a.simplex")}, {}, nullptr, id));
    return id;
  };
  const auto found = ask();
  EXPECT_TRUE(client.call(command::Ping{}).is<broker::Pong>());  // others do not wait for it
  names.answer_all(alice());
  world.run();
  const auto record = client.response(found);
  ASSERT_TRUE(record.is<broker::Rname>());
  EXPECT_EQ(record.as<broker::Rname>().record, alice());
  EXPECT_TRUE(record.entity_id.empty());
  const auto missing = ask();
  names.answer_all(not_found());
  world.run();
  EXPECT_TRUE(client.response(missing).is_error(errors::Name{name_errors::NotFound{}}));
  const auto failed = ask();
  names.answer_all(resolver_error("HTTP 502"));
  world.run();
  EXPECT_TRUE(client.response(failed).is_error(errors::Name{name_errors::Resolver{"HTTP 502"}}));
  const auto& counted = world.shard(0).statistics().names;
  EXPECT_EQ(counted.requests, 4U);
  EXPECT_EQ(counted.disabled, 1U);
  EXPECT_EQ(counted.success, 1U);
  EXPECT_EQ(counted.not_found, 1U);
  EXPECT_EQ(counted.resolver_errors, 1U);
  EXPECT_EQ(client.unanswered(), 0U);
}

TEST(Rslv, OneConnectionCanNotFloodTheResolver) {
  EngineWorld world;
  HeldNames names;
  world.shard(0).resolve_names(&names);
  TestClient flood(world, 0, 20);
  for (int i = 0; i < 500; ++i) {
    flood.post(flood.transmission(command::Rslv{domain("a" + std::to_string(i) + ".simplex")}, {}, nullptr,
                                  CorrId::generate(world.random())));
  }
  EXPECT_EQ(names.waiting.size(), 100U);
  EXPECT_EQ(flood.inbox.size(), 400U);
  EXPECT_TRUE(flood.inbox.front().is_error(errors::Name{name_errors::Resolver{"too many requests"}}));
  TestClient other(world, 0, 20);
  other.post(other.transmission(command::Rslv{domain("b.simplex")}, {}, nullptr, CorrId::generate(world.random())));
  EXPECT_EQ(names.waiting.size(), 101U);
  flood.disconnect();
  names.answer_all(alice());
  world.run();
  EXPECT_EQ(other.inbox.size(), 1U);
}

}  // namespace
}  // namespace simplex::smp::server
