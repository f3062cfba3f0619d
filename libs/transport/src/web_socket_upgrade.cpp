#include "web_socket_upgrade.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <array>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/rfc7230.hpp>

#include "simplex/encoding/base64.hpp"

namespace simplex::transport {
namespace {

namespace http = boost::beast::http;

constexpr std::uint32_t max_request = 8'192;
constexpr std::size_t key_size = 16;
constexpr std::string_view protocol_id = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

std::string refusal(std::string_view status, std::string_view field = "") {
  return fmt::format("HTTP/1.1 {}\r\nConnection: close\r\nContent-Length: 0\r\n{}\r\n", status, field);
}

std::string accept_value(std::string_view key) {
  std::string text(key);
  text += protocol_id;
  std::array<std::uint8_t, 20> digest{};
  EVP_Digest(text.data(), text.size(), digest.data(), nullptr, EVP_sha1(), nullptr);
  return base64_standard(digest);
}

bool is_key(std::string_view text) {
  const auto octets = from_base64_standard(text);
  return octets && octets->size() == key_size;
}

}  // namespace

struct WebSocketUpgrade::Parser {
  http::request_parser<http::empty_body> request;
  std::string begun;  // octets that the parser has not taken yet
};

WebSocketUpgrade::WebSocketUpgrade() : parser_(std::make_unique<Parser>()) {
  parser_->request.header_limit(max_request);
}

WebSocketUpgrade::~WebSocketUpgrade() = default;

std::optional<WebSocketUpgrade::Outcome> WebSocketUpgrade::feed(BytesView octets) {
  auto& [request, begun] = *parser_;
  const auto before = begun.size();
  begun.append(reinterpret_cast<const char*>(octets.data()), octets.size());
  boost::system::error_code error;
  const auto taken = request.put(boost::asio::buffer(begun), error);
  if (error == http::error::need_more && begun.size() <= max_request) {
    // The parser takes whole lines, and is given the rest of one again.
    begun.erase(0, taken);
    return std::nullopt;
  }
  const auto refuse = [](std::string_view status, std::string_view field = "") {
    return Outcome{false, refusal(status, field), 0};
  };
  if (error || !request.is_done()) return refuse("400 Bad Request");
  const auto& asked = request.get();
  if (asked.method() != http::verb::get || asked.version() < 11) return refuse("400 Bad Request");
  if (!http::token_list(asked[http::field::upgrade]).exists("websocket") ||
      !http::token_list(asked[http::field::connection]).exists("upgrade")) {
    return refuse("426 Upgrade Required", "Upgrade: websocket\r\n");
  }
  if (asked[http::field::sec_websocket_version] != "13") {
    return refuse("426 Upgrade Required", "Sec-WebSocket-Version: 13\r\n");
  }
  const std::string key(asked[http::field::sec_websocket_key]);
  if (!is_key(key)) return refuse("400 Bad Request");
  return Outcome{true,
                 fmt::format("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                             "Sec-WebSocket-Accept: {}\r\n\r\n",
                             accept_value(key)),
                 taken - before};
}

}  // namespace simplex::transport
