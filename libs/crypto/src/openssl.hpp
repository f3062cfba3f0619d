// OpenSSL objects with an owner, and its algorithms looked up once: a look-up by name costs more than a short hash.
#pragma once

#include <openssl/evp.h>

#include <memory>

#include "simplex/base/bytes.hpp"

namespace simplex::crypto::openssl {

template <auto Free>
struct Freer {
  template <class T>
  void operator()(T* object) const noexcept {
    Free(object);
  }
};
using Key = std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY_free>>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, Freer<EVP_PKEY_CTX_free>>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, Freer<EVP_MD_CTX_free>>;
using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, Freer<EVP_CIPHER_CTX_free>>;
using MacContext = std::unique_ptr<EVP_MAC_CTX, Freer<EVP_MAC_CTX_free>>;

// For calls that fail only when memory is short or when the call itself is wrong. The message never has key octets.
void check(int result, const char* what);
template <class Owner>
[[nodiscard]] Owner owned(Owner owner, const char* what) {
  check(owner ? 1 : 0, what);
  return owner;
}

[[nodiscard]] const EVP_MD* sha256();
[[nodiscard]] const EVP_MD* sha512();
[[nodiscard]] const EVP_MD* sha3_256();
[[nodiscard]] const EVP_MD* sha3_384();
[[nodiscard]] const EVP_MD* md5();
[[nodiscard]] const EVP_CIPHER* aes_256_gcm();
[[nodiscard]] EVP_MAC* poly1305();

// algorithm: "X448" or "ED448".
[[nodiscard]] Key private_key(const char* algorithm, BytesView raw);
[[nodiscard]] Key public_key(const char* algorithm, BytesView raw);

}  // namespace simplex::crypto::openssl
