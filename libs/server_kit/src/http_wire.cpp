#include "http_wire.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <ctime>

namespace simplex::server_kit {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;

constexpr std::uint32_t answer_header_octets = 16'384;

std::string lower(std::string_view text) {
  std::string made(text);
  std::ranges::transform(made, made.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return made;
}

std::string_view view(boost::beast::string_view text) { return {text.data(), text.size()}; }

std::optional<int> hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return std::nullopt;
}

unsigned status_of(const error_code& error) {
  if (error == http::error::header_limit || error == http::error::buffer_overflow) return 431;
  if (error == http::error::body_limit || error == http::error::unexpected_body) return 413;
  if (error == http::error::bad_version) return 505;
  return 400;
}

// IMF-fixdate (RFC 9110, 5.6.7).
std::string date_text(WallTime time) {
  const auto seconds = static_cast<std::time_t>(seconds_since_epoch(time));
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  return fmt::format("{:%a, %d %b %Y %H:%M:%S} GMT", parts);
}

bool has_etag(std::string_view if_none_match, std::string_view etag) {
  while (!if_none_match.empty()) {
    const auto comma = if_none_match.find(',');
    auto one = if_none_match.substr(0, comma);
    if_none_match = comma == std::string_view::npos ? std::string_view{} : if_none_match.substr(comma + 1);
    while (one.starts_with(' ')) one.remove_prefix(1);
    while (one.ends_with(' ')) one.remove_suffix(1);
    if (one.starts_with("W/")) one.remove_prefix(2);
    if (one == etag || one == "*") return true;
  }
  return false;
}

}  // namespace

std::optional<std::string> decode_path(std::string_view path) {
  if (!path.starts_with('/')) return std::nullopt;
  std::string made;
  made.reserve(path.size());
  for (std::size_t i = 0; i < path.size(); ++i) {
    char c = path[i];
    if (c == '%') {
      if (i + 2 >= path.size()) return std::nullopt;
      const auto high = hex_digit(path[i + 1]);
      const auto low = hex_digit(path[i + 2]);
      if (!high || !low) return std::nullopt;
      c = static_cast<char>(*high * 16 + *low);
      i += 2;
      if (c == '/') return std::nullopt;  // would be another path than the one that was sent
    }
    if (c == '\\' || c == 0x7f || (c >= 0 && c < 0x20)) return std::nullopt;
    made += c;
  }
  for (std::string_view rest = std::string_view(made).substr(1);;) {
    const auto slash = rest.find('/');
    const auto segment = rest.substr(0, slash);
    if (segment == "." || segment == "..") return std::nullopt;
    if (slash == std::string_view::npos) return made;
    rest.remove_prefix(slash + 1);
  }
}

// ---- requests

struct RequestReader::Parser {
  http::request_parser<http::empty_body> parser;
  std::size_t header_octets = 0;  // that it has taken
};

RequestReader::RequestReader(std::size_t header_octets) : header_octets_(header_octets) {}
RequestReader::~RequestReader() = default;

void RequestReader::feed(BytesView octets) { buffer_ += as_text(octets); }

bool RequestReader::begun() const { return !buffer_.empty() || parser_ != nullptr; }

Result<std::optional<RequestReader::Request>, unsigned> RequestReader::next() {
  if (buffer_.empty()) return std::nullopt;
  if (!parser_) {
    parser_ = std::make_unique<Parser>();
    // Its own limit depends on the pieces that the header comes in; ours is the lower one.
    parser_->parser.header_limit(static_cast<std::uint32_t>(2 * header_octets_));
    parser_->parser.body_limit(0);
  }
  auto& parser = parser_->parser;
  while (!buffer_.empty() && !parser.is_done()) {
    error_code error;
    const bool in_header = !parser.is_header_done();
    const auto used = parser.put(asio::const_buffer(buffer_.data(), buffer_.size()), error);
    buffer_.erase(0, used);
    if (in_header) parser_->header_octets += used;
    // What the parser leaves belongs to an unfinished header, or to an unfinished piece of an empty body.
    const bool more = error == http::error::need_more;
    const auto unfinished = more && in_header ? parser_->header_octets + buffer_.size() : buffer_.size();
    if (parser_->header_octets > header_octets_ || (more && unfinished > header_octets_)) return std::unexpected(431U);
    if (more) return std::nullopt;
    if (error) return std::unexpected(status_of(error));
    if (used == 0) break;
  }
  if (!parser.is_done()) return std::nullopt;

  const auto owned = std::exchange(parser_, nullptr);
  const auto& message = owned->parser.get();
  Request made;
  made.keep_alive = message.keep_alive();
  made.request.head = message.method() == http::verb::head;
  if (!made.request.head && message.method() != http::verb::get) return std::unexpected(405U);
  auto target = view(message.target());
  if (const auto scheme = target.find("://"); !target.starts_with('/') && scheme != std::string_view::npos) {
    const auto path = target.find('/', scheme + 3);
    target = path == std::string_view::npos ? "/" : target.substr(path);
  }
  const auto question = target.find('?');
  auto path = decode_path(target.substr(0, question));
  if (!path) return std::unexpected(400U);
  made.request.path = *std::move(path);
  if (question != std::string_view::npos) made.request.query = target.substr(question + 1);
  for (const auto& field : message) {
    made.request.fields.emplace_back(lower(view(field.name_string())), std::string(view(field.value())));
  }
  return made;
}

