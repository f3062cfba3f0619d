// A key that authorizes commands of one queue in one session: what can be agreed beforehand is.
#pragma once

#include "simplex/smp/transmission.hpp"
#include "settings.hpp"

namespace simplex::bench {

class CommandKey {
 public:
  [[nodiscard]] static CommandKey generate(KeyKind kind, Random& random);

  [[nodiscard]] const crypto::AuthPublicKey& public_key() const { return public_key_; }
  // For a session whose relay gave this key. Error: version (an X25519 key, and the relay has none).
  [[nodiscard]] Result<> use_in_session(const std::optional<crypto::X25519PublicKey>& relay_key);
  [[nodiscard]] Bytes authorize(const crypto::CbNonce& nonce, BytesView authorized) const;

 private:
  CommandKey(const crypto::AuthPublicKey& public_key, crypto::AuthPrivateKey key)
      : public_key_(public_key), key_(std::move(key)) {}

  crypto::AuthPublicKey public_key_;
  crypto::AuthPrivateKey key_;
  std::optional<crypto::BoxKey> agreed_;
};

// A whole transmission, ready for a batch. Null: not authorized.
[[nodiscard]] Bytes make_transmission(const smp::SessionParams& session, const CommandKey* key,
                                      const smp::CorrId& corr_id, BytesView entity_id,
                                      const smp::ClientCommand& command);

}  // namespace simplex::bench
