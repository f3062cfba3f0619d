#include <algorithm>
#include <map>

#include "http_wire.hpp"

namespace simplex::server_kit {
namespace {

class Server;

// One connection: a request, its answer, the next request.
class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(Server& server, std::uint64_t number, transport::ChannelPtr channel);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  void begin();
  // With a request, or its answer is being read.
  [[nodiscard]] bool busy() const { return busy_; }
  void give_way() { abort(); }

 private:
  void received(BytesView octets);
  void step();
  void handle(RequestReader::Request request);
  void answer(HttpResponse response);
  void refuse(unsigned status);
  void go_on();
  // After these the session may be gone.
  void end_idle();
  void end_unread();
  void close();
  void abort();

  Server& server_;
  const std::uint64_t number_;
  transport::ChannelPtr channel_;
  RequestReader reader_;
  HttpRequest request_;  // being answered
  bool keep_alive_ = true;
  bool busy_ = false;       // with a request, or its answer is being read
  bool answering_ = false;  // the handler has it
  bool header_begun_ = false;
  std::size_t requests_ = 0;
  async::Timer limit_;
};

class Server final : public HttpServer {
 public:
  Server(async::Loop& loop, HttpSettings settings, HttpHandler handler)
      : loop_(loop), settings_(settings), handler_(std::move(handler)) {}
  ~Server() override { sessions_.clear(); }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  void accept(transport::ChannelPtr channel) override {
    if (sessions_.size() >= settings_.connections) {
      ++counters_.refused_connections;
      // Whoever asks nothing, or very slowly, does not keep others out.
      const auto oldest = std::ranges::find_if(sessions_, [](const auto& each) { return !each.second->busy(); });
      if (oldest == sessions_.end()) return;
      oldest->second->give_way();
    }
    const auto number = next_++;
    const auto session = std::make_shared<Session>(*this, number, std::move(channel));
    sessions_.emplace(number, session);
    session->begin();
  }
  HttpCounters counters() const override {
    auto counted = counters_;
    counted.connections = sessions_.size();
    return counted;
  }

 private:
  friend class Session;
  async::Loop& loop_;
  const HttpSettings settings_;
  HttpHandler handler_;
  HttpCounters counters_;
  std::uint64_t next_ = 1;
  std::map<std::uint64_t, std::shared_ptr<Session>> sessions_;  // the oldest first
};

Session::Session(Server& server, std::uint64_t number, transport::ChannelPtr channel)
    : server_(server), number_(number), channel_(std::move(channel)), reader_(server.settings_.header_octets) {}

Session::~Session() = default;

void Session::begin() {
  limit_ = server_.loop_.after(server_.settings_.idle_timeout, [this] { end_idle(); });
  channel_->start({.data = [this](BytesView octets) { received(octets); },
                   .closed = [this](const Error&) { abort(); },
                   .drained =
                       [this] {
                         if (busy_ && !answering_) go_on();
                       }});
}

void Session::received(BytesView octets) {
  reader_.feed(octets);
  if (!busy_) step();
}

void Session::step() {
  auto next = reader_.next();
  if (!next) return refuse(next.error());
  if (*next) return handle(**std::move(next));
  channel_->resume_reading();
  if (!reader_.begun()) {
    header_begun_ = false;
    limit_ = server_.loop_.after(server_.settings_.idle_timeout, [this] { end_idle(); });
  } else if (!std::exchange(header_begun_, true)) {
    limit_ = server_.loop_.after(server_.settings_.header_timeout, [this] { refuse(408); });
  }
}

void Session::handle(RequestReader::Request request) {
  busy_ = true;
  answering_ = true;
  header_begun_ = false;
  channel_->pause_reading();
  ++server_.counters_.requests;
  ++requests_;
  request_ = std::move(request.request);
  keep_alive_ = request.keep_alive && requests_ < server_.settings_.requests;
  limit_ = server_.loop_.after(server_.settings_.answer_timeout, [this] { end_unread(); });
  server_.handler_(request_, [weak = weak_from_this()](HttpResponse response) {
    if (const auto session = weak.lock()) session->answer(std::move(response));
  });
}

void Session::answer(HttpResponse response) {
  if (!std::exchange(answering_, false)) return;
  channel_->send(encode_response(request_, response, keep_alive_, server_.loop_.wall()));
  if (!keep_alive_) return close();
  limit_ = server_.loop_.after(server_.settings_.answer_timeout, [this] { end_unread(); });
  if (channel_->pending() > 0) return;  // until drained
  server_.loop_.post([weak = weak_from_this()] {
    const auto session = weak.lock();
    if (session && session->busy_ && !session->answering_) session->go_on();
  });
}

void Session::go_on() {
  if (channel_->pending() > 0) return;
  busy_ = false;
  step();
}

void Session::refuse(unsigned status) {
  auto& counted = server_.counters_;
  ++counted.bad_requests;
  if (status == 408) ++counted.timed_out;
  if (status == 413 || status == 414 || status == 431) ++counted.too_large;
  auto response = HttpResponse::text(
      status, status == 405 ? "Only GET and HEAD are served here.\n" : "This request can't be served.\n");
  if (status == 405) response.fields.emplace_back("Allow", "GET, HEAD");
  channel_->send(encode_response({}, response, false, server_.loop_.wall()));
  close();
}

void Session::end_idle() {
  ++server_.counters_.idle;
  close();
}

void Session::end_unread() {
  ++server_.counters_.unread;
  abort();
}

void Session::close() {
  channel_->close();
  const auto owned = server_.sessions_.extract(number_);
}

void Session::abort() {
  channel_->abort();
  const auto owned = server_.sessions_.extract(number_);
}

class Endpoint final : public HttpEndpoint {
 public:
  Endpoint(async::Loop& loop, HttpSettings settings, HttpHandler handler)
      : server_(HttpServer::make(loop, settings, std::move(handler))) {}

