// The proxy's side of private routing (simplex-messaging.md, "Private message routing"): sessions with other relays, and
// commands passed on to them. One for each node, used on its loop. Sessions are shared by the clients of a node.
#pragma once

#include <functional>

#include "simplex/protocol/server_address.hpp"
#include "simplex/smp/broker_message.hpp"
#include "simplex/smp/command.hpp"
#include "simplex/smp/server/request.hpp"

namespace simplex::smp::server {

class Proxy {
 public:
  template <class T>
  using Done = std::move_only_function<void(Result<T, ErrorType>)>;

  virtual ~Proxy() = default;

  // PRXY. The relay's password was checked by the caller: whoever may create queues may send through this relay. done
  // may be called inside the call. The views in the answer are its own.
  virtual void open_session(ClientId client, const protocol::ServerAddress& relay, Done<broker::Pkey> done) = 0;
  // PFWD over a session that PKEY named. The answer is the content of PRES.
  virtual void forward(ClientId client, BytesView session_id, CorrId corr_id, const command::Pfwd& forwarded,
                       Done<Bytes> done) = 0;
  // The connection ended: what it waits for is not answered.
  virtual void disconnect(ClientId client) = 0;
};

}  // namespace simplex::smp::server
