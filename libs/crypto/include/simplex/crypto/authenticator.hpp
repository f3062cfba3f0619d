// Authorization of SMP commands (simplex-messaging.md, "Deniable client authentication scheme"): a signature, or
// an authenticator that only the relay can check, so that the sender can deny it. Which one follows from the kind of
// the queue's key.
#pragma once

#include <initializer_list>

#include "simplex/crypto/box.hpp"
#include "simplex/crypto/signature.hpp"

namespace simplex::crypto {

// crypto_box of the SHA-512 of the authorized octets: tag 16, encrypted hash 64.
using Authenticator = FixedBytes<struct AuthenticatorTag, 80>;

// key: between the queue's key and the relay's session key. nonce: the correlation id.
[[nodiscard]] Authenticator authenticate(const BoxKey& key, const CbNonce& nonce, BytesView authorized);
// In time that does not depend on what differs.
[[nodiscard]] bool verify_authenticator(const BoxKey& key, const CbNonce& nonce, const Authenticator& authenticator,
                                        BytesView authorized);
// The same for octets that lie in several places.
[[nodiscard]] bool verify_authenticator(const BoxKey& key, const CbNonce& nonce, const Authenticator& authenticator,
                                        std::initializer_list<BytesView> authorized);

// What the client puts in the authorization field: a signature (64 or 114 octets) or an authenticator (80).
// server_key is the relay's session key of the handshake; without one (SMP v6) an X25519 key cannot authorize: the
// error is `version`.
[[nodiscard]] Result<Bytes> authorize(const AuthPrivateKey& key, const std::optional<X25519PublicKey>& server_key,
                                      const CbNonce& nonce, BytesView authorized);

// The relay's side: false unless the authorization is of the key's kind and right; one of another kind takes the time
// that a check of its own kind takes. server_key: the private half of the session key that this client was given, or
// null.
[[nodiscard]] bool verify_authorization(const AuthPublicKey& key, const X25519PrivateKey* server_key,
                                        const CbNonce& nonce, BytesView authorization, BytesView authorized);

// Does what verify_authorization would have cost for an authorization of this kind, for a queue that does not exist:
// the time must not tell. Always false.
[[nodiscard]] bool verify_nothing(const X25519PrivateKey* server_key, const CbNonce& nonce, BytesView authorization,
                                  BytesView authorized);

}  // namespace simplex::crypto
