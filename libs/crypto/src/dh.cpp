#include "simplex/crypto/dh.hpp"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>

#include "openssl.hpp"
#include "sodium.hpp"

namespace simplex::crypto {

namespace {

std::unexpected<Error> low_order() {
  return fail(ErrorKind::malformed, "the peer's key cannot agree on a secret (a point of low order)");
}

// OpenSSL computes the public half of a key that comes without one, which costs as much as the agreement; the agreement
// itself never reads it. So it gets zeros for the public half.
openssl::Key x448_for_agreement(const X448PrivateKey& key) {
  std::array<std::uint8_t, X448PublicKey::size_bytes> unread{};
  auto secret = key.clone();
  std::array<OSSL_PARAM, 3> parameters = {
      OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, unread.data(), unread.size()),
      OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PRIV_KEY, secret.reveal_mutable().data(),
                                        X448PrivateKey::size_bytes),
      OSSL_PARAM_construct_end()};
  const auto context =
      openssl::owned(openssl::KeyContext(EVP_PKEY_CTX_new_from_name(nullptr, "X448", nullptr)), "X448 key");
  openssl::check(EVP_PKEY_fromdata_init(context.get()), "X448 key");
  EVP_PKEY* made = nullptr;
  openssl::check(EVP_PKEY_fromdata(context.get(), &made, EVP_PKEY_KEYPAIR, parameters.data()), "X448 key");
  return openssl::Key(made);
}

}  // namespace

Result<X25519Secret> dh(const X25519PublicKey& theirs, const X25519PrivateKey& ours) {
  need_sodium();
  X25519Secret made;
  if (crypto_scalarmult_curve25519(made.reveal_mutable().data(), ours.reveal().data(), theirs.view().data()) != 0) {
    return low_order();
  }
  return made;
}

Result<X448Secret> dh(const X448PublicKey& theirs, const X448PrivateKey& ours) {
  const auto key = x448_for_agreement(ours);
  const auto peer = openssl::public_key("X448", theirs.view());
  const auto context =
      openssl::owned(openssl::KeyContext(EVP_PKEY_CTX_new_from_pkey(nullptr, key.get(), nullptr)), "X448 agreement");
  openssl::check(EVP_PKEY_derive_init(context.get()), "X448 agreement");
  openssl::check(EVP_PKEY_derive_set_peer_ex(context.get(), peer.get(), 0), "X448 agreement");
  X448Secret made;
  std::size_t size = X448Secret::size_bytes;
  if (EVP_PKEY_derive(context.get(), made.reveal_mutable().data(), &size) != 1) {
    ERR_clear_error();
    return low_order();
  }
  return made;
}

}  // namespace simplex::crypto
