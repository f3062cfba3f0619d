#include "simplex/crypto/keys.hpp"

#include "openssl.hpp"
#include "sodium.hpp"

namespace simplex::crypto {

namespace {

template <class Public, class Private>
Public public_key_by_openssl(const char* algorithm, const Private& key) {
  const auto pair = openssl::private_key(algorithm, key.reveal());
  Public made;
  std::size_t size = Public::size_bytes;
  openssl::check(EVP_PKEY_get_raw_public_key(pair.get(), made.mutable_view().data(), &size), "public key");
  return made;
}

template <class Private>
Private random_key(Random& random) {
  Private made;
  random.fill(made.reveal_mutable());
  return made;
}

template <class Private>
auto pair(Private key) {
  auto made = public_key(key);
  return KeyPair<decltype(made), Private>{made, std::move(key)};
}

template <class Public, class Private>
Public public_of_variant(const Private& key) {
  return std::visit([](const auto& one) -> Public { return public_key(one); }, key);
}

}  // namespace

std::optional<Ed25519PrivateKey> Ed25519PrivateKey::from(BytesView bytes) {
  if (bytes.size() != size_bytes) return std::nullopt;
  need_sodium();
  Ed25519PrivateKey made;
  Ed25519PublicKey public_half;
  crypto_sign_ed25519_seed_keypair(public_half.mutable_view().data(), made.both_.reveal_mutable().data(), bytes.data());
  return made;
}

Ed25519PrivateKey Ed25519PrivateKey::clone() const {
  Ed25519PrivateKey made;
  made.both_ = both_.clone();
  return made;
}

X25519PublicKey public_key(const X25519PrivateKey& key) {
  need_sodium();
  X25519PublicKey made;
  crypto_scalarmult_curve25519_base(made.mutable_view().data(), key.reveal().data());
  return made;
}

X448PublicKey public_key(const X448PrivateKey& key) { return public_key_by_openssl<X448PublicKey>("X448", key); }

Ed25519PublicKey public_key(const Ed25519PrivateKey& key) {
  return *Ed25519PublicKey::from(key.reveal_both().subspan(Ed25519PrivateKey::size_bytes));
}

Ed448PublicKey public_key(const Ed448PrivateKey& key) { return public_key_by_openssl<Ed448PublicKey>("ED448", key); }

AuthPublicKey public_key(const AuthPrivateKey& key) { return public_of_variant<AuthPublicKey>(key); }
SignaturePublicKey public_key(const SignaturePrivateKey& key) { return public_of_variant<SignaturePublicKey>(key); }
DhPublicKey public_key(const DhPrivateKey& key) { return public_of_variant<DhPublicKey>(key); }

X25519KeyPair pair_of(X25519PrivateKey key) { return pair(std::move(key)); }
X448KeyPair pair_of(X448PrivateKey key) { return pair(std::move(key)); }
Ed25519KeyPair pair_of(Ed25519PrivateKey key) { return pair(std::move(key)); }
Ed448KeyPair pair_of(Ed448PrivateKey key) { return pair(std::move(key)); }

X25519KeyPair generate_x25519(Random& random) {
  auto key = random_key<X25519PrivateKey>(random);
  // Stored as the reference stores it, with the bits already set that the curve function would set.
  const auto bytes = key.reveal_mutable();
  bytes.front() = static_cast<std::uint8_t>(bytes.front() & 0xf8U);
  bytes.back() = static_cast<std::uint8_t>((bytes.back() & 0x7fU) | 0x40U);
  return pair(std::move(key));
}

X448KeyPair generate_x448(Random& random) { return pair(random_key<X448PrivateKey>(random)); }

Ed25519KeyPair generate_ed25519(Random& random) {
  const auto bytes = random_key<Secret<struct SeedTag, Ed25519PrivateKey::size_bytes>>(random);
  return pair(*Ed25519PrivateKey::from(bytes.reveal()));
}

Ed448KeyPair generate_ed448(Random& random) { return pair(random_key<Ed448PrivateKey>(random)); }

AuthPrivateKey clone(const AuthPrivateKey& key) {
  return std::visit([](const auto& one) -> AuthPrivateKey { return one.clone(); }, key);
}

}  // namespace simplex::crypto
