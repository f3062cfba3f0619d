// The HTTP server and client, over pipes of a simulated world, and over TCP of this machine.
#include "simplex/server_kit/http.hpp"

#include <gmock/gmock.h>

#include "simplex/async/loop.hpp"
#include "simplex/transport/channel_pair.hpp"
#include "simplex/world/scheduler.hpp"
#include "http_wire.hpp"

namespace simplex::server_kit {
namespace {

using namespace std::chrono_literals;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// The other end of a connection: what it heard, and whether it ended.
struct Peer {
  transport::ChannelPtr channel;
  std::string heard;
  bool ended = false;

  void start() {
    channel->start({.data = [this](BytesView octets) { heard += as_text(octets); },
                    .closed = [this](const Error&) { ended = true; },
                    .drained = {}});
  }
  void send(std::string_view text) { channel->send(to_bytes(text)); }
};

class Http : public ::testing::Test {
 protected:
  HttpServer& serve(HttpSettings settings = {}) {
    server_ = HttpServer::make(loop_, settings, [this](const HttpRequest& request, HttpReply reply) {
      seen_.push_back(request);
      if (request.path == "/later") {
        later_ = std::move(reply);
        return;
      }
      auto response = HttpResponse::text(200, request.path == "/large" ? std::string(1'000'000, 'x') : "hello");
      response.etag = "\"one\"";
      response.fields = {{"X-Extra", "yes"}};
      reply(std::move(response));
    });
    return *server_;
  }
  std::unique_ptr<Peer> connect() {
    auto [client, relay] = transport::make_channel_pair(loop_, loop_, {}, {});
    server_->accept(std::move(relay));
    auto peer = std::make_unique<Peer>();
    peer->channel = std::move(client);
    peer->start();
    return peer;
  }
  void run(Duration time = 1ms) { time_.advance(time); }
  std::string answer_to(std::string_view text) {
    auto peer = connect();
    peer->send(text);
    run();
    return peer->heard;
  }

