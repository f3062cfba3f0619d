// An SMP connection after TLS: the handshake, then contents of blocks in both directions, padded and encrypted here.
// The same for a client and a relay, over sockets, pipes and simulated networks.
//
// Lives on its channel's loop. Callbacks never come inside a call of the owner's; the session may be destroyed in any of
// them. One timer bounds the whole handshake.
#pragma once

#include "simplex/base/random.hpp"
#include "simplex/transport/block.hpp"
#include "simplex/transport/smp_handshake.hpp"

namespace simplex::transport {

class BlockSession {
 public:
  struct Handlers {
    // The handshake is done; called once, before any block.
    std::move_only_function<void()> ready;
    // The content of one block; valid during the call.
    std::move_only_function<void(BytesView)> block;
    // The connection has ended, once: by the peer, an error, a bad block or a timeout; never after the owner's own close().
    // handshake_error() says more when the handshake was refused.
    std::move_only_function<void(Error)> closed;
    // pending() fell to 0; as for a channel.
    std::move_only_function<void()> drained;
    // A block that does not open. The next one may: each has its own key. Without this the connection ends.
    std::move_only_function<void()> unreadable = nullptr;
  };

  static std::unique_ptr<BlockSession> as_client(async::Loop& loop, ChannelPtr channel,
                                                 ClientHandshakeSettings settings,
                                                 std::optional<crypto::X25519KeyPair> key, Duration handshake_timeout,
                                                 Handlers handlers);
  // Makes a session key of its own.
  static std::unique_ptr<BlockSession> as_server(async::Loop& loop, ChannelPtr channel,
                                                 const ServerCredentials& credentials, ServerHandshakeSettings settings,
                                                 Random& random, Duration handshake_timeout, Handlers handlers);

  virtual ~BlockSession() = default;

  // After ready. The chain keys are not in it: they stay inside.
  [[nodiscard]] virtual const SmpSession& session() const = 0;
  // Octets of content that fit into a block: 16,382, or 16,366 when blocks are encrypted.
  [[nodiscard]] virtual std::size_t max_content() const = 0;

  // Pads, encrypts and queues one block. Content over max_content() is over the limit, and nothing is sent.
  [[nodiscard]] virtual Result<> send(BytesView content) = 0;
  // The same without a copy: the content follows room() octets that are free. Memory for 16,384 octets should be reserved.
  [[nodiscard]] virtual Result<> send_in_place(Bytes content) = 0;
  [[nodiscard]] virtual std::size_t room() const = 0;
  // Octets queued and not yet with the kernel; the owner bounds them.
  [[nodiscard]] virtual std::size_t pending() const = 0;
  virtual void pause_reading() = 0;
  virtual void resume_reading() = 0;
  // Sends what is queued, then closes. abort() closes at once.
  virtual void close() = 0;
  virtual void abort() = 0;
  [[nodiscard]] virtual const ChannelInfo& channel() const = 0;
  // The protocol's word for why the handshake failed on this side; nothing when it was not what failed.
  [[nodiscard]] virtual std::optional<TransportError> handshake_error() const = 0;
};

}  // namespace simplex::transport
