// Every kind of command and message with random parts, for round trips. Content lives as long as the generator.
#pragma once

#include <deque>

#include "simplex/smp/broker_message.hpp"
#include "simplex/smp/command.hpp"
#include "simplex/testing/random.hpp"

namespace simplex::smp::testing {

class Generator {
 public:
  explicit Generator(std::uint64_t seed) : random_(seed) {}

  Bytes bytes(std::size_t size) { return random_.bytes(size); }
  bool coin() { return random_.below(2) == 1; }
  // One of the alternatives of the variant, by index.
  ClientCommand command(std::size_t kind);
  BrokerMessage message(std::size_t kind);
  ErrorType error(int nesting = 0);

 private:
  template <class Id>
  Id id() {
    return Id(random_.bytes(random_.below(4) == 0 ? random_.below(256) : 24));
  }
  template <class F>
  auto maybe(F&& make) -> std::optional<decltype(make())> {
    if (coin()) return std::nullopt;
    return make();
  }
  Content content(std::size_t max);
  QueueLinkData link_data() { return {content(2008), content(13784)}; }
  crypto::X25519PublicKey dh_key() { return *crypto::X25519PublicKey::from(random_.bytes(32)); }
  crypto::AuthPublicKey auth_key();
  BasicAuth password();
  std::string text();
  IdsHash hash() { return *IdsHash::from(random_.bytes(16)); }
  protocol::ServerAddress server();
  ServiceQueues queues() { return {static_cast<std::int64_t>(random_.number()), hash()}; }
  command::New new_command();
  broker::Ids ids();
  BrokerError broker_error();

  simplex::testing::SeededRandom random_;
  std::deque<Bytes> contents_;
};

}  // namespace simplex::smp::testing
