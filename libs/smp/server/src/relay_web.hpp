// The web side of a running relay: its site, its certificate, and what serves it on each thread.
#pragma once

#include "simplex/base/log.hpp"
#include "simplex/smp/server/web.hpp"
#include "simplex/transport/tls.hpp"

namespace simplex::smp::server {

class RelayWeb {
 public:
  // Writes the site into its folder, and reads the certificate; what fails of that is said in the log.
  RelayWeb(WebSettings settings, Logger& logger);

  // The addresses of SMP with what they serve, and one of the web alone, if there is one.
  [[nodiscard]] std::vector<transport::ListenAddress> addresses(std::vector<transport::ListenAddress> smp) const;
  [[nodiscard]] const std::optional<transport::Endpoint>& http() const { return settings_.http; }
  [[nodiscard]] const std::shared_ptr<const transport::WebCredentials>& credentials() const { return credentials_; }
  [[nodiscard]] Result<std::shared_ptr<const transport::WebCredentials>> load_credentials() const;

  // For TLS channels that came for the web; null when there is no `https`.
  [[nodiscard]] std::unique_ptr<server_kit::HttpServer> serve(async::Loop& loop) const;
  // The port without TLS; null when there is none.
  [[nodiscard]] Result<std::unique_ptr<server_kit::HttpEndpoint>> serve_plain(async::Loop& loop) const;

 private:
  [[nodiscard]] server_kit::HttpHandler handler() const;

  WebSettings settings_;
  std::shared_ptr<const WebSite> site_;
  std::shared_ptr<const transport::WebCredentials> credentials_;
};

}  // namespace simplex::smp::server
