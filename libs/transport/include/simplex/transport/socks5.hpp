// SOCKS5 with host names (RFC 1928) and user names (RFC 1929): the way through Tor and other SOCKS proxies. The dialogue
// is pure: octets in, octets out; the connector does the rest.
//
//   client                                        SOCKS server
//   05 count methods (00 none, 02 user name)  ─►
//                                             ◄─  05 method
//   01 short(user name) short(password)       ─►
//                                             ◄─  01 00                                    with method 02 only
//   05 01 00 address port                     ─►
//                                             ◄─  05 00 00 address port
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "simplex/transport/channel.hpp"

namespace simplex::transport {

struct SocksCredentials {
  std::string user;      // 1 to 255 octets
  std::string password;  // the same
  friend bool operator==(const SocksCredentials&, const SocksCredentials&) = default;
};

// How connections show the SOCKS server that they do not belong together; Tor builds a circuit for each user name.
enum class SocksIsolation : std::uint8_t {
  by_user_name,  // made of ConnectOptions::isolation
  none,          // no user name
  credentials,   // the given ones
};

struct SocksProxy {
  Endpoint server{"127.0.0.1", 9050};
  SocksIsolation isolation = SocksIsolation::by_user_name;
  std::optional<SocksCredentials> credentials;  // with isolation `credentials`
  friend bool operator==(const SocksProxy&, const SocksProxy&) = default;
};

// [USER:PASSWORD@ or @][HOST][:PORT]. Without a host 127.0.0.1, without a port 9050; "@" alone before them: no user name.
[[nodiscard]] Result<SocksProxy> parse_socks_proxy(std::string_view text);

// The user name for connections that belong together: base64url of a hash, which says nothing of what they are.
[[nodiscard]] SocksCredentials isolating_credentials(std::string_view isolation);

class Socks5Dialogue {
 public:
  // The target may be a name, which the SOCKS server resolves, or an address. Errors: limit (a name, user or password over
  // 255 octets).
  [[nodiscard]] static Result<Socks5Dialogue> begin(const Endpoint& target,
                                                    std::optional<SocksCredentials> credentials = std::nullopt);

  [[nodiscard]] const Bytes& greeting() const noexcept { return greeting_; }  // goes first
  // How many octets the next receive() takes, exactly; 0: the way to the target is open.
  [[nodiscard]] std::size_t wanted() const noexcept { return wanted_; }
  // What is sent back, if anything. Errors: malformed, authentication, network, timeout, unsupported.
  [[nodiscard]] Result<Bytes> receive(BytesView octets);

 private:
  enum class State : std::uint8_t { method, user_name, reply, bound_address, done };
  Socks5Dialogue() = default;
  [[nodiscard]] Result<Bytes> choose(BytesView octets);
  [[nodiscard]] Result<Bytes> read_reply(BytesView octets);

  State state_ = State::method;
  std::size_t wanted_ = 2;
  std::optional<SocksCredentials> credentials_;
  Bytes greeting_;
  Bytes request_;
};

}  // namespace simplex::transport
