// TLS as browsers know it: certificates of public authorities, in RSA or ECDSA too, and names instead of fingerprints.
// Beside SMP on the same port (tls.hpp, ListenAddress), and for clients that ask web services.
#pragma once

#include <filesystem>

#include "simplex/base/secret.hpp"
#include "simplex/transport/certificate.hpp"

namespace simplex::transport {

// What a listener shows to browsers.
struct WebCredentials {
  std::vector<Bytes> chain;  // DER, leaf first
  SecretBytes key;           // of the leaf, in DER; any algorithm that TLS has

  [[nodiscard]] WebCredentials clone() const { return {chain, key.clone()}; }
};

// From PEM files as web servers have them: the leaf and what is above it, and the leaf's key, not encrypted. They must
// belong together.
[[nodiscard]] Result<WebCredentials> load_web_credentials(const std::filesystem::path& certificates,
                                                          const std::filesystem::path& key);

struct WebConnectorSettings {
  bool tls = true;  // off: plain TCP
  // PEM of the authorities to trust; nothing: those of the system.
  std::optional<std::filesystem::path> authorities;
};

// Connects to web servers: with TLS, the certificate must be of a trusted authority and have the host's name or address.
class WebConnector {
 public:
  using Done = std::move_only_function<void(Result<ChannelPtr>)>;
  virtual ~WebConnector() = default;
  // As connect_tcp().
  [[nodiscard]] virtual std::unique_ptr<Connector::Attempt> connect(async::Loop& loop, Endpoint endpoint,
                                                                    Duration timeout, Done done) = 0;
};
[[nodiscard]] Result<std::unique_ptr<WebConnector>> make_web_connector(WebConnectorSettings settings);

}  // namespace simplex::transport
