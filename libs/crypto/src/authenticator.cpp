#include "simplex/crypto/authenticator.hpp"

#include "simplex/crypto/hash.hpp"

namespace simplex::crypto {

namespace {

bool verify_agreed(const X25519PublicKey& key, const X25519PrivateKey* server_key, const CbNonce& nonce,
                   const Authenticator& authenticator, BytesView authorized) {
  if (server_key == nullptr) return false;
  const auto shared = box_key(key, *server_key);
  return shared && verify_authenticator(*shared, nonce, authenticator, authorized);
}

// Keys that nobody uses, to spend the time on.
const X25519PublicKey& nobody_x25519() {
  static const auto key = public_key(X25519PrivateKey{});
  return key;
}
const Ed25519PublicKey& nobody_ed25519() {
  static const auto key = public_key(*Ed25519PrivateKey::from(std::array<std::uint8_t, 32>{}));
  return key;
}
const Ed448PublicKey& nobody_ed448() {
  static const auto key = public_key(Ed448PrivateKey{});
  return key;
}

Authenticator authenticate_hash(const BoxKey& key, const CbNonce& nonce, const Sha512& hash) {
  Authenticator made;
  seal_into(key, nonce, hash.view(), made.mutable_view());
  return made;
}

}  // namespace

Authenticator authenticate(const BoxKey& key, const CbNonce& nonce, BytesView authorized) {
  return authenticate_hash(key, nonce, sha512(authorized));
}

bool verify_authenticator(const BoxKey& key, const CbNonce& nonce, const Authenticator& authenticator,
                          BytesView authorized) {
  return equal_constant_time(authenticate(key, nonce, authorized).view(), authenticator.view());
}

bool verify_authenticator(const BoxKey& key, const CbNonce& nonce, const Authenticator& authenticator,
                          std::initializer_list<BytesView> authorized) {
  return equal_constant_time(authenticate_hash(key, nonce, sha512(authorized)).view(), authenticator.view());
}

Result<Bytes> authorize(const AuthPrivateKey& key, const std::optional<X25519PublicKey>& server_key,
                        const CbNonce& nonce, BytesView authorized) {
  if (const auto* ed25519 = std::get_if<Ed25519PrivateKey>(&key)) return to_bytes(sign(*ed25519, authorized).view());
  if (const auto* ed448 = std::get_if<Ed448PrivateKey>(&key)) return to_bytes(sign(*ed448, authorized).view());
  if (!server_key) {
    return fail(ErrorKind::version, "this relay gave no session key, so a command cannot be authorized with X25519");
  }
  SIMPLEX_ASSIGN(const auto shared, box_key(*server_key, std::get<X25519PrivateKey>(key)));
  return to_bytes(authenticate(shared, nonce, authorized).view());
}

bool verify_authorization(const AuthPublicKey& key, const X25519PrivateKey* server_key, const CbNonce& nonce,
                          BytesView authorization, BytesView authorized) {
  if (const auto* ed25519 = std::get_if<Ed25519PublicKey>(&key)) {
    if (const auto signature = Ed25519Signature::from(authorization)) return verify(*ed25519, *signature, authorized);
  } else if (const auto* ed448 = std::get_if<Ed448PublicKey>(&key)) {
    if (const auto signature = Ed448Signature::from(authorization)) return verify(*ed448, *signature, authorized);
  } else if (const auto authenticator = Authenticator::from(authorization)) {
    return verify_agreed(std::get<X25519PublicKey>(key), server_key, nonce, *authenticator, authorized);
  }
  return verify_nothing(server_key, nonce, authorization, authorized);
}

bool verify_nothing(const X25519PrivateKey* server_key, const CbNonce& nonce, BytesView authorization,
                    BytesView authorized) {
  // The results go through memory that the compiler must believe to be read, or it could leave the work out.
  volatile bool spent = false;
  if (const auto ed25519 = Ed25519Signature::from(authorization)) {
    spent = verify(nobody_ed25519(), *ed25519, authorized);
  } else if (const auto ed448 = Ed448Signature::from(authorization)) {
    spent = verify(nobody_ed448(), *ed448, authorized);
  } else if (const auto authenticator = Authenticator::from(authorization)) {
    spent = verify_agreed(nobody_x25519(), server_key, nonce, *authenticator, authorized);
  }
  static_cast<void>(spent);
  return false;
}

}  // namespace simplex::crypto
