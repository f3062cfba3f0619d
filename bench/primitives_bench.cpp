// rooms: crypto with OpenSSL::Crypto PkgConfig::SODIUM
// The primitives beside the same work done by bare calls of the library that does it. Sizes are those of the protocol: a
// block has 16,384 octets, a message body 16,000, a command about 100.
#include <benchmark/benchmark.h>
#include <openssl/evp.h>
#include <sodium.h>

#include <memory>

#include "simplex/crypto/aead.hpp"
#include "simplex/crypto/authenticator.hpp"
#include "simplex/crypto/block_chain.hpp"
#include "simplex/crypto/dh.hpp"
#include "simplex/crypto/hash.hpp"
#include "simplex/crypto/kem.hpp"
#include "simplex/crypto/signature.hpp"

namespace simplex::crypto {
namespace {

using benchmark::DoNotOptimize;

constexpr std::size_t block_octets = 16384;
constexpr std::size_t body_octets = 16000;
constexpr std::size_t command_octets = 100;

struct FreePkey {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
struct FreePkeyContext {
  void operator()(EVP_PKEY_CTX* context) const { EVP_PKEY_CTX_free(context); }
};
struct FreeCipher {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
struct FreeDigest {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using Pkey = std::unique_ptr<EVP_PKEY, FreePkey>;

Pkey public_pkey(int type, BytesView raw) {
  return Pkey(EVP_PKEY_new_raw_public_key(type, nullptr, raw.data(), raw.size()));
}
Pkey private_pkey(int type, BytesView raw) {
  return Pkey(EVP_PKEY_new_raw_private_key(type, nullptr, raw.data(), raw.size()));
}

// The floor of an agreement: both keys are imported already.
void bare_agreement(benchmark::State& state, int type, BytesView theirs, BytesView ours) {
  const Pkey their_key = public_pkey(type, theirs);
  const Pkey our_key = private_pkey(type, ours);
  Bytes secret(theirs.size());
  for (auto _ : state) {
    const std::unique_ptr<EVP_PKEY_CTX, FreePkeyContext> context(EVP_PKEY_CTX_new(our_key.get(), nullptr));
    std::size_t size = secret.size();
    if (EVP_PKEY_derive_init(context.get()) != 1 || EVP_PKEY_derive_set_peer(context.get(), their_key.get()) != 1 ||
        EVP_PKEY_derive(context.get(), secret.data(), &size) != 1) {
      state.SkipWithError("OpenSSL refused the keys");
      break;
    }
    DoNotOptimize(secret.data());
  }
}

void x25519_agreement(benchmark::State& state) {
  SystemRandom random;
  const auto ours = generate_x25519(random);
  const auto theirs = generate_x25519(random);
  for (auto _ : state) DoNotOptimize(dh(theirs.public_key, ours.private_key));
}
BENCHMARK(x25519_agreement)->Name("X25519 agreement");
void x25519_agreement_floor(benchmark::State& state) {
  SystemRandom random;
  const auto ours = generate_x25519(random);
  const auto theirs = generate_x25519(random);
  bare_agreement(state, EVP_PKEY_X25519, theirs.public_key.view(), ours.private_key.reveal());
}
BENCHMARK(x25519_agreement_floor)->Name("X25519 agreement/floor");

void x448_agreement(benchmark::State& state) {
  SystemRandom random;
  const auto ours = generate_x448(random);
  const auto theirs = generate_x448(random);
  for (auto _ : state) DoNotOptimize(dh(theirs.public_key, ours.private_key));
}
BENCHMARK(x448_agreement)->Name("X448 agreement");
void x448_agreement_floor(benchmark::State& state) {
  SystemRandom random;
  const auto ours = generate_x448(random);
  const auto theirs = generate_x448(random);
  bare_agreement(state, EVP_PKEY_X448, theirs.public_key.view(), ours.private_key.reveal());
}
BENCHMARK(x448_agreement_floor)->Name("X448 agreement/floor");

void ed25519_sign(benchmark::State& state) {
  SystemRandom random;
  const auto key = generate_ed25519(random);
  const Bytes message = random.bytes(command_octets);
  for (auto _ : state) DoNotOptimize(sign(key.private_key, message));
}
BENCHMARK(ed25519_sign)->Name("Ed25519 sign 100 B");
void ed25519_sign_floor(benchmark::State& state) {
  SystemRandom random;
  const auto key = generate_ed25519(random);
  const Bytes message = random.bytes(command_octets);
  Bytes signature(crypto_sign_BYTES);
  for (auto _ : state) {
    crypto_sign_detached(signature.data(), nullptr, message.data(), message.size(),
                         key.private_key.reveal_both().data());
    DoNotOptimize(signature.data());
  }
}
BENCHMARK(ed25519_sign_floor)->Name("Ed25519 sign 100 B/floor");

void ed25519_verify(benchmark::State& state) {
  SystemRandom random;
  const auto key = generate_ed25519(random);
  const Bytes message = random.bytes(command_octets);
  const auto signature = sign(key.private_key, message);
  for (auto _ : state) DoNotOptimize(verify(key.public_key, signature, message));
}
BENCHMARK(ed25519_verify)->Name("Ed25519 verify 100 B");
void ed25519_verify_floor(benchmark::State& state) {
  SystemRandom random;
  const auto key = generate_ed25519(random);
  const Bytes message = random.bytes(command_octets);
  const auto signature = sign(key.private_key, message);
  for (auto _ : state) {
    DoNotOptimize(crypto_sign_verify_detached(signature.view().data(), message.data(), message.size(),
                                              key.public_key.view().data()));
  }
}
BENCHMARK(ed25519_verify_floor)->Name("Ed25519 verify 100 B/floor");

void ed448_verify(benchmark::State& state) {
  SystemRandom random;
  const auto key = generate_ed448(random);
  const Bytes message = random.bytes(command_octets);
  const auto signature = sign(key.private_key, message);
  for (auto _ : state) DoNotOptimize(verify(key.public_key, signature, message));
}
BENCHMARK(ed448_verify)->Name("Ed448 verify 100 B");
void ed448_verify_floor(benchmark::State& state) {
  SystemRandom random;
  const auto key = generate_ed448(random);
  const Bytes message = random.bytes(command_octets);
  const auto signature = sign(key.private_key, message);
  const Pkey public_key = public_pkey(EVP_PKEY_ED448, key.public_key.view());
  for (auto _ : state) {
    const std::unique_ptr<EVP_MD_CTX, FreeDigest> context(EVP_MD_CTX_new());
    EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, public_key.get());
    DoNotOptimize(EVP_DigestVerify(context.get(), signature.view().data(), signature.view().size(), message.data(),
                                   message.size()));
  }
}
BENCHMARK(ed448_verify_floor)->Name("Ed448 verify 100 B/floor");

void box_seal(benchmark::State& state) {
  SystemRandom random;
  const BoxKey key = box_key(random_secret_box_key(random));
  const CbNonce nonce = random_nonce(random);
  Bytes sealed = random.bytes(body_octets + box_tag_size);
  const auto message = BytesView(sealed).subspan(box_tag_size);
  for (auto _ : state) {
    seal_into(key, nonce, message, sealed);
    DoNotOptimize(sealed.data());
  }
}
BENCHMARK(box_seal)->Name("box seal 16 KB");
void box_seal_floor(benchmark::State& state) {
  SystemRandom random;
  const Bytes key = random.bytes(crypto_box_BEFORENMBYTES);
  const Bytes nonce = random.bytes(crypto_box_NONCEBYTES);
  const Bytes message = random.bytes(body_octets);
  Bytes sealed(body_octets + box_tag_size);
  for (auto _ : state) {
    crypto_box_easy_afternm(sealed.data(), message.data(), message.size(), nonce.data(), key.data());
    DoNotOptimize(sealed.data());
  }
}
BENCHMARK(box_seal_floor)->Name("box seal 16 KB/floor");

void box_open(benchmark::State& state) {
  SystemRandom random;
  const BoxKey key = box_key(random_secret_box_key(random));
  const CbNonce nonce = random_nonce(random);
  const Bytes sealed = seal(key, nonce, random.bytes(body_octets));
  for (auto _ : state) DoNotOptimize(open(key, nonce, sealed));
}
BENCHMARK(box_open)->Name("box open 16 KB");
void box_open_floor(benchmark::State& state) {
  SystemRandom random;
  const Bytes key = random.bytes(crypto_box_BEFORENMBYTES);
  const Bytes nonce = random.bytes(crypto_box_NONCEBYTES);
  Bytes message = random.bytes(body_octets);
  Bytes sealed(body_octets + box_tag_size);
  crypto_box_easy_afternm(sealed.data(), message.data(), message.size(), nonce.data(), key.data());
  for (auto _ : state) {
    DoNotOptimize(crypto_box_open_easy_afternm(message.data(), sealed.data(), sealed.size(), nonce.data(), key.data()));
  }
}
BENCHMARK(box_open_floor)->Name("box open 16 KB/floor");

void aes_gcm_seal(benchmark::State& state) {
  SystemRandom random;
  const AesKey key = *AesKey::from(random.bytes(32));
  const AesIv16 iv = *AesIv16::from(random.bytes(16));
  const Bytes associated = random.bytes(112);
  const Bytes message = random.bytes(body_octets);
  for (auto _ : state) DoNotOptimize(aead_seal(key, iv, associated, message));
}
BENCHMARK(aes_gcm_seal)->Name("AES-256-GCM seal 16 KB");
void aes_gcm_seal_floor(benchmark::State& state) {
  SystemRandom random;
  const Bytes key = random.bytes(32);
  const Bytes iv = random.bytes(16);
  const Bytes associated = random.bytes(112);
  const Bytes message = random.bytes(body_octets);
  Bytes sealed(body_octets);
  Bytes tag(16);
  const std::unique_ptr<EVP_CIPHER_CTX, FreeCipher> context(EVP_CIPHER_CTX_new());
  EVP_EncryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, nullptr, nullptr);
  EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_IVLEN, 16, nullptr);
  for (auto _ : state) {
    int size = 0;
    EVP_EncryptInit_ex(context.get(), nullptr, nullptr, key.data(), iv.data());
    EVP_EncryptUpdate(context.get(), nullptr, &size, associated.data(), static_cast<int>(associated.size()));
    EVP_EncryptUpdate(context.get(), sealed.data(), &size, message.data(), static_cast<int>(message.size()));
    EVP_EncryptFinal_ex(context.get(), sealed.data() + size, &size);
    EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, 16, tag.data());
    DoNotOptimize(sealed.data());
  }
}
BENCHMARK(aes_gcm_seal_floor)->Name("AES-256-GCM seal 16 KB/floor");

void sha512_of_block(benchmark::State& state) {
  SystemRandom random;
  const Bytes message = random.bytes(block_octets);
  for (auto _ : state) DoNotOptimize(sha512(message));
}
BENCHMARK(sha512_of_block)->Name("SHA-512 16 KB");
void sha512_of_block_floor(benchmark::State& state) {
  SystemRandom random;
  const Bytes message = random.bytes(block_octets);
  Bytes hash(64);
  for (auto _ : state) {
    EVP_Digest(message.data(), message.size(), hash.data(), nullptr, EVP_sha512(), nullptr);
    DoNotOptimize(hash.data());
  }
}
BENCHMARK(sha512_of_block_floor)->Name("SHA-512 16 KB/floor");

void block_encryption(benchmark::State& state) {
  SystemRandom random;
  ChainKey chain = *ChainKey::from(random.bytes(32));
  const Bytes content = random.bytes(body_octets);
  Bytes block(block_octets);
  for (auto _ : state) {
    DoNotOptimize(encrypt_block(chain, content, block));
    DoNotOptimize(block.data());
  }
}
BENCHMARK(block_encryption)->Name("block encryption (chain step and box)");
// The chain step is three HMACs: one of the extraction, two of the expansion to 88 octets.
void block_encryption_floor(benchmark::State& state) {
  SystemRandom random;
  Bytes chain = random.bytes(64);
  const Bytes zeros(64);
  const Bytes label = random.bytes(15);
  const Bytes content = random.bytes(block_octets - box_tag_size);
  Bytes block(block_octets);
  const auto hmac = [](Bytes& out, BytesView message, BytesView key) {
    crypto_auth_hmacsha512_state hash;
    crypto_auth_hmacsha512_init(&hash, key.data(), key.size());
    crypto_auth_hmacsha512_update(&hash, message.data(), message.size());
    crypto_auth_hmacsha512_final(&hash, out.data());
  };
  Bytes extracted(64);
  Bytes first(64);
  Bytes second(64);
  for (auto _ : state) {
    hmac(extracted, BytesView(chain).first(32), zeros);
    hmac(first, label, extracted);
    hmac(second, first, extracted);
    chain = first;
    crypto_box_easy_afternm(block.data(), content.data(), content.size(), second.data(), first.data() + 32);
    DoNotOptimize(block.data());
  }
}
BENCHMARK(block_encryption_floor)->Name("block encryption (chain step and box)/floor");

void authenticator(benchmark::State& state) {
  SystemRandom random;
  const BoxKey key = box_key(random_secret_box_key(random));
  const CbNonce nonce = random_nonce(random);
  const Bytes command = random.bytes(block_octets);
  for (auto _ : state) DoNotOptimize(authenticate(key, nonce, command));
}
BENCHMARK(authenticator)->Name("authenticator of 16 KB");
void authenticator_floor(benchmark::State& state) {
  SystemRandom random;
  const Bytes key = random.bytes(crypto_box_BEFORENMBYTES);
  const Bytes nonce = random.bytes(crypto_box_NONCEBYTES);
  const Bytes command = random.bytes(block_octets);
  Bytes hash(64);
  Bytes sealed(80);
  for (auto _ : state) {
    EVP_Digest(command.data(), command.size(), hash.data(), nullptr, EVP_sha512(), nullptr);
    crypto_box_easy_afternm(sealed.data(), hash.data(), hash.size(), nonce.data(), key.data());
    DoNotOptimize(sealed.data());
  }
}
BENCHMARK(authenticator_floor)->Name("authenticator of 16 KB/floor");

// No packaged library has sntrup761: these have no floor.
void kem_generate(benchmark::State& state) {
  SystemRandom random;
  for (auto _ : state) DoNotOptimize(generate_kem_key_pair(random));
}
BENCHMARK(kem_generate)->Name("sntrup761 generate");
void kem_encapsulation(benchmark::State& state) {
  SystemRandom random;
  const KemKeyPair keys = generate_kem_key_pair(random);
  for (auto _ : state) DoNotOptimize(kem_encapsulate(keys.public_key, random));
}
BENCHMARK(kem_encapsulation)->Name("sntrup761 encapsulate");
void kem_decapsulation(benchmark::State& state) {
  SystemRandom random;
  const KemKeyPair keys = generate_kem_key_pair(random);
  const KemEncapsulation made = kem_encapsulate(keys.public_key, random);
  for (auto _ : state) DoNotOptimize(kem_decapsulate(made.ciphertext, keys.secret_key));
}
BENCHMARK(kem_decapsulation)->Name("sntrup761 decapsulate");

}  // namespace
}  // namespace simplex::crypto
