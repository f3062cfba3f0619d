#include "openssl.hpp"

#include <openssl/err.h>

#include <stdexcept>
#include <string>

namespace simplex::crypto::openssl {

void check(int result, const char* what) {
  if (result == 1) return;
  ERR_clear_error();
  throw std::runtime_error(std::string("OpenSSL failed: ") + what);
}

namespace {

const EVP_MD* digest(const char* name) {
  const EVP_MD* found = EVP_MD_fetch(nullptr, name, nullptr);
  check(found != nullptr ? 1 : 0, name);
  return found;
}

}  // namespace

// Fetched objects are immutable and live as long as the process.
const EVP_MD* sha256() {
  static const EVP_MD* const algorithm = digest("SHA256");
  return algorithm;
}

const EVP_MD* sha512() {
  static const EVP_MD* const algorithm = digest("SHA512");
  return algorithm;
}

const EVP_MD* sha3_256() {
  static const EVP_MD* const algorithm = digest("SHA3-256");
  return algorithm;
}

const EVP_MD* sha3_384() {
  static const EVP_MD* const algorithm = digest("SHA3-384");
  return algorithm;
}

const EVP_MD* md5() {
  static const EVP_MD* const algorithm = digest("MD5");
  return algorithm;
}

const EVP_CIPHER* aes_256_gcm() {
  static const EVP_CIPHER* const algorithm = [] {
    const EVP_CIPHER* found = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
    check(found != nullptr ? 1 : 0, "AES-256-GCM");
    return found;
  }();
  return algorithm;
}

EVP_MAC* poly1305() {
  static EVP_MAC* const algorithm = [] {
    EVP_MAC* found = EVP_MAC_fetch(nullptr, "POLY1305", nullptr);
    check(found != nullptr ? 1 : 0, "POLY1305");
    return found;
  }();
  return algorithm;
}

Key private_key(const char* algorithm, BytesView raw) {
  return owned(Key(EVP_PKEY_new_raw_private_key_ex(nullptr, algorithm, nullptr, raw.data(), raw.size())),
               "private key");
}

Key public_key(const char* algorithm, BytesView raw) {
  return owned(Key(EVP_PKEY_new_raw_public_key_ex(nullptr, algorithm, nullptr, raw.data(), raw.size())), "public key");
}

}  // namespace simplex::crypto::openssl
