// What the tests of this room share: a loop to run until something holds, and a relay's credentials.
#pragma once

#include <gtest/gtest.h>

#include "simplex/testing/random.hpp"
#include "simplex/testing/run_until.hpp"
#include "simplex/transport/credentials.hpp"
#include "simplex/transport/smp_handshake.hpp"

namespace simplex::transport {

using namespace std::chrono_literals;
using testing::run_until;

inline const ServerCredentials& test_credentials() {
  static const ServerCredentials made = [] {
    testing::SeededRandom random(1);
    return make_credentials(SignatureAlgorithm::ed25519, SystemClock().wall(), random);
  }();
  return made;
}

inline ClientHandshakeSettings client_settings() {
  ClientHandshakeSettings settings;
  settings.identity = test_credentials().identity;
  return settings;
}

// What both ends of a TLS connection to that relay would see.
inline std::pair<ChannelInfo, ChannelInfo> client_and_relay_info() {
  const SessionId session_id(Bytes(32, 0x5e));
  return {{session_id, "smp/1", test_credentials().chain}, {session_id, "smp/1", {}}};
}

inline crypto::X25519KeyPair test_key(std::uint64_t seed) {
  testing::SeededRandom random(seed);
  return crypto::generate_x25519(random);
}

inline bool contains(const std::string& text, std::string_view part) { return text.find(part) != text.npos; }

}  // namespace simplex::transport
