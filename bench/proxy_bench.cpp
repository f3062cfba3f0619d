// rooms: smp_server smp_protocol protocol crypto with PkgConfig::SODIUM
// What a proxy does for one forwarded SEND, between the octets that TLS gives and the octets that TLS gets: the client's
// PFWD is read, wrapped for the relay and put into a block; the relay's RRES is read, opened and put into a block for the
// client. The client's blocks are encrypted (v11), those between proxy and relay are not. The floor is the same
// cryptography called bare: two blocks, and the proxy's layer sealed and opened.
#include <benchmark/benchmark.h>
#include <sodium.h>

#include <array>
#include <optional>
#include <stdexcept>

#include "simplex/crypto/nonce.hpp"
#include "simplex/protocol/block.hpp"
#include "simplex/smp/block_codec.hpp"
#include "simplex/smp/proxy_layers.hpp"
#include "simplex/smp/transmission.hpp"

namespace simplex::smp {
namespace {

using benchmark::DoNotOptimize;

template <class T, class E>
T required(std::expected<T, E> result) {
  if (!result) throw std::logic_error("the benchmark's own setting is wrong");
  return std::move(*result);
}

Bytes content_of(BytesView transmission) {
  protocol::Batch batch;
  if (!batch.add(transmission)) throw std::logic_error("the transmission does not fit");
  return batch.take();
}

class Routing {
 public:
  Routing() {
    const auto client = crypto::generate_x25519(random_);
    const auto proxy = crypto::generate_x25519(random_);
    const auto agreed = required(crypto::dh(client.public_key, proxy.private_key));
    client_side_ = BlockCodec(Side::client, agreed, client_session_);
    proxy_side_ = BlockCodec(Side::relay, agreed, client_session_);
    relay_key_ = required(crypto::box_key(client.public_key, proxy.private_key));
    command_key_ = client.public_key;
    sealed_ = random_.bytes(padded_forwarded_size + crypto::box_tag_size);
  }

  Bytes pfwd_block() {
    corr_id_ = CorrId::generate(random_);
    const command::Pfwd pfwd{current_version, command_key_, Content(sealed_)};
    const auto transmission =
        required(encode_client_transmission({current_version, client_session_}, {}, corr_id_, relay_session_, pfwd));
    return required(client_side_.encode(content_of(transmission)));
  }
  // The content of the block for the relay.
  Bytes forward(Bytes& block) {
    const auto content = required(proxy_side_.decode(block));
    const auto transmissions = required(protocol::split_batch(content));
    const auto received =
        required(decode_client_transmission({current_version, client_session_}, transmissions.front()));
    const auto& pfwd = std::get<command::Pfwd>(received.command);
    own_corr_id_ = CorrId::generate(random_);
    const auto sealed = seal_rfwd(*relay_key_, crypto::cb_nonce(own_corr_id_.view()),
                                  {received.corr_id, pfwd.version, pfwd.key, pfwd.encrypted});
    return content_of(required(encode_client_transmission({current_version, relay_session_}, {}, own_corr_id_, {},
                                                          command::Rfwd{Content(sealed)})));
  }
  Bytes rres_content() {
    const auto sealed =
        seal_rres(*relay_key_, crypto::cb_nonce(own_corr_id_.view()), ForwardedResponse{corr_id_, Content(sealed_)});
    return content_of(
        encode_broker_transmission({current_version, relay_session_}, own_corr_id_, {}, broker::Rres{Content(sealed)}));
  }
  Bytes answer(BytesView content) {
    const auto transmissions = required(protocol::split_batch(content));
    const auto received =
        required(decode_broker_transmission({current_version, relay_session_}, transmissions.front()));
    auto octets = to_bytes(std::get<broker::Rres>(received.message).encrypted.bytes);
    const auto response = required(open_rres(*relay_key_, crypto::cb_nonce(received.corr_id.view()), octets));
    const auto transmission = encode_broker_transmission({current_version, client_session_}, response.corr_id,
                                                         relay_session_, broker::Pres{response.encrypted});
    return required(proxy_side_.encode(content_of(transmission)));
  }

 private:
  SystemRandom random_;
  Bytes client_session_ = random_.bytes(32);
  Bytes relay_session_ = random_.bytes(32);
  BlockCodec client_side_;
  BlockCodec proxy_side_;
  std::optional<crypto::BoxKey> relay_key_;
  crypto::X25519PublicKey command_key_;
  Bytes sealed_;
  CorrId corr_id_;
  CorrId own_corr_id_;
};

void forwarded_send(benchmark::State& state) {
  Routing routing;
  for (auto _ : state) {
    state.PauseTiming();
    Bytes block = routing.pfwd_block();
    state.ResumeTiming();
    DoNotOptimize(routing.forward(block));
    state.PauseTiming();
    const Bytes response = routing.rres_content();
    state.ResumeTiming();
    DoNotOptimize(routing.answer(response));
  }
}
BENCHMARK(forwarded_send)->Name("proxy/forwarded_send");

void floor(benchmark::State& state) {
  Bytes octets(16'384, 1);
  Bytes out(16'384 + crypto_box_MACBYTES);
  const Bytes key(crypto_box_BEFORENMBYTES, 2);
  const Bytes nonce(crypto_box_NONCEBYTES, 3);
  for (auto _ : state) {
    for (const std::size_t size : std::array<std::size_t, 4>{16'368, 16'300, 16'300, 16'368}) {
      crypto_box_easy_afternm(out.data(), octets.data(), size, nonce.data(), key.data());
      DoNotOptimize(out.data());
    }
  }
}
BENCHMARK(floor)->Name("proxy/forwarded_send/floor");

}  // namespace
}  // namespace simplex::smp
