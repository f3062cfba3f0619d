// rooms: protocol crypto encoding base
// What a short link leads to. The input is an owner, fixed data, user data in the clear, and user data that somebody with
// the link's root key signed: nothing may throw, and what was understood must be understood again as it is written.
#include <cstdint>

#include "simplex/protocol/sealed_link_data.hpp"
#include "allocation_bound.hpp"
#include "counting_random.hpp"
#include "require.hpp"

namespace {

using namespace simplex;            // NOLINT: one file, no header
using namespace simplex::protocol;  // NOLINT
using fuzz::require;

// Lists reserve for as many values as they say, at most 255.
constexpr std::size_t most_allocated = 400'000;

void read_owner(BytesView input) {
  Reader reader(input);
  const auto owner = read_link_owner(reader);
  if (!owner) return;
  // What is newer inside an owner is not written again, so each can be written.
  Writer writer;
  write_link_owner(writer, *owner);
  Reader again(writer.view());
  require(read_link_owner(again) == owner && again.empty());
}

void read_data(BytesView input) {
  const fuzz::AllocationBound bound(most_allocated);
  if (const auto fixed = decode_fixed_link_data(input)) {
    if (const auto written = encode(*fixed)) {
      const auto again = decode_fixed_link_data(*written);
      require(again.has_value() && encode(*again) == written);
    } else {
      require(written.error().kind == ErrorKind::limit);
    }
  }
  if (const auto user = decode_user_link_data(input)) {
    if (const auto written = encode(*user)) {
      require(decode_user_link_data(*written) == user);
    } else {
      require(written.error().kind == ErrorKind::limit);
    }
  }
}

// A link whose maker says anything.
struct World {
  fuzz::CountingRandom random;
  crypto::Ed25519KeyPair root = crypto::generate_ed25519(random);
  LinkCredentials made = make();
  LinkKeys keys = contact_link_keys(made.key);

  LinkCredentials make() {
    LinkData data;
    data.agent_versions = {AgentVersion(2), AgentVersion(7)};
    QueueUri queue;
    queue.versions = {short_links_client_version, short_links_client_version};
    queue.address.server.hosts = {Host::parse("a.com").value()};
    queue.address.mode = QueueMode::contact;
    data.queues = {queue};
    const FixedLinkData fixed{data.agent_versions, root.public_key, ContactLink{data}, {}};
    return make_link(random, fixed, root.private_key.clone()).value();
  }

  void open_signed(BytesView input) {
    Writer writer;
    writer.short_string(crypto::sign(root.private_key, input).view()).raw(input);
    const auto sealed = seal_user_data(random, keys.box_key, writer.view());
    if (!sealed) return;
    const auto& key = made.key;
    const auto opened = open_link_data(ConnectionMode::contact, key, keys.box_key, made.sealed_fixed, *sealed);
    if (!opened) {
      require(opened.error().advice == Advice::ask_user && opened.error().message.size() < 300);
      return;
    }
    require(decode_user_link_data(input) == opened->user);
    require(make_user_data(random, made, opened->user).has_value());
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static World world;
  const BytesView input(data, size);
  read_owner(input);
  read_data(input);
  world.open_signed(input);
  (void)open_link_data(ConnectionMode::contact, world.made.key, world.keys.box_key, input, input);
  return 0;
}
