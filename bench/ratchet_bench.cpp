// rooms: crypto with OpenSSL::Crypto PkgConfig::SODIUM
// Steps of the double ratchet beside the primitives that each needs, called bare. Sizes are those of a chat message: 15,840
// octets padded, or 13,618 with post-quantum keys in the header.
#include <benchmark/benchmark.h>
#include <openssl/evp.h>
#include <sodium.h>

#include <memory>
#include <stdexcept>

#include "simplex/crypto/dh.hpp"
#include "simplex/crypto/kem.hpp"
#include "simplex/crypto/ratchet.hpp"

namespace simplex::crypto {
namespace {

using benchmark::DoNotOptimize;

template <class T, class E>
T required(std::expected<T, E> result) {
  if (!result) throw std::logic_error("the benchmark's own setting is wrong");
  return std::move(*result);
}

struct Party {
  RatchetState state;
  SkippedKeysInMemory skipped;
};

// Two parties after the handshake; with KEM both proposals are accepted already.
struct Conversation {
  SystemRandom random;
  PqSupport support;
  std::size_t padded;
  Bytes text = Bytes(1000, 'x');
  std::unique_ptr<Party> alice;  // made the invitation
  std::unique_ptr<Party> bob;

  explicit Conversation(PqSupport pq) : support(pq), padded(pq == PqSupport::on ? 13618 : 15840) {
    const X3dhReceiver receiver = generate_receiver_params(random, e2e_version_pq, support);
    const X3dhSender sender = generate_sender_params(
        random, e2e_version_pq, kem_reply(e2e_version_pq, receiver.params.proposed_kem(), support));
    const RatchetVersions versions{e2e_version_pq, e2e_version_pq};
    bob = std::make_unique<Party>(
        Party{required(RatchetState::init_sending(versions, receiver.params.key2, generate_x448(random),
                                                  required(x3dh_sender(sender.keys, receiver.params)))),
              {}});
    alice = std::make_unique<Party>(
        Party{RatchetState::init_receiving(versions, receiver.keys.key2.clone(),
                                           required(x3dh_receiver(receiver.keys, sender.params)), support),
              {}});
    for (int i = 0; i < 4; ++i) turn();
  }

  Bytes send(Party& from) { return required(from.state.encrypt(text, padded)); }
  void receive(Party& to, const Bytes& message) {
    auto got = to.state.decrypt(message, random, to.skipped);
    DoNotOptimize(required(std::move(got.plaintext)));
    to.skipped.apply(got.skipped);
  }
  void turn() {
    receive(*alice, send(*bob));
    receive(*bob, send(*alice));
  }
};

void encrypting(benchmark::State& state, PqSupport support) {
  Conversation conversation(support);
  for (auto _ : state) DoNotOptimize(conversation.send(*conversation.alice));
}
void decrypting(benchmark::State& state, PqSupport support) {
  Conversation conversation(support);
  for (auto _ : state) {
    state.PauseTiming();
    const Bytes message = conversation.send(*conversation.alice);
    state.ResumeTiming();
    conversation.receive(*conversation.bob, message);
  }
}
void turning(benchmark::State& state, PqSupport support) {
  Conversation conversation(support);
  for (auto _ : state) conversation.turn();
}

// ---- floors --------------------------------------------------------------------------------------------------------

struct FreeCipher {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};

class Bare {
 public:
  explicit Bare(PqSupport support)
      : header_(support == PqSupport::on ? 2310 : 88),
        body_(support == PqSupport::on ? 13618 : 15840),
        out_(body_.size()) {
    EVP_EncryptInit_ex(cipher_.get(), EVP_aes_256_gcm(), nullptr, nullptr, nullptr);
    EVP_CIPHER_CTX_ctrl(cipher_.get(), EVP_CTRL_AEAD_SET_IVLEN, 16, nullptr);
  }
  void seal(BytesView message) {
    int size = 0;
    EVP_EncryptInit_ex(cipher_.get(), nullptr, nullptr, key_.data(), iv_.data());
    EVP_EncryptUpdate(cipher_.get(), nullptr, &size, associated_.data(), static_cast<int>(associated_.size()));
    EVP_EncryptUpdate(cipher_.get(), out_.data(), &size, message.data(), static_cast<int>(message.size()));
    EVP_EncryptFinal_ex(cipher_.get(), out_.data() + size, &size);
    EVP_CIPHER_CTX_ctrl(cipher_.get(), EVP_CTRL_AEAD_GET_TAG, 16, iv_.data());
  }
  // HKDF of up to 128 octets: three HMACs.
  void derive() {
    Bytes& out = key_material_;
    for (int i = 0; i < 3; ++i) crypto_auth_hmacsha512(out.data(), out.data(), out.size(), key_.data());
  }
  void message() {
    derive();
    seal(header_);
    seal(body_);
    DoNotOptimize(out_.data());
  }

