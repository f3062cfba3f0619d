// rooms: smp_server smp_protocol protocol transport crypto with OpenSSL::Crypto PkgConfig::SODIUM
// The relay's path of a message: SEND is answered OK, and MSG goes to the subscriber; its ACK is answered OK. Everything the
// relay does between the octets that TLS gives and the octets that TLS gets, in this process: blocks, authorization, the
// engine, the memory store, encryption for the recipient. The floor is the same cryptography called bare: blocks of 16 KB
// opened and sealed, signatures or authenticators verified, the body encrypted once.
#include <benchmark/benchmark.h>
#include <openssl/evp.h>
#include <sodium.h>

#include "relay_path.hpp"

namespace simplex::smp::server {
namespace {

using benchmark::DoNotOptimize;

void message(benchmark::State& state, SmpVersion version, Authorization authorization) {
  RelayPath relay(version, authorization);
  for (auto _ : state) {
    state.PauseTiming();
    Bytes send = relay.send_block();
    state.ResumeTiming();
    const Bytes id = relay.work(relay.sender(), send);
    state.PauseTiming();
    if (relay.blocks_out() != 2 || id.empty()) {
      state.SkipWithError("SEND was not answered with OK and MSG");
      break;
    }
    Bytes ack = relay.ack_block(id);
    state.ResumeTiming();
    relay.work(relay.recipient(), ack);
    state.PauseTiming();
    if (relay.blocks_out() != 1) {
      state.SkipWithError("ACK was not answered with OK");
      break;
    }
    state.ResumeTiming();
  }
}

// ---- the floor -----------------------------------------------------------------------------------------------------

class Bare {
 public:
  explicit Bare(Authorization authorization) : authorization_(authorization) {
    crypto_sign_keypair(public_key_.data(), secret_key_.data());
    crypto_sign_detached(long_signature_.data(), nullptr, block_.data(), body_size, secret_key_.data());
    crypto_sign_detached(short_signature_.data(), nullptr, block_.data(), 150, secret_key_.data());
    crypto_box_keypair(dh_public_.data(), dh_secret_.data());
  }
  void seal(std::size_t size) {
    crypto_box_easy_afternm(out_.data(), block_.data(), size, nonce_.data(), key_.data());
    DoNotOptimize(out_.data());
  }
  void block(bool encrypted) {
    if (!encrypted) return;
    for (int i = 0; i < 3; ++i) crypto_auth_hmacsha512(chain_.data(), chain_.data(), chain_.size(), key_.data());
    seal(16368);
  }
  void authorization(std::size_t size, const Bytes& signature) {
    if (authorization_ == Authorization::signature) {
      DoNotOptimize(crypto_sign_verify_detached(signature.data(), block_.data(), size, public_key_.data()));
      return;
    }
    EVP_Digest(block_.data(), size, hash_.data(), nullptr, EVP_sha512(), nullptr);
    DoNotOptimize(crypto_scalarmult(agreed_.data(), dh_secret_.data(), dh_public_.data()));
    crypto_box_easy_afternm(out_.data(), hash_.data(), hash_.size(), nonce_.data(), key_.data());
    DoNotOptimize(out_.data());
  }
  void message(bool encrypted) {
    for (int blocks = 0; blocks < 5; ++blocks) block(encrypted);
    authorization(body_size, long_signature_);
    authorization(150, short_signature_);
    seal(16106);
  }

 private:
  static constexpr std::size_t body_size = 16100;
  Authorization authorization_;
  Bytes block_ = Bytes(16384, 1);
  Bytes out_ = Bytes(16384 + 16);
  Bytes key_ = Bytes(32, 2);
  Bytes nonce_ = Bytes(24, 3);
  Bytes chain_ = Bytes(64, 4);
  Bytes hash_ = Bytes(64);
  Bytes public_key_ = Bytes(32);
  Bytes secret_key_ = Bytes(64);
  Bytes long_signature_ = Bytes(64);
  Bytes short_signature_ = Bytes(64);
  Bytes dh_public_ = Bytes(32);
  Bytes dh_secret_ = Bytes(32);
  Bytes agreed_ = Bytes(32);
};

void bare_message(benchmark::State& state, SmpVersion version, Authorization authorization) {
  Bare bare(authorization);
  for (auto _ : state) bare.message(version >= encrypted_block_version);
}

constexpr SmpVersion plain_blocks{10};
BENCHMARK_CAPTURE(message, signed_encrypted, current_version, Authorization::signature)
    ->Name("relay SEND to MSG to ACK signed");
BENCHMARK_CAPTURE(bare_message, signed_encrypted, current_version, Authorization::signature)
    ->Name("relay SEND to MSG to ACK signed/floor");
BENCHMARK_CAPTURE(message, authenticated_encrypted, current_version, Authorization::authenticator)
    ->Name("relay SEND to MSG to ACK authenticated");
BENCHMARK_CAPTURE(bare_message, authenticated_encrypted, current_version, Authorization::authenticator)
    ->Name("relay SEND to MSG to ACK authenticated/floor");
BENCHMARK_CAPTURE(message, signed_plain, plain_blocks, Authorization::signature)
    ->Name("relay SEND to MSG to ACK signed (v10 blocks)");
BENCHMARK_CAPTURE(bare_message, signed_plain, plain_blocks, Authorization::signature)
    ->Name("relay SEND to MSG to ACK signed (v10 blocks)/floor");

}  // namespace
}  // namespace simplex::smp::server
