#include "simplex/crypto/authenticator.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <array>

#include "simplex/testing/random.hpp"
#include "simplex/testing/vectors.hpp"

namespace simplex::crypto {
namespace {

using testing::SeededRandom;

struct World {
  explicit World(std::uint64_t seed)
      : random(seed),
        server(generate_x25519(random)),
        keys{generate_ed25519(random).private_key, generate_ed448(random).private_key,
             generate_x25519(random).private_key},
        nonce(random_nonce(random)) {}

  SeededRandom random;
  X25519KeyPair server;
  std::array<AuthPrivateKey, 3> keys;
  CbNonce nonce;
};

TEST(Authorization, OctetsMayLieInSeveralPlaces) {
  World world(2);
  const auto key = box_key(public_key(std::get<X25519PrivateKey>(world.keys[2])), world.server.private_key).value();
  const auto command = testing::pattern(300);
  const auto made = authenticate(key, world.nonce, command);
  const BytesView whole(command);
  EXPECT_TRUE(verify_authenticator(key, world.nonce, made, {whole.first(1), whole.subspan(1, 32), whole.subspan(33)}));
  EXPECT_TRUE(verify_authenticator(key, world.nonce, made, {whole, {}}));
  EXPECT_FALSE(verify_authenticator(key, world.nonce, made, {whole.first(1), whole.subspan(33)}));
  EXPECT_FALSE(verify_authenticator(key, world.nonce, made, {whole.subspan(33), whole.first(33)}));
}

TEST(Authorization, EveryKindOfKey) {
  World world(1);
  const auto command = testing::pattern(300);
  const std::array<std::size_t, 3> sizes = {64, 114, 80};
  for (std::size_t i = 0; i < world.keys.size(); ++i) {
    const auto made = authorize(world.keys[i], world.server.public_key, world.nonce, command);
    ASSERT_TRUE(made);
    EXPECT_EQ(made->size(), sizes[i]);
    for (std::size_t j = 0; j < world.keys.size(); ++j) {
      EXPECT_EQ(verify_authorization(public_key(world.keys[j]), &world.server.private_key, world.nonce, *made, command),
                i == j);
    }
    const auto key = public_key(world.keys[i]);
    auto other_command = command;
    other_command.back() ^= 1;
    EXPECT_FALSE(verify_authorization(key, &world.server.private_key, world.nonce, *made, other_command));
    for (std::size_t octet = 0; octet < made->size(); ++octet) {
      auto damaged = *made;
      damaged[octet] ^= 0x20;
      EXPECT_FALSE(verify_authorization(key, &world.server.private_key, world.nonce, damaged, command));
    }
    EXPECT_FALSE(verify_nothing(&world.server.private_key, world.nonce, *made, command));
    EXPECT_FALSE(verify_nothing(nullptr, world.nonce, *made, command));
  }
}

TEST(Authorization, AuthenticatorIsOfThisSessionAndNonce) {
  World world(2);
  const auto& key = world.keys[2];
  const auto made = authorize(key, world.server.public_key, world.nonce, {});
  ASSERT_TRUE(made);
  const auto other_server = generate_x25519(world.random);
  EXPECT_FALSE(verify_authorization(public_key(key), &other_server.private_key, world.nonce, *made, {}));
  EXPECT_FALSE(verify_authorization(public_key(key), nullptr, world.nonce, *made, {}));
  EXPECT_FALSE(verify_authorization(public_key(key), &world.server.private_key, random_nonce(world.random), *made, {}));
  // The one who can check it can make it: that is what makes it deniable.
  const auto shared = box_key(std::get<X25519PublicKey>(public_key(key)), world.server.private_key);
  EXPECT_EQ(to_bytes(authenticate(*shared, world.nonce, {}).view()), *made);
}

TEST(Authorization, OldRelayHasNoSessionKey) {
  World world(3);
  EXPECT_TRUE(authorize(world.keys[0], std::nullopt, world.nonce, {}));
  const auto refused = authorize(world.keys[2], std::nullopt, world.nonce, {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::version);
}

TEST(Authorization, HostileInput) {
  World world(4);
  EXPECT_TRUE(rc::check([&](const Bytes& authorization, const Bytes& command) {
    for (const auto& key : world.keys) {
      RC_ASSERT(!verify_authorization(public_key(key), &world.server.private_key, world.nonce, authorization, command));
    }
    RC_ASSERT(!verify_nothing(&world.server.private_key, world.nonce, authorization, command));
  }));
  // Keys of low order, whose owner wants a secret that is a constant; and octets that are no point of the curve.
  for (const std::uint8_t fill : {std::uint8_t{0x00}, std::uint8_t{0xff}}) {
    X25519PublicKey x25519;
    Ed25519PublicKey ed25519;
    std::fill(x25519.mutable_view().begin(), x25519.mutable_view().end(), fill);
    std::fill(ed25519.mutable_view().begin(), ed25519.mutable_view().end(), fill);
    EXPECT_FALSE(verify_authorization(x25519, &world.server.private_key, world.nonce, Bytes(80), {}));
    EXPECT_FALSE(verify_authorization(ed25519, nullptr, world.nonce, Bytes(64), {}));
  }
  Ed448PublicKey no_point;
  std::fill(no_point.mutable_view().begin(), no_point.mutable_view().end(), std::uint8_t{0xff});
  EXPECT_FALSE(verify_authorization(no_point, nullptr, world.nonce, Bytes(114), {}));
}

TEST(Signature, RoundTrip) {
  EXPECT_TRUE(rc::check([](std::uint64_t seed, const Bytes& message) {
    SeededRandom random(seed);
    const SignaturePrivateKey key = generate_ed25519(random).private_key;
    const SignaturePrivateKey other = generate_ed448(random).private_key;
    const auto made = sign(key, message);
    RC_ASSERT(verify(public_key(key), made, message));
    RC_ASSERT(!verify(public_key(other), made, message));
    RC_ASSERT(decode_signature(view(made)).value() == made);
    const auto long_one = sign(other, message);
    RC_ASSERT(verify(public_key(other), long_one, message));
    RC_ASSERT(!verify(public_key(key), long_one, message));
  }));
}

}  // namespace
}  // namespace simplex::crypto