  Result<> listen(async::Loop& loop, transport::TcpListenSettings settings) {
    SIMPLEX_ASSIGN(listener_, transport::listen_tcp(loop, std::move(settings), [this](transport::ChannelPtr channel) {
                     server_->accept(std::move(channel));
                   }));
    return {};
  }
  const std::vector<std::uint16_t>& ports() const override { return listener_->ports(); }
  HttpCounters counters() const override { return server_->counters(); }

 private:
  std::unique_ptr<HttpServer> server_;
  std::unique_ptr<transport::TcpListener> listener_;
};

}  // namespace

std::string_view HttpRequest::field(std::string_view name) const {
  const auto found = std::ranges::find(fields, name, [](const auto& field) { return std::string_view(field.first); });
  return found == fields.end() ? std::string_view{} : std::string_view(found->second);
}

HttpCounters& HttpCounters::operator+=(const HttpCounters& other) {
  for (auto number : {&HttpCounters::requests, &HttpCounters::refused_connections, &HttpCounters::bad_requests,
                      &HttpCounters::too_large, &HttpCounters::timed_out, &HttpCounters::unread, &HttpCounters::idle}) {
    this->*number += other.*number;
  }
  connections += other.connections;
  return *this;
}

HttpResponse HttpResponse::text(unsigned status, std::string text, std::string content_type) {
  HttpResponse made;
  made.status = status;
  made.content_type = std::move(content_type);
  made.body = std::make_shared<const std::string>(std::move(text));
  return made;
}

std::unique_ptr<HttpServer> HttpServer::make(async::Loop& loop, HttpSettings settings, HttpHandler handler) {
  return std::make_unique<Server>(loop, settings, std::move(handler));
}

Result<std::unique_ptr<HttpEndpoint>> serve_http(async::Loop& loop, transport::TcpListenSettings listen,
                                                 HttpSettings settings, HttpHandler handler) {
  auto endpoint = std::make_unique<Endpoint>(loop, settings, std::move(handler));
  SIMPLEX_TRY(endpoint->listen(loop, std::move(listen)));
  return endpoint;
}

}  // namespace simplex::server_kit
