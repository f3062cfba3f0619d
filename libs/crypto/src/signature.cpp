#include "simplex/crypto/signature.hpp"

#include <openssl/err.h>

#include "openssl.hpp"
#include "sodium.hpp"

namespace simplex::crypto {

Ed25519Signature sign(const Ed25519PrivateKey& key, BytesView message) {
  need_sodium();
  Ed25519Signature made;
  crypto_sign_ed25519_detached(made.mutable_view().data(), nullptr, message.data(), message.size(),
                               key.reveal_both().data());
  return made;
}

Ed448Signature sign(const Ed448PrivateKey& key, BytesView message) {
  const auto pair = openssl::private_key("ED448", key.reveal());
  const auto context = openssl::owned(openssl::DigestContext(EVP_MD_CTX_new()), "Ed448");
  openssl::check(EVP_DigestSignInit_ex(context.get(), nullptr, nullptr, nullptr, nullptr, pair.get(), nullptr),
                 "Ed448");
  Ed448Signature made;
  std::size_t size = Ed448Signature::size_bytes;
  openssl::check(EVP_DigestSign(context.get(), made.mutable_view().data(), &size, message.data(), message.size()),
                 "Ed448");
  return made;
}

Signature sign(const SignaturePrivateKey& key, BytesView message) {
  return std::visit([&](const auto& one) -> Signature { return sign(one, message); }, key);
}

bool verify(const Ed25519PublicKey& key, const Ed25519Signature& signature, BytesView message) {
  need_sodium();
  return crypto_sign_ed25519_verify_detached(signature.view().data(), message.data(), message.size(),
                                             key.view().data()) == 0;
}

bool verify(const Ed448PublicKey& key, const Ed448Signature& signature, BytesView message) {
  const auto pair = openssl::public_key("ED448", key.view());
  const auto context = openssl::owned(openssl::DigestContext(EVP_MD_CTX_new()), "Ed448");
  openssl::check(EVP_DigestVerifyInit_ex(context.get(), nullptr, nullptr, nullptr, nullptr, pair.get(), nullptr),
                 "Ed448");
  const bool right = EVP_DigestVerify(context.get(), signature.view().data(), Ed448Signature::size_bytes,
                                      message.data(), message.size()) == 1;
  if (!right) ERR_clear_error();
  return right;
}

bool verify(const SignaturePublicKey& key, const Signature& signature, BytesView message) {
  if (const auto* short_key = std::get_if<Ed25519PublicKey>(&key)) {
    const auto* short_signature = std::get_if<Ed25519Signature>(&signature);
    return short_signature != nullptr && verify(*short_key, *short_signature, message);
  }
  const auto* long_signature = std::get_if<Ed448Signature>(&signature);
  return long_signature != nullptr && verify(std::get<Ed448PublicKey>(key), *long_signature, message);
}

Result<Signature> decode_signature(BytesView bytes) {
  if (const auto ed25519 = Ed25519Signature::from(bytes)) return *ed25519;
  if (const auto ed448 = Ed448Signature::from(bytes)) return *ed448;
  return fail(ErrorKind::malformed, "a signature has a size of no known algorithm");
}

BytesView view(const Signature& signature) noexcept {
  if (const auto* ed25519 = std::get_if<Ed25519Signature>(&signature)) return ed25519->view();
  return std::get_if<Ed448Signature>(&signature)->view();
}

}  // namespace simplex::crypto
