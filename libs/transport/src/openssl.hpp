// Owners of OpenSSL objects, and its errors as text.
#pragma once

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <memory>
#include <string>

#include "simplex/base/bytes.hpp"
#include "simplex/crypto/keys.hpp"

namespace simplex::transport {

template <auto Free>
struct OpensslFree {
  template <class T>
  void operator()(T* object) const noexcept {
    Free(object);
  }
};
using X509Ptr = std::unique_ptr<X509, OpensslFree<X509_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, OpensslFree<EVP_PKEY_free>>;
using BioPtr = std::unique_ptr<BIO, OpensslFree<BIO_free>>;
using SslPtr = std::unique_ptr<SSL, OpensslFree<SSL_free>>;
using SslContextPtr = std::unique_ptr<SSL_CTX, OpensslFree<SSL_CTX_free>>;
using BioMethodPtr = std::unique_ptr<BIO_METHOD, OpensslFree<BIO_meth_free>>;

// The reason of the newest error, and an empty queue of errors.
[[nodiscard]] std::string take_openssl_error();

// Nothing, when the octets are not one certificate and nothing else.
[[nodiscard]] X509Ptr x509_from_der(BytesView der);
[[nodiscard]] Bytes to_der(const X509* certificate);
[[nodiscard]] KeyPtr openssl_key(const crypto::SignaturePrivateKey& key);

}  // namespace simplex::transport
