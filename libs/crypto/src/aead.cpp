#include "simplex/crypto/aead.hpp"

#include <openssl/err.h>

#include <limits>
#include <stdexcept>

#include "simplex/crypto/pad.hpp"
#include "openssl.hpp"

namespace simplex::crypto {

namespace {

enum class Direction : int { open = 0, seal = 1 };

int int_size(BytesView bytes) {
  if (bytes.size() > static_cast<std::size_t>(std::numeric_limits<int>::max())) {
    throw std::length_error("AES-GCM: too long a message");
  }
  return static_cast<int>(bytes.size());
}

openssl::CipherContext start(Direction direction, const AesKey& key, BytesView iv, BytesView associated) {
  auto context = openssl::owned(openssl::CipherContext(EVP_CIPHER_CTX_new()), "AES-GCM");
  const int sealing = static_cast<int>(direction);
  // The size of the IV must be known before the IV is taken.
  openssl::check(EVP_CipherInit_ex2(context.get(), openssl::aes_256_gcm(), nullptr, nullptr, sealing, nullptr),
                 "AES-GCM");
  openssl::check(EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_IVLEN, int_size(iv), nullptr), "AES-GCM");
  openssl::check(EVP_CipherInit_ex2(context.get(), nullptr, key.reveal().data(), iv.data(), sealing, nullptr),
                 "AES-GCM");
  int done = 0;
  if (!associated.empty()) {
    openssl::check(EVP_CipherUpdate(context.get(), nullptr, &done, associated.data(), int_size(associated)), "AES-GCM");
  }
  return context;
}

// `in` may be `out`.
AesTag seal_into(const AesKey& key, BytesView iv, BytesView associated, BytesView in, MutableBytes out) {
  const auto context = start(Direction::seal, key, iv, associated);
  int done = 0;
  if (!in.empty()) {
    openssl::check(EVP_CipherUpdate(context.get(), out.data(), &done, in.data(), int_size(in)), "AES-GCM");
  }
  openssl::check(EVP_CipherFinal_ex(context.get(), out.data() + out.size(), &done), "AES-GCM");
  AesTag tag;
  openssl::check(
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, AesTag::size_bytes, tag.mutable_view().data()),
      "AES-GCM");
  return tag;
}

AeadSealed seal(const AesKey& key, BytesView iv, BytesView associated, BytesView message) {
  AeadSealed made;
  made.ciphertext.resize(message.size());
  made.tag = seal_into(key, iv, associated, message, made.ciphertext);
  return made;
}

Result<Bytes> open(const AesKey& key, BytesView iv, BytesView associated, BytesView ciphertext, const AesTag& tag) {
  const auto context = start(Direction::open, key, iv, associated);
  Bytes out(ciphertext.size());
  int done = 0;
  if (!ciphertext.empty()) {
    openssl::check(EVP_CipherUpdate(context.get(), out.data(), &done, ciphertext.data(), int_size(ciphertext)),
                   "AES-GCM");
  }
  auto expected = tag;
  openssl::check(
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_TAG, AesTag::size_bytes, expected.mutable_view().data()),
      "AES-GCM");
  if (EVP_CipherFinal_ex(context.get(), out.data() + out.size(), &done) != 1) {
    ERR_clear_error();
    wipe(out);
    return fail(ErrorKind::authentication, "an encrypted message is damaged, or was made with another key");
  }
  return out;
}

}  // namespace

Result<AeadSealed> aead_seal_padded(const AesKey& key, const AesIv16& iv, BytesView associated, BytesView message,
                                    std::size_t padded_size) {
  AeadSealed made;
  SIMPLEX_ASSIGN(made.ciphertext, pad(message, padded_size));
  made.tag = seal_into(key, iv.view(), associated, made.ciphertext, made.ciphertext);
  return made;
}

Result<Bytes> aead_open_padded(const AesKey& key, const AesIv16& iv, BytesView associated, BytesView ciphertext,
                               const AesTag& tag) {
  SIMPLEX_ASSIGN(const auto padded, open(key, iv.view(), associated, ciphertext, tag));
  SIMPLEX_ASSIGN(const auto message, unpad(padded));
  return to_bytes(message);
}

AeadSealed aead_seal(const AesKey& key, const AesIv16& iv, BytesView associated, BytesView message) {
  return seal(key, iv.view(), associated, message);
}

AeadSealed aead_seal(const AesKey& key, const AesIv12& iv, BytesView associated, BytesView message) {
  return seal(key, iv.view(), associated, message);
}

Result<Bytes> aead_open(const AesKey& key, const AesIv16& iv, BytesView associated, BytesView ciphertext,
                        const AesTag& tag) {
  return open(key, iv.view(), associated, ciphertext, tag);
}

Result<Bytes> aead_open(const AesKey& key, const AesIv12& iv, BytesView associated, BytesView ciphertext,
                        const AesTag& tag) {
  return open(key, iv.view(), associated, ciphertext, tag);
}

}  // namespace simplex::crypto
