// Addresses of queues, in every SMP client version from 1 to 4 (simplex-messaging.md, "Out-of-band messages";
// agent-protocol.md, "AgentConnInfoReply"; vectors: encoding.json queue_uri, queue_info, queue_uri_decode).
//
//   text:    SERVER/SENDERID#/?v=1-4&dh=KEY[&q=m|c][&k=s][&srv=HOST,...]
//   binary, in a link:         client versions (4) | server | sender id (short string) | key (short string) | mode
//   binary, in a confirmation: client version (2) | server | sender id (short string) | key (short string) | mode
//   mode: nothing, 'T' | 'F' (sender may secure the queue or not), 'M' | 'C'
#pragma once

#include <compare>
#include <optional>
#include <string>

#include "simplex/crypto/keys.hpp"
#include "simplex/encoding/version.hpp"
#include "simplex/protocol/ids.hpp"
#include "simplex/protocol/server_address.hpp"

namespace simplex::protocol {

inline constexpr SmpClientVersion initial_client_version{1};
inline constexpr SmpClientVersion hosts_client_version{2};       // several hosts; versioned queue addresses
inline constexpr SmpClientVersion sender_key_client_version{3};  // SKEY: the sender can secure the queue
inline constexpr SmpClientVersion short_links_client_version{4};
inline constexpr SmpClientVersion current_client_version{4};
inline constexpr SmpClientVersionRange supported_client_versions{initial_client_version, current_client_version};

// Who may secure a queue: of a messaging queue the sender (SKEY), of a contact queue nobody: it takes requests from
// all.
enum class QueueMode : std::uint8_t { messaging, contact };

[[nodiscard]] constexpr bool sender_can_secure(std::optional<QueueMode> mode) noexcept {
  return mode == QueueMode::messaging;
}

// 'M' | 'C'
[[nodiscard]] Result<QueueMode> read_queue_mode(Reader& reader);
void write_queue_mode(Writer& writer, QueueMode mode);

struct QueueAddress {
  ServerAddress server;
  SenderId sender_id;
  crypto::X25519PublicKey dh_key;  // of the queue's recipient: what the sender encrypts for
  std::optional<QueueMode> mode;   // nothing: from a client that did not know modes

  friend auto operator<=>(const QueueAddress&, const QueueAddress&) = default;
};

// A queue in a link: all the client versions that its owner speaks.
struct QueueUri {
  SmpClientVersionRange versions;
  QueueAddress address;

  friend auto operator<=>(const QueueUri&, const QueueUri&) = default;
};

// A queue in a message to a peer whose version is known: the reply queue of a confirmation.
struct QueueInfo {
  SmpClientVersion version;
  QueueAddress address;

  friend auto operator<=>(const QueueInfo&, const QueueInfo&) = default;
};

// The same queue: server's hosts and port, and sender id.
[[nodiscard]] bool same_queue(const QueueAddress& a, const QueueAddress& b) noexcept;

// A whole text. Two older forms are read too: "...#KEY" (version 1 alone) and "...#KEY/?v=...".
[[nodiscard]] Result<QueueUri> parse_queue_uri(std::string_view text);
// The first version of the range decides the form: with 1, only the first host is in the address, and `srv` has the
// rest.
[[nodiscard]] std::string format(const QueueUri& queue);

[[nodiscard]] Result<QueueUri> read_queue_uri(Reader& reader);
// Loses the mode "contact" when the first version is below 4.
void write_queue_uri(Writer& writer, const QueueUri& queue);

[[nodiscard]] Result<QueueInfo> read_queue_info(Reader& reader);
void write_queue_info(Writer& writer, const QueueInfo& queue);

}  // namespace simplex::protocol
