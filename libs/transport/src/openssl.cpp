#include "openssl.hpp"

#include <openssl/err.h>

#include <stdexcept>

namespace simplex::transport {

std::string take_openssl_error() {
  const auto code = ERR_peek_last_error();
  ERR_clear_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  return reason == nullptr ? "unknown error" : reason;
}

X509Ptr x509_from_der(BytesView der) {
  const std::uint8_t* at = der.data();
  X509Ptr made(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
  ERR_clear_error();
  if (made && at != der.data() + der.size()) made.reset();
  return made;
}

Bytes to_der(const X509* certificate) {
  const int size = i2d_X509(certificate, nullptr);
  if (size < 0) throw std::runtime_error("a certificate that can't be encoded: " + take_openssl_error());
  Bytes made(static_cast<std::size_t>(size));
  auto* at = made.data();
  i2d_X509(certificate, &at);
  return made;
}

KeyPtr openssl_key(const crypto::SignaturePrivateKey& key) {
  const bool is_ed25519 = std::holds_alternative<crypto::Ed25519PrivateKey>(key);
  const auto raw = std::visit([](const auto& one) { return one.reveal(); }, key);
  KeyPtr made(
      EVP_PKEY_new_raw_private_key(is_ed25519 ? EVP_PKEY_ED25519 : EVP_PKEY_ED448, nullptr, raw.data(), raw.size()));
  if (!made) throw std::runtime_error("OpenSSL does not take the signature key: " + take_openssl_error());
  return made;
}

}  // namespace simplex::transport
