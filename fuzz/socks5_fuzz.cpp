// rooms: transport
// What a SOCKS server answers: the dialogue ends after a few answers, asks for no more than an answer can have, and gives
// away the user name and password only to one that asked for them. The input is also read as the setting of a proxy.
#include "simplex/transport/socks5.hpp"
#include "allocation_bound.hpp"
#include "require.hpp"

namespace {

using namespace simplex;             // NOLINT: one file, no header
using namespace simplex::transport;  // NOLINT
using fuzz::require;

constexpr std::size_t most_octets = 255 + 2;  // of one answer: a name and a port

void talk(BytesView input, bool with_credentials) {
  std::optional<SocksCredentials> credentials;
  if (with_credentials) credentials = SocksCredentials{"alice", "password"};
  auto dialogue = Socks5Dialogue::begin({"relay.example", 5223}, credentials);
  require(dialogue.has_value());
  int answers = 0;
  int requests = 0;
  while (dialogue->wanted() > 0) {
    require(dialogue->wanted() <= most_octets && ++answers <= 4);
    if (input.size() < dialogue->wanted()) return;
    const auto octets = input.first(dialogue->wanted());
    input = input.subspan(octets.size());
    const auto sent = dialogue->receive(octets);
    if (!sent) return require(!sent.error().message.empty() && sent.error().message.size() < 200);
    const bool has_password = as_text(*sent).find("password") != std::string_view::npos;
    require(!has_password || (with_credentials && answers == 1 && octets[1] == 2));
    if (as_text(*sent).find("relay.example") != std::string_view::npos) ++requests;
  }
  // The way is open only where the target was named, once.
  require(requests == 1);
}

void read_setting(std::string_view text) {
  const auto proxy = parse_socks_proxy(text);
  if (!proxy) return require(!proxy.error().message.empty() && proxy.error().message.size() < 200);
  require(!proxy->server.host.empty() && proxy->server.port != 0);
  require(proxy->credentials.has_value() == (proxy->isolation == SocksIsolation::credentials));
  // As it would be written.
  std::string written = proxy->isolation == SocksIsolation::none ? "@" : "";
  if (proxy->credentials) written = proxy->credentials->user + ':' + proxy->credentials->password + '@';
  const bool brackets = proxy->server.host.find(':') != std::string::npos;
  written += brackets ? '[' + proxy->server.host + ']' : proxy->server.host;
  const auto again = parse_socks_proxy(written + ':' + std::to_string(proxy->server.port));
  require(again == proxy);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const fuzz::AllocationBound bound(16 * 1'024 + 16 * size);
  const BytesView input(data, size);
  talk(input, false);
  talk(input, true);
  read_setting(as_text(input));
  return 0;
}
