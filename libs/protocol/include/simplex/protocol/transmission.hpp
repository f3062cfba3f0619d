// Transmissions: one command, response or event with who sent it and what it is about. SMP, XFTP and NTF share the form
// (simplex-messaging.md, "SMP transmission"; vectors: smp_commands.json transmission, transmission_with_service_key).
//
//   transmission:   authorization | body
//   authorization:  authenticator (short string, empty when there is none), and where the session has service
//                   signatures and the authenticator is not empty: '0' | '1' signature (short string, 64 octets)
//   body:           [session id (short string)] | corr id (short string) | entity id (short string) | command
//   authorized:     session id (short string) | corr id | entity id | command, whether or not the session id is sent
#pragma once

#include <optional>

#include "simplex/base/bytes.hpp"
#include "simplex/base/result.hpp"
#include "simplex/encoding/writer.hpp"
#include "simplex/protocol/ids.hpp"

namespace simplex::protocol {

// How a session writes its transmissions.
struct TransmissionFormat {
  bool sends_session_id = false;    // SMP below 7, NTF 1, XFTP always; elsewhere authorized but not sent
  bool service_signatures = false;  // SMP from 16, NTF never

  friend bool operator==(const TransmissionFormat&, const TransmissionFormat&) = default;
};

// Views into the transmission's octets: valid as long as they are.
struct RawTransmission {
  BytesView authenticator;                     // signature (64 or 114), authenticator (80), or empty
  std::optional<BytesView> service_signature;  // 64 octets
  BytesView session_id;                        // empty where it is not sent
  BytesView corr_id;                           // 0 to 24 octets
  BytesView entity_id;
  BytesView command;
  BytesView body_after_session_id;  // corr id to the end: what is authorized, after the session id

  // Whether the peer means this session; always, where the session id is not sent.
  [[nodiscard]] bool is_of_session(BytesView expected_session_id, TransmissionFormat format) const noexcept;
};

// The error (malformed) is answered with ERR BLOCK and an empty corr id. The command is not looked at.
[[nodiscard]] Result<RawTransmission> parse_transmission(BytesView transmission, TransmissionFormat format);

// What a queue key or service key signs, or hashes into its authenticator.
[[nodiscard]] Bytes authorized_bytes(BytesView session_id, BytesView body_after_session_id);

// corr id, entity id, command: the body without the session id. At most 255 octets of entity id.
[[nodiscard]] Bytes transmission_body(const CorrId& corr_id, BytesView entity_id, BytesView command);

// A whole transmission. `authenticator` is empty when there is no authorization; `service_signature` is only written
// in a session that has them and beside an authenticator.
[[nodiscard]] Bytes encode_transmission(TransmissionFormat format, BytesView session_id, BytesView authenticator,
                                        std::optional<BytesView> service_signature, BytesView body_after_session_id);
void write_transmission(Writer& writer, TransmissionFormat format, BytesView session_id, BytesView authenticator,
                        std::optional<BytesView> service_signature, BytesView body_after_session_id);

}  // namespace simplex::protocol
