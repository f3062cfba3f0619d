#include "simplex/transport/socks5.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "simplex/crypto/hash.hpp"
#include "simplex/encoding/base64.hpp"
#include "simplex/encoding/writer.hpp"

namespace simplex::transport {
namespace {

constexpr std::uint8_t socks_version = 5;
constexpr std::uint8_t user_name_version = 1;
constexpr std::uint8_t no_authentication = 0;
constexpr std::uint8_t by_user_name = 2;
constexpr std::uint8_t connect_command = 1;
constexpr std::uint8_t address_ipv4 = 1;
constexpr std::uint8_t address_name = 3;
constexpr std::uint8_t address_ipv6 = 4;
constexpr std::size_t max_text = 255;

std::unexpected<Error> not_socks(const char* what) {
  return fail(ErrorKind::malformed, std::string("the SOCKS proxy does not speak SOCKS5: ") + what, Advice::ask_user);
}

// RFC 1928, section 6; from 0xF0 on, Tor's own.
Error refused(std::uint8_t reply) {
  const auto network = [](const char* what) {
    return Error{ErrorKind::network, std::string("the SOCKS proxy: ") + what, Advice::retry};
  };
  switch (reply) {
    case 2: return {ErrorKind::unsupported, "the SOCKS proxy does not allow this connection", Advice::ask_user};
    case 3: return network("the network can't be reached");
    case 4: return network("the host can't be reached");
    case 5: return network("connection refused: nothing listens there");
    case 6: return {ErrorKind::timeout, "the SOCKS proxy: no answer", Advice::retry};
    case 7: return {ErrorKind::unsupported, "the SOCKS proxy makes no TCP connections", Advice::ask_user};
    case 8: return {ErrorKind::unsupported, "the SOCKS proxy does not know this kind of address", Advice::ask_user};
    case 0xF0: return network("there is no such onion host");
    case 0xF4:
    case 0xF5:
      return {ErrorKind::unsupported, "the SOCKS proxy: the onion host wants a client's key", Advice::ask_user};
    case 0xF6: return {ErrorKind::unsupported, "the SOCKS proxy: this is not an onion address", Advice::ask_user};
    default: return network("it can't connect there");
  }
}

void write_address(Writer& writer, const Endpoint& target) {
  std::array<std::uint8_t, 16> octets{};
  if (::inet_pton(AF_INET, target.host.c_str(), octets.data()) == 1) {
    writer.u8(address_ipv4).raw(BytesView(octets).first(4));
  } else if (::inet_pton(AF_INET6, target.host.c_str(), octets.data()) == 1) {
    writer.u8(address_ipv6).raw(octets);
  } else {
    writer.u8(address_name).short_string(target.host);
  }
  writer.u16(target.port);
}

}  // namespace

Result<SocksProxy> parse_socks_proxy(std::string_view text) {
  const auto wrong = [&](const char* what) {
    return fail(ErrorKind::malformed, std::string(what) + " (a SOCKS proxy is [USER:PASSWORD@][HOST][:PORT])",
                Advice::ask_user);
  };
  SocksProxy proxy;
  if (const auto at = text.rfind('@'); at != text.npos) {
    const auto login = text.substr(0, at);
    text.remove_prefix(at + 1);
    if (login.empty()) {
      proxy.isolation = SocksIsolation::none;
    } else {
      const auto colon = login.find(':');
      if (colon == login.npos) return wrong("the user name has no password");
      proxy.isolation = SocksIsolation::credentials;
      proxy.credentials = SocksCredentials{std::string(login.substr(0, colon)), std::string(login.substr(colon + 1))};
      const auto fits = [](const std::string& part) { return !part.empty() && part.size() <= max_text; };
      if (!fits(proxy.credentials->user) || !fits(proxy.credentials->password)) {
        return wrong("user name and password have 1 to 255 characters");
      }
    }
  }
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == text.npos) return wrong("the IPv6 address has no ']'");
    proxy.server.host = text.substr(1, end - 1);
    text.remove_prefix(end + 1);
  } else {
    // An IPv6 address without brackets has no port.
    const bool bare_ipv6 = std::ranges::count(text, ':') > 1;
    const auto end = bare_ipv6 ? text.size() : std::min(text.find(':'), text.size());
    if (end > 0) proxy.server.host = text.substr(0, end);
    text.remove_prefix(end);
  }
  const auto odd = [](char c) {
    return static_cast<unsigned char>(c) <= 0x20 || std::string_view(",/[]\x7f").contains(c);
  };
  if (proxy.server.host.empty() || std::ranges::any_of(proxy.server.host, odd)) {
    return wrong("this is not a host");
  }
  if (text.empty()) return proxy;
  std::uint16_t port = 0;
  const auto [last, error] = std::from_chars(text.data() + 1, text.data() + text.size(), port);
  if (text.front() != ':' || error != std::errc() || last != text.data() + text.size() || port == 0) {
    return wrong("the port is a number from 1 to 65535");
  }
  proxy.server.port = port;
  return proxy;
}