 private:
  Bytes key_ = Bytes(32, 1);
  Bytes iv_ = Bytes(16, 2);
  Bytes associated_ = Bytes(112, 3);
  Bytes key_material_ = Bytes(64, 4);
  Bytes header_;
  Bytes body_;
  Bytes out_;
  std::unique_ptr<EVP_CIPHER_CTX, FreeCipher> cipher_{EVP_CIPHER_CTX_new()};
};

void bare_message(benchmark::State& state, PqSupport support) {
  Bare bare(support);
  for (auto _ : state) bare.message();
}

// A message each way, each with a ratchet step: for each party a message sealed and one opened, two agreements, a new
// key, two derivations, and with KEM a decapsulation, a new pair and an encapsulation. The agreements and the KEM are
// called through our own functions; primitives_bench says what those cost above the library.
void bare_turn(benchmark::State& state, PqSupport support) {
  Bare bare(support);
  SystemRandom random;
  const auto theirs = generate_x448(random);
  const auto kem = generate_kem_key_pair(random);
  const auto encapsulated = kem_encapsulate(kem.public_key, random);
  for (auto _ : state) {
    for (int party = 0; party < 2; ++party) {
      const auto ours = generate_x448(random);
      for (int step = 0; step < 2; ++step) {
        DoNotOptimize(dh(theirs.public_key, ours.private_key));
        bare.derive();
        bare.message();
      }
      if (support == PqSupport::on) {
        DoNotOptimize(kem_decapsulate(encapsulated.ciphertext, kem.secret_key));
        DoNotOptimize(kem_encapsulate(kem.public_key, random));
        DoNotOptimize(generate_kem_key_pair(random));
      }
    }
  }
}

BENCHMARK_CAPTURE(encrypting, off, PqSupport::off)->Name("ratchet encrypt");
BENCHMARK_CAPTURE(bare_message, off, PqSupport::off)->Name("ratchet encrypt/floor");
BENCHMARK_CAPTURE(encrypting, on, PqSupport::on)->Name("ratchet encrypt with KEM");
BENCHMARK_CAPTURE(bare_message, on, PqSupport::on)->Name("ratchet encrypt with KEM/floor");
BENCHMARK_CAPTURE(decrypting, off, PqSupport::off)->Name("ratchet decrypt");
BENCHMARK_CAPTURE(bare_message, off, PqSupport::off)->Name("ratchet decrypt/floor");
BENCHMARK_CAPTURE(decrypting, on, PqSupport::on)->Name("ratchet decrypt with KEM");
BENCHMARK_CAPTURE(bare_message, on, PqSupport::on)->Name("ratchet decrypt with KEM/floor");
BENCHMARK_CAPTURE(turning, off, PqSupport::off)->Name("a message each way");
BENCHMARK_CAPTURE(bare_turn, off, PqSupport::off)->Name("a message each way/floor");
BENCHMARK_CAPTURE(turning, on, PqSupport::on)->Name("a message each way with KEM");
BENCHMARK_CAPTURE(bare_turn, on, PqSupport::on)->Name("a message each way with KEM/floor");

}  // namespace
}  // namespace simplex::crypto
