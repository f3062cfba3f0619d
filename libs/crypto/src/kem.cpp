#include "simplex/crypto/kem.hpp"

#include "simplex/crypto/hash.hpp"
#include "sntrup761.hpp"
#include "sntrup761_encoding.hpp"

namespace simplex::crypto {

namespace {

using namespace sntrup761;

// Parts of the secret key: two polynomials, the public key, rho (in place of r when a ciphertext is refused), the hash
// of the public key. Parts of the ciphertext: rounded polynomial, confirmation.
constexpr std::size_t hash_size = 32;
constexpr std::size_t public_key_at = 2 * small_size;
constexpr std::size_t rho_at = public_key_at + public_size;
constexpr std::size_t hash_at = rho_at + small_size;
static_assert(KemPublicKey::size_bytes == public_size);
static_assert(KemSecretKey::size_bytes == hash_at + hash_size);
static_assert(KemCiphertext::size_bytes == rounded_size + hash_size);

using Hash = Wiped<std::uint8_t, hash_size>;
using EncodedSmall = Wiped<std::uint8_t, small_size>;

template <std::size_t N>
BytesView view(const Wiped<std::uint8_t, N>& octets) noexcept {
  return octets.values;
}

// The first half of SHA-512 of a prefix octet and the parts.
void hash(Hash& out, std::uint8_t prefix, BytesView a, BytesView b = {}) {
  Sha512 digest = sha512({BytesView(&prefix, 1), a, b});
  std::copy_n(digest.view().begin(), hash_size, out.data());
  wipe(digest.mutable_view());
}

// Encrypts r and confirms it: the ciphertext of this r and no other.
void seal(KemCiphertext& ciphertext, const Coefficients& r, const EncodedSmall& encoded_r, const Coefficients& h,
          BytesView public_key_hash) {
  Coefficients rounded;
  encrypt(rounded, r, h);
  encode_rounded(ciphertext.mutable_view().first<rounded_size>(), rounded);
  Hash r_hash;
  Hash confirmation;
  hash(r_hash, 3, view(encoded_r));
  hash(confirmation, 2, view(r_hash), public_key_hash);
  std::copy_n(confirmation.data(), hash_size, ciphertext.mutable_view().begin() + rounded_size);
}

// prefix 1: of an accepted ciphertext, 0: of a refused one.
KemSharedSecret session_secret(std::uint8_t prefix, const EncodedSmall& encoded_r, const KemCiphertext& ciphertext) {
  Hash r_hash;
  Hash secret;
  hash(r_hash, 3, view(encoded_r));
  hash(secret, prefix, view(r_hash), ciphertext.view());
  return *KemSharedSecret::from(view(secret));
}

}  // namespace

KemKeyPair generate_kem_key_pair(Random& random) {
  Coefficients h;
  PrivatePolynomials polynomials;
  generate(h, polynomials, random);

  KemKeyPair made;
  encode_modulo_q(made.public_key.mutable_view().first<public_size>(), h);
  const MutableBytes secret = made.secret_key.reveal_mutable();
  encode_small(secret.first<small_size>(), polynomials.f);
  encode_small(secret.subspan<small_size, small_size>(), polynomials.reciprocal_g);
  std::copy_n(made.public_key.view().begin(), public_size, secret.begin() + public_key_at);
  random.fill(secret.subspan(rho_at, small_size));
  Hash public_key_hash;
  hash(public_key_hash, 4, made.public_key.view());
  std::copy_n(public_key_hash.data(), hash_size, secret.begin() + hash_at);
  return made;
}

KemKeyPair kem_key_pair(KemSecretKey secret_key) {
  const auto public_key = *KemPublicKey::from(secret_key.reveal().subspan(public_key_at, public_size));
  return {public_key, std::move(secret_key)};
}

KemEncapsulation kem_encapsulate(const KemPublicKey& their_key, Random& random) {
  Coefficients h;
  decode_modulo_q(h, their_key.view().first<public_size>());
  Hash public_key_hash;
  hash(public_key_hash, 4, their_key.view());
  Coefficients r;
  random_short(r, random);
  EncodedSmall encoded_r;
  encode_small(encoded_r.values, r);

  KemEncapsulation made;
  seal(made.ciphertext, r, encoded_r, h, view(public_key_hash));
  made.shared_secret = session_secret(1, encoded_r, made.ciphertext);
  return made;
}

// Encrypts again what it decrypted: only a ciphertext that comes out the same is accepted, and nothing that can be
// measured tells which it was.
KemSharedSecret kem_decapsulate(const KemCiphertext& ciphertext, const KemSecretKey& our_key) {
  const BytesView secret = our_key.reveal();
  PrivatePolynomials polynomials;
  decode_small(polynomials.f, secret.first<small_size>());
  decode_small(polynomials.reciprocal_g, secret.subspan<small_size, small_size>());
  Coefficients rounded;
  decode_rounded(rounded, ciphertext.view().first<rounded_size>());
  Coefficients r;
  decrypt(r, rounded, polynomials);
  EncodedSmall encoded_r;
  encode_small(encoded_r.values, r);

  Coefficients h;
  decode_modulo_q(h, secret.subspan<public_key_at, public_size>());
  KemCiphertext again;
  seal(again, r, encoded_r, h, secret.subspan(hash_at, hash_size));
  std::uint32_t difference = 0;
  for (std::size_t i = 0; i < KemCiphertext::size_bytes; ++i) {
    difference |= std::uint32_t{again.view()[i]} ^ std::uint32_t{ciphertext.view()[i]};
  }
  const std::uint32_t refused = nonzero_mask(difference);
  for (std::size_t i = 0; i < small_size; ++i) {
    const std::uint8_t rho = secret[rho_at + i];
    encoded_r[i] = static_cast<std::uint8_t>(encoded_r[i] ^ ((encoded_r[i] ^ rho) & refused));
  }
  wipe(again.mutable_view());
  return session_secret(static_cast<std::uint8_t>(1U + refused), encoded_r, ciphertext);
}

KemHybridSecret kem_hybrid_secret(BytesView dh_secret, const KemSharedSecret& kem_secret) {
  Sha3_256 digest = sha3_256({dh_secret, kem_secret.reveal()});
  auto secret = *KemHybridSecret::from(digest.view());
  wipe(digest.mutable_view());
  return secret;
}

void write_kem_public_key(Writer& writer, const KemPublicKey& key) { writer.large_string(key.view()); }
void write_kem_secret_key(Writer& writer, const KemSecretKey& key) { writer.large_string(key.reveal()); }
void write_kem_ciphertext(Writer& writer, const KemCiphertext& ciphertext) { writer.large_string(ciphertext.view()); }
void write_kem_shared_secret(Writer& writer, const KemSharedSecret& secret) { writer.short_string(secret.reveal()); }

namespace {

template <class Value>
Result<Value> sized(Result<BytesView> octets, std::string_view what) {
  if (!octets) return std::unexpected(std::move(octets).error());
  auto value = Value::from(*octets);
  if (!value) {
    return fail(ErrorKind::malformed, "The sntrup761 " + std::string(what) + " has " + std::to_string(octets->size()) +
                                          " octets instead of " + std::to_string(Value::size_bytes) + ".");
  }
  return std::move(*value);
}

}  // namespace

Result<KemPublicKey> read_kem_public_key(Reader& reader) {
  return sized<KemPublicKey>(reader.large_string(), "public key");
}
Result<KemSecretKey> read_kem_secret_key(Reader& reader) {
  return sized<KemSecretKey>(reader.large_string(), "secret key");
}
Result<KemCiphertext> read_kem_ciphertext(Reader& reader) {
  return sized<KemCiphertext>(reader.large_string(), "ciphertext");
}
Result<KemSharedSecret> read_kem_shared_secret(Reader& reader) {
  return sized<KemSharedSecret>(reader.short_string(), "shared secret");
}

}  // namespace simplex::crypto