  world::Scheduler time_;
  world::SimLoop loop_{time_};
  std::vector<HttpRequest> seen_;
  HttpReply later_;
  std::unique_ptr<HttpServer> server_;
};

TEST_F(Http, AnswersWithLengthDateAndTheHandlersFields) {
  serve();
  const auto answer = answer_to("GET /a%20b?q=1 HTTP/1.1\r\nHost: x\r\nX-Name:  value \r\n\r\n");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\nDate: "));
  EXPECT_THAT(answer, HasSubstr(" GMT\r\n"));
  EXPECT_THAT(answer, HasSubstr("Content-Length: 5\r\n"));
  EXPECT_THAT(answer, HasSubstr("X-Extra: yes\r\n"));
  EXPECT_THAT(answer, EndsWith("\r\n\r\nhello"));
  ASSERT_EQ(seen_.size(), 1U);
  EXPECT_EQ(seen_[0].path, "/a b");
  EXPECT_EQ(seen_[0].query, "q=1");
  EXPECT_EQ(seen_[0].field("x-name"), "value");
  EXPECT_EQ(server_->counters().requests, 1U);
}

TEST_F(Http, HeadHasNoBodyAndAKnownEtagIsNotModified) {
  serve();
  const auto head = answer_to("HEAD / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(head, HasSubstr("Content-Length: 5\r\n"));
  EXPECT_THAT(head, EndsWith("\r\n\r\n"));
  const auto known = answer_to("GET / HTTP/1.1\r\nHost: x\r\nIf-None-Match: \"zero\", W/\"one\"\r\n\r\n");
  EXPECT_THAT(known, StartsWith("HTTP/1.1 304 "));
  EXPECT_THAT(known, EndsWith("\r\n\r\n"));
  EXPECT_THAT(answer_to("GET / HTTP/1.1\r\nHost: x\r\nIf-None-Match: \"zero\"\r\n\r\n"), StartsWith("HTTP/1.1 200 "));
}

TEST_F(Http, ConnectionsAreKeptAndRequestsMayComeInPiecesAndPipelined) {
  serve();
  auto peer = connect();
  for (const char c : std::string_view("GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\nGET /3")) {
    peer->send({&c, 1});
    run();
  }
  peer->send(
      " HTTP/1.1\r\nHost: x\r\n\r\nGET /4 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\nGET /5 HTTP/1.1\r\n\r\n");
  run();
  ASSERT_EQ(seen_.size(), 4U);
  EXPECT_EQ(seen_[3].path, "/4");
  EXPECT_TRUE(peer->ended);
  EXPECT_EQ(server_->counters().connections, 0U);
  // HTTP/1.0 closes unless asked not to.
  auto old = connect();
  old->send("GET / HTTP/1.0\r\n\r\n");
  run();
  EXPECT_TRUE(old->ended);
}

TEST_F(Http, RequestsOverOneConnectionAreBounded) {
  serve({.requests = 3});
  auto peer = connect();
  for (int i = 0; i < 10; ++i) peer->send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  run();
  EXPECT_EQ(seen_.size(), 3U);
  EXPECT_TRUE(peer->ended);
  EXPECT_THAT(peer->heard, HasSubstr("Connection: close\r\n"));
}

TEST_F(Http, WhatIsNoGetIsRefused) {
  serve();
  EXPECT_THAT(answer_to("POST / HTTP/1.1\r\nHost: x\r\n\r\n"), HasSubstr("405 Method Not Allowed"));
  EXPECT_THAT(answer_to("POST / HTTP/1.1\r\nHost: x\r\n\r\n"), HasSubstr("Allow: GET, HEAD\r\n"));
  EXPECT_THAT(answer_to("GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n12345"), StartsWith("HTTP/1.1 413 "));
  EXPECT_THAT(answer_to("GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n0\r\n\r\n"),
              StartsWith("HTTP/1.1 413 "));
  EXPECT_THAT(answer_to("GET / HTTP/7.1\r\n\r\n"), StartsWith("HTTP/1.1 505 "));
  EXPECT_THAT(answer_to("\x16\x03\x01 rubbish\r\n\r\n"), StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(answer_to("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), StartsWith("HTTP/1.1 505 "));
  EXPECT_TRUE(seen_.empty());
  EXPECT_EQ(server_->counters().connections, 0U);
}

TEST_F(Http, PathsCanNotLeaveTheirPlace) {
  serve();
  for (const auto* path : {"/..", "/../etc/passwd", "/a/../../b", "/%2e%2e/b", "/a/.%2E/b", "/a%2fb", "/a%5cb", "/a\\b",
                           "/a%00", "/a%0d%0ab", "/./a", "/%", "/%4", "/%zz", "a", "*"}) {
    const auto answer = answer_to(std::string("GET ") + path + " HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 400 ")) << path;
  }
  EXPECT_TRUE(seen_.empty());
  EXPECT_THAT(answer_to("GET http://some.host/a/...b HTTP/1.1\r\nHost: x\r\n\r\n"), StartsWith("HTTP/1.1 200 "));
  EXPECT_EQ(seen_.back().path, "/a/...b");
}

TEST_F(Http, LongHeadersAreCutOff) {
  serve();
  auto peer = connect();
  for (int i = 0; i < 1'000 && !peer->ended; ++i) {
    peer->send(i == 0 ? "GET / HTTP/1.1\r\n" : "X-" + std::to_string(i) + ": " + std::string(80, 'x') + "\r\n");
    run();
  }
  EXPECT_TRUE(peer->ended);
  EXPECT_THAT(peer->heard, StartsWith("HTTP/1.1 431 "));
  EXPECT_EQ(server_->counters().too_large, 1U);
  // One endless line, too.
  auto line = connect();
  line->send("GET /" + std::string(100'000, 'x'));
  run();
  EXPECT_TRUE(line->ended);
  EXPECT_EQ(server_->counters().connections, 0U);
}

TEST_F(Http, TheBoundOfAHeaderDoesNotDependOnItsPieces) {
  serve({.header_octets = 1'000});
  for (const std::size_t size : {999U, 1'000U, 1'001U, 1'002U, 1'500U, 3'000U}) {
    const std::string begin = "GET / HTTP/1.1\r\nX: ";
    const auto header = begin + std::string(size - begin.size() - 4, 'x') + "\r\n\r\n";
    const auto* status = size <= 1'000 ? "HTTP/1.1 200 " : "HTTP/1.1 431 ";
    EXPECT_THAT(answer_to(header), StartsWith(status)) << size;
    EXPECT_THAT(answer_to(header + header), StartsWith(status)) << size;
    auto peer = connect();
    for (const char c : header) {
      peer->send({&c, 1});
      run();
    }
    EXPECT_THAT(peer->heard, StartsWith(status)) << size;
  }
}

TEST_F(Http, SilentAndSlowClientsAreClosed) {
  serve();
  auto silent = connect();
  auto slow = connect();
  for (int i = 0; i < 9; ++i) {
    slow->send(i == 0 ? "GET / HTTP/1.1\r\n" : "X: y\r\n");
    run(1s);
  }
  EXPECT_FALSE(slow->ended);
  slow->send("X: y\r\n");
  run(2s);
  EXPECT_TRUE(slow->ended);
  EXPECT_THAT(slow->heard, StartsWith("HTTP/1.1 408 "));
  EXPECT_EQ(server_->counters().timed_out, 1U);
  EXPECT_FALSE(silent->ended);
  run(30s);
  EXPECT_TRUE(silent->ended);
  EXPECT_EQ(silent->heard, "");
  EXPECT_EQ(server_->counters().idle, 1U);
}

TEST_F(Http, WhoDoesNotReadIsClosedAndCostsOneAnswer) {
  serve();
  auto peer = connect();
  peer->channel->pause_reading();
  for (int i = 0; i < 20; ++i) peer->send("GET /large HTTP/1.1\r\nHost: x\r\n\r\n");
  run();
  EXPECT_EQ(seen_.size(), 1U);
  run(31s);
  EXPECT_EQ(server_->counters().connections, 0U);
  EXPECT_EQ(server_->counters().unread, 1U);
  // Who reads gets all.
  auto reader = connect();
  for (int i = 0; i < 20; ++i) reader->send("GET /large HTTP/1.1\r\nHost: x\r\n\r\n");
  run();
  EXPECT_EQ(seen_.size(), 21U);
  EXPECT_GT(reader->heard.size(), 20'000'000U);
}

TEST_F(Http, PastTheBoundOfConnectionsTheOldestThatAsksNothingGivesWay) {
  serve({.connections = 2});
  const auto one = connect();
  const auto two = connect();
  one->send("GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
  run();
  const auto three = connect();
  run();
  EXPECT_FALSE(one->ended) << "it is being answered";
  EXPECT_TRUE(two->ended);
  EXPECT_EQ(server_->counters().refused_connections, 1U);
  three->send("GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
  run();
  const auto four = connect();
  run();
  EXPECT_TRUE(four->ended) << "all are being answered";
  EXPECT_EQ(server_->counters().refused_connections, 2U);
  EXPECT_EQ(server_->counters().connections, 2U);
}

TEST_F(Http, ManyConnectionsThatSendAnOctetNowAndThenKeepNobodyOut) {
  serve();
  std::vector<std::unique_ptr<Peer>> slow;
  for (int second = 0; second < 60; ++second) {
    for (int i = 0; i < 50; ++i) slow.push_back(connect());
    for (auto& each : slow) {
      if (!each->ended) each->send(each->heard.empty() && second % 9 == 0 ? "G" : "E");
    }
    run(1s);
    EXPECT_LE(server_->counters().connections, 256U);
    EXPECT_THAT(answer_to("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), EndsWith("hello")) << second;
  }
  EXPECT_EQ(seen_.size(), 60U);
  run(31s);
  EXPECT_EQ(server_->counters().connections, 0U);
}

TEST_F(Http, AHandlerMayAnswerLaterOrNever) {
  serve();
  auto peer = connect();
  peer->send("GET /later HTTP/1.1\r\nHost: x\r\n\r\nGET /next HTTP/1.1\r\nHost: x\r\n\r\n");
  run(5s);
  EXPECT_EQ(seen_.size(), 1U);
  std::exchange(later_, {})(HttpResponse::text(404, "no"));
  run();
  EXPECT_THAT(peer->heard, HasSubstr("404 Not Found"));
  EXPECT_EQ(seen_.size(), 2U);
  peer->send("GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
  run(31s);
  EXPECT_TRUE(peer->ended);
  later_(HttpResponse::text(200, "too late"));
  // Nor does it matter when the client, or the server, is gone by then.
  auto gone = connect();
  gone->send("GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
  run();
  gone.reset();
  run();
  later_(HttpResponse::text(200, "nobody"));
  auto last = connect();
  last->send("GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
  run();
  server_.reset();
  later_(HttpResponse::text(200, "nobody"));
  run();
  EXPECT_TRUE(last->ended);
}

// ---- client

class HttpClient : public ::testing::Test {
 protected:
  void get(HttpGet what = {"host", "/resolve/name", {{"Authorization", "Bearer secret"}}}) {
    auto [client, server] = transport::make_channel_pair(loop_, loop_, {}, {});
    peer_.channel = std::move(server);
    peer_.start();
    exchange_ = http_get(loop_, std::move(client), std::move(what),
                         [this](Result<HttpAnswer> answer) { answer_ = std::move(answer); });
    time_.advance(1ms);
  }
  Result<HttpAnswer> answer(std::string_view text) {
    answer_.reset();
    get();
    peer_.send(text);
    time_.advance(1ms);
    if (!answer_) {
      peer_.channel->close();
      time_.advance(1ms);
    }
    return answer_ ? std::move(*answer_) : fail(ErrorKind::internal, "not called");
  }

  world::Scheduler time_;
  world::SimLoop loop_{time_};
  Peer peer_;
  std::unique_ptr<HttpExchange> exchange_;
  std::optional<Result<HttpAnswer>> answer_;
};

TEST_F(HttpClient, AsksAndUnderstandsTheFormsOfBodies) {
  const auto sized = answer("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbodyrest");
  ASSERT_TRUE(sized) << sized.error().message;
  EXPECT_EQ(sized->status, 200U);
  EXPECT_EQ(sized->body, "body");
  EXPECT_EQ(peer_.heard,
            "GET /resolve/name HTTP/1.1\r\nHost: host\r\nConnection: close\r\nAuthorization: Bearer secret\r\n\r\n");
  EXPECT_EQ(answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n2\r\n!!\r\n0\r\n\r\n")->body,
            "body!!");
  EXPECT_EQ(answer("HTTP/1.0 200 OK\r\n\r\nto the end")->body, "to the end");
  EXPECT_EQ(answer("HTTP/1.1 404 Not Found\r\nContent-Length: 1000000\r\n\r\n")->status, 404U);
  EXPECT_EQ(answer("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/\r\nContent-Length: 0\r\n\r\n")->status, 302U);
}

TEST_F(HttpClient, AHostileServerCostsLittle) {
  EXPECT_EQ(answer("HTTP/1.1 200 OK\r\nContent-Length: 16001\r\n\r\n").error().kind, ErrorKind::limit);
  EXPECT_EQ(answer("HTTP/1.1 200 OK\r\n\r\n" + std::string(20'000, 'x')).error().kind, ErrorKind::limit);
  EXPECT_EQ(answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\n" + std::string(20'000, 'x'))
                .error()
                .kind,
            ErrorKind::limit);
  EXPECT_FALSE(answer("HTTP/1.1 200 OK\r\n" + std::string(100'000, 'x')));
  std::string fields = "HTTP/1.1 200 OK\r\n";
  for (int i = 0; i < 1'000; ++i) fields += "Field-" + std::to_string(i) + ": value of it\r\n";
  EXPECT_FALSE(answer(fields));
  EXPECT_EQ(answer("SSH-2.0-OpenSSH\r\n\r\n").error().kind, ErrorKind::malformed);
  EXPECT_EQ(answer("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf").error().kind, ErrorKind::network);
  EXPECT_EQ(answer("").error().kind, ErrorKind::network);
  // Octet after octet, for ever.
  answer_.reset();
  get();
  peer_.send("HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n");
  for (int i = 0; i < 40 && !answer_; ++i) {
    peer_.send("x");
    time_.advance(100ms);
  }
  ASSERT_TRUE(answer_);
  EXPECT_EQ(answer_->error().kind, ErrorKind::timeout);
  EXPECT_THAT(answer_->error().message, Not(HasSubstr("secret")));
}

TEST_F(HttpClient, ADroppedExchangeIsSilent) {
  get();
  exchange_.reset();
  peer_.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  time_.advance(10s);
  EXPECT_FALSE(answer_);
}

TEST(HttpEndpoint, ServesAPortOfThisMachine) {
  const auto loop = async::make_thread_loop();
  auto endpoint = serve_http(
      *loop, {{{"127.0.0.1", 0}}, transport::PortSharing::alone, {}}, {},
      [](const HttpRequest& request, HttpReply reply) { reply(HttpResponse::text(200, "at " + request.path)); });
  ASSERT_TRUE(endpoint) << endpoint.error().message;
  std::unique_ptr<HttpExchange> exchange;
  std::optional<Result<HttpAnswer>> answer;
  const auto attempt = transport::connect_tcp(
      *loop, {"127.0.0.1", (*endpoint)->ports().at(0)}, 10s, [&](Result<transport::ChannelPtr> channel) {
        ASSERT_TRUE(channel) << channel.error().message;
        exchange = http_get(*loop, std::move(*channel), {"localhost", "/metrics", {}}, [&](Result<HttpAnswer> got) {
          answer = std::move(got);
          loop->stop();
        });
      });
  loop->run();
  ASSERT_TRUE(answer && *answer);
  EXPECT_EQ((*answer)->body, "at /metrics");
  EXPECT_FALSE(serve_http(*loop, {{{"127.0.0.1", (*endpoint)->ports().at(0)}}, transport::PortSharing::alone, {}}, {},
                          [](const HttpRequest&, HttpReply) {}));
}

}  // namespace
}  // namespace simplex::server_kit
