// Private routing: the layers of a forwarded command, without any networking (simplex-messaging.md, "Private message
// routing"; vectors: smp_commands.json proxy_layers).
//
//   client:  PFWD version key encrypted     encrypted = box(client's command key, relay's key; nonce = corr id)
//                                                       of a block's content padded to 16,226
//   proxy:   RFWD encrypted                 encrypted = box(proxy's session secret; nonce = the proxy's corr id) of
//                                                       short(corr id) version (2) key, the client's encrypted
//   relay:   RRES encrypted                 the same two layers back, with the nonces reversed:
//                                                       short(corr id), then encrypted and padded to 16,226
//   proxy:   PRES encrypted
#pragma once

#include "simplex/crypto/box.hpp"
#include "simplex/crypto/keys.hpp"
#include "simplex/smp/types.hpp"
#include "simplex/smp/version.hpp"

namespace simplex::smp {

inline constexpr std::size_t padded_forwarded_size = 16226;

// A transmission in the content of a block (count 1), padded and encrypted: what PFWD and PRES carry. The nonce of a
// command is its correlation id, that of the answer crypto::reversed() of it.
[[nodiscard]] Result<Bytes> seal_forwarded(const crypto::BoxKey& key, const crypto::CbNonce& nonce,
                                           BytesView transmission);
// The one transmission inside; decrypts in place.
[[nodiscard]] Result<BytesView> open_forwarded(const crypto::BoxKey& key, const crypto::CbNonce& nonce,
                                               MutableBytes encrypted);

// Between proxy and relay: a client's PFWD.
struct ForwardedTransmission {
  CorrId corr_id;  // of the client's PFWD
  SmpVersion version;
  crypto::X25519PublicKey key;
  Content encrypted;

  friend bool operator==(const ForwardedTransmission&, const ForwardedTransmission&) = default;
};
[[nodiscard]] Bytes seal_rfwd(const crypto::BoxKey& session, const crypto::CbNonce& nonce,
                              const ForwardedTransmission& forwarded);
// Decrypts in place; `encrypted` of the result points into it.
[[nodiscard]] Result<ForwardedTransmission> open_rfwd(const crypto::BoxKey& session, const crypto::CbNonce& nonce,
                                                      MutableBytes encrypted);

// Back: `nonce` is that of the request, and reversed inside.
struct ForwardedResponse {
  CorrId corr_id;
  Content encrypted;

  friend bool operator==(const ForwardedResponse&, const ForwardedResponse&) = default;
};
[[nodiscard]] Bytes seal_rres(const crypto::BoxKey& session, const crypto::CbNonce& nonce,
                              const ForwardedResponse& response);
[[nodiscard]] Result<ForwardedResponse> open_rres(const crypto::BoxKey& session, const crypto::CbNonce& nonce,
                                                  MutableBytes encrypted);

}  // namespace simplex::smp
