// HTTP/1.1, as much of it as a relay's pages and metrics need: GET and HEAD without bodies, over any Channel, so that the
// same server stands behind TLS of a shared port, plain TCP and a test's pipe. Everything a client can cost is bounded.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "simplex/transport/tcp.hpp"

namespace simplex::server_kit {

using HttpFields = std::vector<std::pair<std::string, std::string>>;

struct HttpRequest {
  bool head = false;  // HEAD; the server leaves the body of the answer out by itself
  // Starts with "/", percent-decoded; has no "." or ".." segment, no control character and no backslash.
  std::string path;
  std::string query;  // as sent, without "?"
  HttpFields fields;  // names in lower case

  // The first field of this name, "" when there is none.
  [[nodiscard]] std::string_view field(std::string_view name) const;
};

struct HttpResponse {
  unsigned status = 200;
  std::string content_type;
  std::shared_ptr<const std::string> body;  // null: empty
  std::string etag;                         // with quotes; "" for none. A client that has it gets 304
  HttpFields fields;                        // more of them; no line breaks in names and values

  [[nodiscard]] static HttpResponse text(unsigned status, std::string text,
                                         std::string content_type = "text/plain; charset=utf-8");
};

// Takes the answer, once, on the loop, when it likes; a request that is not answered in time is given up.
using HttpReply = std::move_only_function<void(HttpResponse)>;
// The request is valid during the call.
using HttpHandler = std::move_only_function<void(const HttpRequest&, HttpReply)>;

// INI, section LIMITS: web_connections, of each thread, web_request_bytes, web_requests and web_*_timeout.
struct HttpSettings {
  std::size_t connections = 256;                       // past it the oldest that asks nothing is closed
  std::size_t header_octets = 8'192;                   // of a request
  std::size_t requests = 100;                          // over one connection
  Duration idle_timeout = std::chrono::seconds(30);    // without a request
  Duration header_timeout = std::chrono::seconds(10);  // from its first octet to its last
  Duration answer_timeout = std::chrono::seconds(30);  // until the handler answers; and until the client has read it
};

struct HttpCounters {
  std::uint64_t requests = 0;
  std::uint64_t refused_connections = 0;  // over the bound, or gave way to others
  std::uint64_t bad_requests = 0;         // answered with an error by the server itself; of these
  std::uint64_t too_large = 0;            // for their size,
  std::uint64_t timed_out = 0;            // or because their end did not come
  std::uint64_t unread = 0;               // answers that were not read in time, or not given
  std::uint64_t idle = 0;                 // connections that were closed because nothing was asked
  std::size_t connections = 0;            // open

  // Another server's.
  HttpCounters& operator+=(const HttpCounters& other);
};

// Serves channels. Lives on the loop; destroying it closes them.
class HttpServer {
 public:
  [[nodiscard]] static std::unique_ptr<HttpServer> make(async::Loop& loop, HttpSettings settings, HttpHandler handler);
  virtual ~HttpServer() = default;
  virtual void accept(transport::ChannelPtr channel) = 0;
  [[nodiscard]] virtual HttpCounters counters() const = 0;
};

// The same with ports of its own, without TLS. On the loop.
class HttpEndpoint {
 public:
  virtual ~HttpEndpoint() = default;
  [[nodiscard]] virtual const std::vector<std::uint16_t>& ports() const = 0;  // one for each bound address
  [[nodiscard]] virtual HttpCounters counters() const = 0;
};
[[nodiscard]] Result<std::unique_ptr<HttpEndpoint>> serve_http(async::Loop& loop, transport::TcpListenSettings listen,
                                                               HttpSettings settings, HttpHandler handler);

// --- client

struct HttpGet {
  std::string host;    // of the Host field
  std::string target;  // path and query, percent-encoded
  HttpFields fields;   // perhaps secret: never in an error
  std::size_t max_body = 16'000;
  Duration timeout = std::chrono::seconds(3);
};

struct HttpAnswer {
  unsigned status = 0;
  std::string body;  // not read from 400 on
};

// One request over the channel, which is closed afterwards. A body over the bound is ErrorKind::limit, what is not HTTP
// is malformed, silence a timeout. Redirects are answers like others. Dropping the exchange cancels it; done is not
// called inside the call.
class HttpExchange {
 public:
  using Done = std::move_only_function<void(Result<HttpAnswer>)>;
  virtual ~HttpExchange() = default;
};
[[nodiscard]] std::unique_ptr<HttpExchange> http_get(async::Loop& loop, transport::ChannelPtr channel, HttpGet get,
                                                     HttpExchange::Done done);

}  // namespace simplex::server_kit
