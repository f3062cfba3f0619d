#include "simplex/crypto/hkdf.hpp"

#include <stdexcept>

#include "sodium.hpp"

namespace simplex::crypto {

namespace {

constexpr std::size_t hash_size = crypto_auth_hmacsha512_BYTES;

// HMAC with the key already taken in: a copy saves half the work of a short message, and the chain of block keys is
// made of nothing else. (OpenSSL's HKDF takes nearly twice as long.)
class Hmac {
 public:
  explicit Hmac(BytesView key) {
    need_sodium();
    constexpr std::uint8_t no_key = 0;  // libsodium wants an address, even of nothing
    crypto_auth_hmacsha512_init(&state_, key.empty() ? &no_key : key.data(), key.size());
  }
  Hmac(const Hmac& other) = default;
  Hmac& operator=(const Hmac&) = delete;
  ~Hmac() { sodium_memzero(&state_, sizeof state_); }

  void update(BytesView bytes) { crypto_auth_hmacsha512_update(&state_, bytes.data(), bytes.size()); }
  void finish(MutableBytes out) { crypto_auth_hmacsha512_final(&state_, out.data()); }

 private:
  crypto_auth_hmacsha512_state state_;
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
