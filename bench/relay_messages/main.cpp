// relay_messages CASE COUNT: that many messages through the relay's path. instructions.sh counts what it executes.
#include <charconv>
#include <cstdio>
#include <string_view>

#include "../relay_path.hpp"

namespace {

using namespace simplex::smp;
using simplex::SmpVersion;
using simplex::smp::server::Authorization;

struct Case {
  std::string_view name;
  SmpVersion version;
  Authorization authorization;
};

constexpr SmpVersion plain_blocks{10};
constexpr Case cases[] = {{"signed", current_version, Authorization::signature},
                          {"authenticated", current_version, Authorization::authenticator},
                          {"signed-v10", plain_blocks, Authorization::signature}};

}  // namespace

int main(int argc, char** argv) {
  const std::string_view name = argc == 3 ? argv[1] : "";
  const std::string_view text = argc == 3 ? argv[2] : "";
  int count = 0;
  std::from_chars(text.data(), text.data() + text.size(), count);
  for (const auto& each : cases) {
    if (each.name != name || count <= 0) continue;
    server::RelayPath relay(each.version, each.authorization);
    for (int i = 0; i < count; ++i) {
      auto send = relay.send_block();
      const auto id = relay.work(relay.sender(), send);
      if (relay.blocks_out() != 2 || id.empty()) return 1;
      auto ack = relay.ack_block(id);
      relay.work(relay.recipient(), ack);
      if (relay.blocks_out() != 1) return 1;
    }
    return 0;
  }
  std::fputs("relay_messages signed|authenticated|signed-v10 COUNT\n", stderr);
  return 2;
}
