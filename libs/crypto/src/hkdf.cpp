// OpenSSL's SHA-512 as plain functions on a state that can be copied: its HMAC, its HKDF and its EVP digests take memory
// for each state, which costs more than the hash of so little. They are marked as deprecated for that reason only.
#define OPENSSL_SUPPRESS_DEPRECATED
#include "simplex/crypto/hkdf.hpp"

#include <openssl/sha.h>

#include <array>
#include <stdexcept>

#include "openssl.hpp"

namespace simplex::crypto {

namespace {

constexpr std::size_t hash_size = SHA512_DIGEST_LENGTH;

// HMAC (RFC 2104) with the key already taken in: a copy saves half the work of a short message, and the chain of block
// keys is made of nothing else.
class Hmac {
 public:
  explicit Hmac(BytesView key) {
    std::array<std::uint8_t, SHA512_CBLOCK> pad{};
    if (key.size() > pad.size()) {
      SHA512(key.data(), key.size(), pad.data());
    } else {
      std::copy(key.begin(), key.end(), pad.begin());
    }
    begin(inner_, pad, 0x36);
    begin(outer_, pad, 0x36 ^ 0x5c);
    wipe(pad);
  }
  Hmac(const Hmac& other) = default;
  Hmac& operator=(const Hmac&) = delete;
  ~Hmac() {
    OPENSSL_cleanse(&inner_, sizeof inner_);
    OPENSSL_cleanse(&outer_, sizeof outer_);
  }

  void update(BytesView bytes) { openssl::check(SHA512_Update(&inner_, bytes.data(), bytes.size()), "HMAC"); }
  void finish(MutableBytes out) {
    openssl::check(SHA512_Final(out.data(), &inner_), "HMAC");
    openssl::check(SHA512_Update(&outer_, out.data(), hash_size), "HMAC");
    openssl::check(SHA512_Final(out.data(), &outer_), "HMAC");
  }

 private:
  static void begin(SHA512_CTX& state, std::array<std::uint8_t, SHA512_CBLOCK>& pad, std::uint8_t mask) {
    for (auto& octet : pad) octet ^= mask;
    openssl::check(SHA512_Init(&state), "HMAC");
    openssl::check(SHA512_Update(&state, pad.data(), pad.size()), "HMAC");
  }

  SHA512_CTX inner_;
  SHA512_CTX outer_;
};

using Block = Secret<struct HkdfBlockTag, hash_size>;

Hmac extractor(BytesView salt) {
  // No salt and a salt of zeros are the same, as HMAC fills its key with zeros.
  static const Hmac unsalted{BytesView{}};
  return salt.empty() ? unsalted : Hmac(salt);
}

}  // namespace

SecretBytes hkdf_sha512(BytesView salt, BytesView key_material, std::string_view info, std::size_t size) {
  SecretBytes made(size);
  hkdf_sha512_into(salt, key_material, info, made.reveal_mutable());
  return made;
}

void hkdf_sha512_into(BytesView salt, BytesView key_material, std::string_view info, MutableBytes out) {
  if (out.size() > 255 * hash_size) throw std::length_error("HKDF gives at most 16,320 octets");
  Block key;
  auto extract = extractor(salt);
  extract.update(key_material);
  extract.finish(key.reveal_mutable());

  const Hmac keyed(key.reveal());
  Block block;
  for (std::uint8_t number = 1; !out.empty(); ++number) {
    auto expand = keyed;
    if (number > 1) expand.update(block.reveal());
    expand.update(as_bytes(info));
    expand.update(BytesView(&number, 1));
    expand.finish(block.reveal_mutable());
    const auto part = block.reveal().first(std::min(out.size(), hash_size));
    std::copy(part.begin(), part.end(), out.begin());
    out = out.subspan(part.size());
  }
}

}  // namespace simplex::crypto
