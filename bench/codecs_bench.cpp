// rooms: smp_protocol protocol crypto with OpenSSL::Crypto PkgConfig::SODIUM
// Encoding and decoding, without cryptography: the floor of what carries a whole message body is one copy of it.
#include <benchmark/benchmark.h>

#include <cstring>
#include <stdexcept>

#include "simplex/protocol/connection_link.hpp"
#include "simplex/smp/block_codec.hpp"
#include "simplex/smp/transmission.hpp"

namespace simplex::smp {
namespace {

using benchmark::DoNotOptimize;

constexpr std::size_t body_size = 16000;

void one_copy(benchmark::State& state) {
  const Bytes from(protocol::block_size, 1);
  Bytes to(protocol::block_size);
  for (auto _ : state) {
    std::memcpy(to.data(), from.data(), from.size());
    DoNotOptimize(to.data());
  }
}

struct Setting {
  SystemRandom random;
  Bytes session_id = random.bytes(32);
  SessionParams session{current_version, session_id};
  protocol::CorrId corr_id = protocol::CorrId::generate(random);
  Bytes entity_id = random.bytes(24);
  Bytes body = random.bytes(body_size);
};

template <class T, class E>
T required(std::expected<T, E> result) {
  if (!result) throw std::logic_error("the benchmark's own setting is wrong");
  return std::move(*result);
}

Bytes block_of(BytesView transmission) {
  protocol::Batch batch;
  if (!batch.add(transmission)) throw std::logic_error("the transmission does not fit");
  return required(BlockCodec().encode(batch.take()));
}

void send_encode(benchmark::State& state) {
  Setting setting;
  for (auto _ : state) {
    DoNotOptimize(block_of(required(encode_client_transmission(setting.session, {}, setting.corr_id, setting.entity_id,
                                                               command::Send{{}, Content(setting.body)}))));
  }
}
void send_decode(benchmark::State& state) {
  Setting setting;
  Bytes block = block_of(required(encode_client_transmission(setting.session, {}, setting.corr_id, setting.entity_id,
                                                             command::Send{{}, Content(setting.body)})));
  BlockCodec codec;
  for (auto _ : state) {
    const BytesView content = required(codec.decode(block));
    for (const BytesView transmission : required(protocol::split_batch(content))) {
      DoNotOptimize(required(decode_client_transmission(setting.session, transmission)));
    }
  }
}
void msg_encode(benchmark::State& state) {
  Setting setting;
  const broker::Msg message{MessageId(BytesView(setting.entity_id)), Content(setting.body)};
  for (auto _ : state) {
    DoNotOptimize(block_of(encode_broker_transmission(setting.session, {}, setting.entity_id, message)));
  }
}
void msg_decode(benchmark::State& state) {
  Setting setting;
  Bytes block =
      block_of(encode_broker_transmission(setting.session, {}, setting.entity_id,
                                          broker::Msg{MessageId(BytesView(setting.entity_id)), Content(setting.body)}));
  BlockCodec codec;
  for (auto _ : state) {
    const BytesView content = required(codec.decode(block));
    for (const BytesView transmission : required(protocol::split_batch(content))) {
      DoNotOptimize(required(decode_broker_transmission(setting.session, transmission)));
    }
  }
}

protocol::InvitationLink a_link() {
  SystemRandom random;
  const auto params = crypto::generate_receiver_params(random, crypto::e2e_version_pq, crypto::PqSupport::on).params;
  protocol::ServerAddress server;
  server.hosts.push_back(required(protocol::Host::parse("relay.example.com")));
  server.key_hash = protocol::KeyHash(random.bytes(32));
  protocol::LinkData data;
  data.agent_versions = {AgentVersion(2), AgentVersion(7)};
  data.queues.push_back({protocol::supported_client_versions,
                         {std::move(server), protocol::SenderId(random.bytes(24)),
                          crypto::generate_x25519(random).public_key, protocol::QueueMode::messaging}});
  return {std::move(data), crypto::with_versions(params, crypto::supported_e2e_versions)};
}
void link_format(benchmark::State& state) {
  const auto link = a_link();
  for (auto _ : state) DoNotOptimize(protocol::format(link));
}
void link_parse(benchmark::State& state) {
  const std::string text = protocol::format(a_link());
  for (auto _ : state) DoNotOptimize(required(protocol::parse_connection_link(text)));
}

BENCHMARK(send_encode)->Name("SEND of 16 KB into a block");
BENCHMARK(one_copy)->Name("SEND of 16 KB into a block/floor");
BENCHMARK(send_decode)->Name("SEND of 16 KB out of a block");
BENCHMARK(one_copy)->Name("SEND of 16 KB out of a block/floor");
BENCHMARK(msg_encode)->Name("MSG of 16 KB into a block");
BENCHMARK(one_copy)->Name("MSG of 16 KB into a block/floor");
BENCHMARK(msg_decode)->Name("MSG of 16 KB out of a block");
BENCHMARK(one_copy)->Name("MSG of 16 KB out of a block/floor");
BENCHMARK(link_format)->Name("one-time link written");
BENCHMARK(link_parse)->Name("one-time link read");

}  // namespace
}  // namespace simplex::smp
