#include "simplex/crypto/hash.hpp"

#include "openssl.hpp"

namespace simplex::crypto {

namespace {

template <class Hash>
Hash digest(const EVP_MD* algorithm, BytesView bytes) {
  Hash made;
  openssl::check(EVP_Digest(bytes.data(), bytes.size(), made.mutable_view().data(), nullptr, algorithm, nullptr),
                 "hash");
  return made;
}

template <class Hash>
Hash digest(const EVP_MD* algorithm, std::initializer_list<BytesView> parts) {
  const auto context = openssl::owned(openssl::DigestContext(EVP_MD_CTX_new()), "hash");
  openssl::check(EVP_DigestInit_ex2(context.get(), algorithm, nullptr), "hash");
  for (const auto part : parts) openssl::check(EVP_DigestUpdate(context.get(), part.data(), part.size()), "hash");
  Hash made;
  openssl::check(EVP_DigestFinal_ex(context.get(), made.mutable_view().data(), nullptr), "hash");
  return made;
}

}  // namespace

Sha256 sha256(BytesView bytes) { return digest<Sha256>(openssl::sha256(), bytes); }
Sha512 sha512(BytesView bytes) { return digest<Sha512>(openssl::sha512(), bytes); }
Sha3_256 sha3_256(BytesView bytes) { return digest<Sha3_256>(openssl::sha3_256(), bytes); }
Md5 md5(BytesView bytes) { return digest<Md5>(openssl::md5(), bytes); }
Sha3_384 sha3_384(BytesView bytes) { return digest<Sha3_384>(openssl::sha3_384(), bytes); }

Sha256 sha256(std::initializer_list<BytesView> parts) { return digest<Sha256>(openssl::sha256(), parts); }
Sha512 sha512(std::initializer_list<BytesView> parts) { return digest<Sha512>(openssl::sha512(), parts); }
Sha3_256 sha3_256(std::initializer_list<BytesView> parts) { return digest<Sha3_256>(openssl::sha3_256(), parts); }

}  // namespace simplex::crypto
