// A client that is a service: relays know it by its certificate, give queues to it, and let it subscribe to all of them at
// once (simplex-messaging.md, "Client services"; v16, for messages v19). Below that version it is an ordinary client.
#pragma once

#include "simplex/transport/smp_handshake.hpp"

namespace simplex::smp::client {

// The connector has to show the same chain in TLS (transport::make_tls_connector).
struct ServiceCredentials {
  transport::SmpServiceRole role = transport::SmpServiceRole::messaging;
  transport::CertificateChain chain;
  crypto::SignaturePrivateKey key;  // of the chain's first certificate
};

}  // namespace simplex::smp::client
