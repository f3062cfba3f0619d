// What other relays answer to a proxy, measured before a client gets it.
#pragma once

#include "simplex/crypto/box.hpp"
#include "simplex/crypto/nonce.hpp"
#include "simplex/smp/broker_message.hpp"
#include "simplex/smp/client/client.hpp"

namespace simplex::smp::server {

// PKEY for the clients: they can use a relay when it speaks a version with forwarding, and signed a key for it. The views
// point into `client`.
[[nodiscard]] Result<broker::Pkey, ErrorType> session_answer(const client::Client& client);

// The content of RRES, for the client: as long as every answer is, and of its command.
[[nodiscard]] Result<Bytes, ErrorType> forwarded_answer(const crypto::BoxKey& key, const CorrId& corr_id,
                                                        const crypto::CbNonce& nonce,
                                                        client::Outcome<BrokerMessage> outcome);

}  // namespace simplex::smp::server