SocksCredentials isolating_credentials(std::string_view isolation) {
  // Servers may insist on a password, and only look at whether it is the same.
  return {base64url(crypto::sha256(as_bytes(isolation)).view()), "0"};
}

Result<Socks5Dialogue> Socks5Dialogue::begin(const Endpoint& target, std::optional<SocksCredentials> credentials) {
  if (target.host.empty() || target.host.size() > max_text) {
    return fail(ErrorKind::limit, "a host name for a SOCKS proxy has 1 to 255 characters");
  }
  if (credentials && (credentials->user.empty() || credentials->user.size() > max_text ||
                      credentials->password.empty() || credentials->password.size() > max_text)) {
    return fail(ErrorKind::limit, "user name and password for a SOCKS proxy have 1 to 255 characters");
  }
  Socks5Dialogue made;
  made.greeting_ = credentials ? Bytes{socks_version, 2, by_user_name, no_authentication}
                               : Bytes{socks_version, 1, no_authentication};
  made.credentials_ = std::move(credentials);
  Writer request;
  request.u8(socks_version).u8(connect_command).u8(0);
  write_address(request, target);
  made.request_ = std::move(request).take();
  return made;
}

Result<Bytes> Socks5Dialogue::receive(BytesView octets) {
  if (octets.size() != wanted_ || wanted_ == 0) return fail(ErrorKind::internal, "other octets were wanted");
  switch (state_) {
    case State::method: return choose(octets);
    case State::user_name:
      if (octets[0] != user_name_version) return not_socks("its answer to the user name");
      if (octets[1] != 0) {
        return fail(ErrorKind::authentication, "the SOCKS proxy does not accept the user name and password",
                    Advice::ask_user);
      }
      state_ = State::reply;
      wanted_ = 5;
      return std::move(request_);
    case State::reply: return read_reply(octets);
    case State::bound_address:
      state_ = State::done;
      wanted_ = 0;
      return Bytes();
    case State::done: break;
  }
  return fail(ErrorKind::internal, "the SOCKS dialogue is over");
}

Result<Bytes> Socks5Dialogue::choose(BytesView octets) {
  if (octets[0] != socks_version) return not_socks("its first answer");
  if (octets[1] == no_authentication) {
    state_ = State::reply;
    wanted_ = 5;
    return std::move(request_);
  }
  if (octets[1] == by_user_name && credentials_) {
    state_ = State::user_name;
    wanted_ = 2;
    Writer writer;
    writer.u8(user_name_version).short_string(credentials_->user).short_string(credentials_->password);
    return std::move(writer).take();
  }
  if (octets[1] == 0xFF) {
    return fail(ErrorKind::authentication,
                credentials_ ? "the SOCKS proxy accepts neither user names nor connections without"
                             : "the SOCKS proxy wants a user name and password",
                Advice::ask_user);
  }
  return not_socks("it chose what was not offered");
}

// Version, reply, 0, kind of address, and the first octet of the address, which may be its length.
Result<Bytes> Socks5Dialogue::read_reply(BytesView octets) {
  if (octets[0] != socks_version) return not_socks("its reply");
  if (octets[1] != 0) return std::unexpected(refused(octets[1]));
  constexpr std::size_t port_size = 2;
  switch (octets[3]) {
    case address_ipv4: wanted_ = 3 + port_size; break;
    case address_ipv6: wanted_ = 15 + port_size; break;
    case address_name: wanted_ = octets[4] + port_size; break;
    default: return not_socks("the address in its reply");
  }
  state_ = State::bound_address;
  return Bytes();
}

}  // namespace simplex::transport
