// rooms: transport crypto encoding testing
//
// The first blocks of a connection, at both sides: the input is what a peer sends, and everything but a clean answer or
// an error is a bug. The first octet chooses who reads it.
#include <cstdint>

#include "simplex/base/clock.hpp"
#include "simplex/crypto/key_encoding.hpp"
#include "simplex/testing/random.hpp"
#include "simplex/transport/block.hpp"
#include "simplex/transport/smp_handshake.hpp"

namespace {

using namespace simplex;
using namespace simplex::transport;

void check(bool holds) {
  if (!holds) __builtin_trap();
}

struct World {
  testing::SeededRandom random{1};
  ServerCredentials credentials =
      make_credentials(SignatureAlgorithm::ed25519, from_seconds_since_epoch(1'800'000'000), random);
  ChannelInfo at_relay{SessionId(Bytes(32, 1)), "smp/1", credentials.chain};
  ChannelInfo at_client{SessionId(Bytes(32, 1)), "smp/1", credentials.chain};
  crypto::X25519KeyPair key = crypto::generate_x25519(random);
};

void relay_reads(World& world, BytesView content) {
  SmpServerHandshake relay(world.credentials, world.at_relay, world.key.clone(), {});
  const auto step = relay.receive(content);
  check(step.outcome.has_value());
  auto hello = decode_client_hello(content);
  if (step.outcome->has_value()) check(hello.has_value());
  if (!hello) return;
  // Past the check of the identity, which no input of a fuzzer would pass.
  hello->identity = to_bytes(world.credentials.identity.view());
  SmpServerHandshake wanted(world.credentials, world.at_relay, world.key.clone(), {});
  const auto outcome = wanted.receive(encode(*hello)).outcome;
  if (outcome->has_value()) check((*outcome)->version == hello->version);
  const auto again = decode_client_hello(encode(*hello));
  check(again.has_value() && again->version == hello->version && again->key == hello->key &&
        again->proxy == hello->proxy && again->service.has_value() == hello->service.has_value());
}

void client_reads(World& world, BytesView content) {
  ClientHandshakeSettings settings;
  settings.identity = world.credentials.identity;
  SmpClientHandshake client(std::move(settings), world.at_client, world.key.clone());
  const auto step = client.receive(content);
  check(step.outcome.has_value());
  check(step.outcome->has_value() == step.send.has_value());
  if (auto hello = decode_server_hello(content)) {
    hello->session_id = world.at_client.session_id;
    ClientHandshakeSettings again_settings;
    again_settings.identity = world.credentials.identity;
    SmpClientHandshake known(std::move(again_settings), world.at_client, world.key.clone());
    (void)known.receive(encode(*hello));
    const auto again = decode_server_hello(encode(*hello));
    check(again.has_value() && again->versions == hello->versions && again->session_id == hello->session_id);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static World world;
  if (size == 0) return 0;
  const BytesView input(data + 1, size - 1);
  switch (data[0] % 5) {
    case 0: relay_reads(world, input); break;
    case 1: client_reads(world, input); break;
    case 2: (void)decode_service_answer(input); break;
    case 3: {
      const auto spki = verify_signed_key(crypto::public_key(world.credentials.key), input);
      if (spki) check(!spki->empty());
      (void)verify_relay_chain({to_bytes(input), world.credentials.chain[1]}, world.credentials.identity,
                               from_seconds_since_epoch(1'800'000'000));
      break;
    }
    case 4: {
      BlockReader reader;
      std::size_t blocks = 0;
      for (int i = 0; i < 20; ++i) {
        reader.feed(input, [&](BytesView block) {
          check(block.size() == block_size);
          ++blocks;
          (void)content_of_plain_block(block);
          return true;
        });
      }
      check(blocks * block_size + reader.partial() == 20 * input.size());
      break;
    }
  }
  return 0;
}
