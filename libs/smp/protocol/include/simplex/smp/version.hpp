// Versions of SMP and what each one changed (simplex-messaging.md, "Version history").
#pragma once

#include "simplex/encoding/version.hpp"
#include "simplex/protocol/transmission.hpp"

namespace simplex::smp {

inline constexpr SmpVersion initial_version{6};           // batches; signatures only; session id is sent
inline constexpr SmpVersion authenticator_version{7};     // X25519 authorization; session id implied
inline constexpr SmpVersion proxy_version{8};             // PRXY, PFWD, RFWD
inline constexpr SmpVersion sender_key_version{9};        // SKEY
inline constexpr SmpVersion deleted_event_version{10};    // DELD
inline constexpr SmpVersion encrypted_block_version{11};  // blocks encrypted inside TLS
inline constexpr SmpVersion blocked_version{12};          // ERR BLOCKED
inline constexpr SmpVersion proxy_flag_version{14};       // proxy says so in its handshake
inline constexpr SmpVersion short_links_version{15};      // link data: LSET, LDEL, LKEY, LGET
inline constexpr SmpVersion service_version{16};          // service certificates and signatures
inline constexpr SmpVersion new_ntf_creds_version{17};    // notification credentials in NEW
inline constexpr SmpVersion client_notices_version{18};   // notice in ERR BLOCKED
inline constexpr SmpVersion receive_service_version{19};  // SUBS with count and hash, ALLS
inline constexpr SmpVersion names_version{20};            // RSLV
inline constexpr SmpVersion current_version{20};
inline constexpr SmpVersionRange supported_versions{initial_version, current_version};

[[nodiscard]] constexpr protocol::TransmissionFormat transmission_format(SmpVersion version) noexcept {
  return {.sends_session_id = version < authenticator_version, .service_signatures = version >= service_version};
}

// The longest body of a message that a sender may send (SEND), in octets.
[[nodiscard]] constexpr std::size_t max_message_length(SmpVersion version) noexcept {
  if (version >= encrypted_block_version) return 16048;
  if (version >= proxy_version) return 16064;
  return 16088;
}
// Of all versions: what a store must be able to hold.
inline constexpr std::size_t max_stored_message_length = 16088;

}  // namespace simplex::smp
