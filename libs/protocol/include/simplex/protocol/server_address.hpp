// Addresses of servers (simplex-messaging.md, "SMP server address"; vectors: encoding.json str_encode, str_decode).
//
//   text:    smp://KEYHASH[:PASSWORD]@HOST[,HOST...][:PORT]     also xftp:// and ntf://
//   binary:  hosts (1-byte count, short strings) | port (short string, empty: the default) | key hash (short string)
//   binary, first form (queue addresses of client version 1): the first host only, without a count
#pragma once

#include <compare>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "simplex/base/bytes.hpp"
#include "simplex/base/result.hpp"
#include "simplex/base/secret.hpp"
#include "simplex/base/strong.hpp"
#include "simplex/encoding/reader.hpp"
#include "simplex/encoding/writer.hpp"

namespace simplex::protocol {

// SHA-256 of the server's identity certificate: 32 octets. Empty in a short link to a preset server; other sizes are
// kept as they came and can never match a certificate.
struct KeyHashTag;
using KeyHash = OpaqueBytes<KeyHashTag>;

enum class Scheme : std::uint8_t { smp, xftp, ntf };
[[nodiscard]] std::string_view name_of(Scheme scheme) noexcept;

enum class HostKind : std::uint8_t { ipv4, ipv6, onion, domain };

// A host in its one normal text: IPv6 in its short form (RFC 5952) without brackets, IPv4 without leading zeros.
class Host {
 public:
  // Accepts IPv6 with or without brackets. Blank, "x#y", an upper-case .onion and the like are malformed.
  [[nodiscard]] static Result<Host> parse(std::string_view text);

  [[nodiscard]] HostKind kind() const noexcept { return kind_; }
  [[nodiscard]] const std::string& text() const noexcept { return text_; }

  friend auto operator<=>(const Host&, const Host&) = default;

 private:
  friend Result<Host> read_host_text(std::string_view& text);
  Host(HostKind kind, std::string text) : kind_(kind), text_(std::move(text)) {}
  HostKind kind_;
  std::string text_;
};

// Password of a server that lets only its own people create queues or files: printable ASCII without '@', ':', '/'.
// Copies are made on purpose (configuration, commands); each is wiped when dropped, none can be printed by accident.
class BasicAuth {
 public:
  [[nodiscard]] static Result<BasicAuth> from(BytesView password);
  BasicAuth(const BasicAuth& other) : password_(other.password_.clone()) {}
  BasicAuth& operator=(const BasicAuth& other) {
    if (this != &other) password_ = other.password_.clone();
    return *this;
  }
  BasicAuth(BasicAuth&&) noexcept = default;
  BasicAuth& operator=(BasicAuth&&) noexcept = default;
  ~BasicAuth() = default;

  [[nodiscard]] BytesView reveal() const noexcept { return password_.reveal(); }
  // In constant time.
  friend bool operator==(const BasicAuth& a, const BasicAuth& b) noexcept { return a.password_ == b.password_; }

 private:
  explicit BasicAuth(BytesView password) : password_(password) {}
  SecretBytes password_;
};

struct ServerAddress {
  Scheme scheme = Scheme::smp;
  std::vector<Host> hosts;  // at least one; the first is the server's name, others lead to the same server
  std::string port;         // decimal digits, or empty: the protocol's default (5223 for smp, 443 for xftp and ntf)
  KeyHash key_hash;

  friend auto operator<=>(const ServerAddress&, const ServerAddress&) = default;

  // The port to connect to; nothing when the text is no port number (99999 is accepted in an address).
  [[nodiscard]] std::optional<std::uint16_t> port_number() const noexcept;
};

struct ServerWithAuth {
  ServerAddress address;
  std::optional<BasicAuth> password;

  friend bool operator==(const ServerWithAuth&, const ServerWithAuth&) = default;
};

// The same server: hosts and port agree.
[[nodiscard]] bool same_server(const ServerAddress& a, const ServerAddress& b) noexcept;

// A whole text, nothing left over. A password is an error for parse_server_address.
[[nodiscard]] Result<ServerAddress> parse_server_address(std::string_view text);
[[nodiscard]] Result<ServerWithAuth> parse_server_with_auth(std::string_view text);
[[nodiscard]] std::string format(const ServerAddress& server);
// Reveals the password: for the operator's and the user's own eyes only.
[[nodiscard]] std::string format(const ServerWithAuth& server);

// The scheme is not in the binary form.
[[nodiscard]] Result<ServerAddress> read_server_address(Reader& reader, Scheme scheme = Scheme::smp);
void write_server_address(Writer& writer, const ServerAddress& server);

// First form: one host, no count. Reading adds the second host of the well-known servers of that time.
[[nodiscard]] Result<ServerAddress> read_first_form_server_address(Reader& reader, Scheme scheme = Scheme::smp);
void write_first_form_server_address(Writer& writer, const ServerAddress& server);
[[nodiscard]] std::string format_first_host_only(const ServerAddress& server);

}  // namespace simplex::protocol