// ---- answers

std::string response_head(const HttpResponse& response, bool keep_alive, std::size_t body_size, WallTime now) {
  const auto reason = view(http::obsolete_reason(http::int_to_status(response.status)));
  std::string head = fmt::format("HTTP/1.1 {} {}\r\nDate: {}\r\n", response.status, reason, date_text(now));
  if (response.status != 304) head += fmt::format("Content-Length: {}\r\n", body_size);
  if (!response.content_type.empty()) head += "Content-Type: " + response.content_type + "\r\n";
  if (!response.etag.empty()) head += "ETag: " + response.etag + "\r\n";
  for (const auto& [name, value] : response.fields) head += name + ": " + value + "\r\n";
  head += keep_alive ? "\r\n" : "Connection: close\r\n\r\n";
  return head;
}

Bytes encode_response(const HttpRequest& request, const HttpResponse& response, bool keep_alive, WallTime now) {
  if (response.status == 200 && !response.etag.empty() && has_etag(request.field("if-none-match"), response.etag)) {
    HttpResponse same;
    same.status = 304;
    same.etag = response.etag;
    same.fields = response.fields;
    return to_bytes(response_head(same, keep_alive, 0, now));
  }
  auto made = to_bytes(response_head(response, keep_alive, response.body ? response.body->size() : 0, now));
  if (response.body && !request.head) append(made, *response.body);
  return made;
}

Bytes encode_get(const HttpGet& get) {
  std::string text = "GET " + get.target + " HTTP/1.1\r\nHost: " + get.host + "\r\nConnection: close\r\n";
  for (const auto& [name, value] : get.fields) text += name + ": " + value + "\r\n";
  text += "\r\n";
  auto made = to_bytes(text);
  wipe({reinterpret_cast<std::uint8_t*>(text.data()), text.size()});
  return made;
}

struct ResponseReader::Parser {
  http::response_parser<http::string_body> parser;

  std::optional<HttpAnswer> answer() {
    if (!parser.is_header_done()) return std::nullopt;
    const auto status = parser.get().result_int();
    if (status >= 400) return HttpAnswer{status, {}};
    if (!parser.is_done()) return std::nullopt;
    return HttpAnswer{status, std::move(parser.get().body())};
  }
  static std::unexpected<Error> error_of(const error_code& error) {
    if (error == http::error::body_limit) return fail(ErrorKind::limit, "the answer is too large");
    return fail(ErrorKind::malformed, "the answer is not HTTP: " + error.message());
  }
};

ResponseReader::ResponseReader(std::size_t max_body) : parser_(std::make_unique<Parser>()) {
  parser_->parser.header_limit(answer_header_octets);
  parser_->parser.body_limit(max_body);
  parser_->parser.eager(true);
}
ResponseReader::~ResponseReader() = default;

Result<std::optional<HttpAnswer>> ResponseReader::feed(BytesView octets) {
  auto& parser = parser_->parser;
  buffer_ += as_text(octets);
  while (!buffer_.empty() && !parser.is_done()) {
    error_code error;
    const auto used = parser.put(asio::const_buffer(buffer_.data(), buffer_.size()), error);
    buffer_.erase(0, used);
    if (auto answer = parser_->answer(); answer && (!error || answer->status >= 400)) return answer;
    if (error == http::error::need_more) {
      if (buffer_.size() > answer_header_octets) return fail(ErrorKind::limit, "the answer's header is too large");
      return std::nullopt;
    }
    if (error) return Parser::error_of(error);
    if (used == 0) break;
  }
  return parser_->answer();
}

Result<HttpAnswer> ResponseReader::end() {
  error_code error;
  if (!parser_->parser.got_some()) {
    return fail(ErrorKind::network, "the connection ended without an answer", Advice::retry);
  }
  if (!parser_->parser.is_done()) parser_->parser.put_eof(error);
  if (error) return fail(ErrorKind::network, "the connection ended in the middle of the answer", Advice::retry);
  auto answer = parser_->answer();
  if (!answer) return fail(ErrorKind::network, "the connection ended without an answer", Advice::retry);
  return *std::move(answer);
}

}  // namespace simplex::server_kit
