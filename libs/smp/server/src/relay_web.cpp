#include "relay_web.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace simplex::smp::server {

RelayWeb::RelayWeb(WebSettings settings, Logger& logger)
    : settings_(std::move(settings)), site_(std::make_shared<const WebSite>(settings_.site)) {
  if (const auto& folder = settings_.site.folder) {
    if (const auto written = site_->write(*folder); !written) {
      logger.warning("the web site is not written into its folder: " + written.error().message);
    }
  }
  if (const auto port = settings_.https_without_certificate) {
    logger.warning(fmt::format(
        "[WEB] https = {} has no effect without cert and key: no web pages with TLS, SMP is not affected", *port));
  }
  if (!settings_.https) return;
  if (auto loaded = load_credentials()) {
    credentials_ = *std::move(loaded);
  } else {
    logger.warning(
        fmt::format("no web pages on port {}, SMP is not affected: {}", settings_.https->port, loaded.error().message));
  }
}

Result<std::shared_ptr<const transport::WebCredentials>> RelayWeb::load_credentials() const {
  if (!settings_.https) return nullptr;
  SIMPLEX_ASSIGN(auto loaded, transport::load_web_credentials(settings_.https->certificate, settings_.https->key));
  return std::make_shared<const transport::WebCredentials>(std::move(loaded));
}

std::vector<transport::ListenAddress> RelayWeb::addresses(std::vector<transport::ListenAddress> made) const {
  if (!settings_.https) return made;
  bool shared = false;
  for (auto& address : made) {
    if (address.port != settings_.https->port || address.serves != transport::Serves::smp) continue;
    address.serves = transport::Serves::smp_and_web;
    shared = true;
  }
  if (!shared) made.emplace_back(settings_.bind, settings_.https->port, transport::Serves::web);
  return made;
}

server_kit::HttpHandler RelayWeb::handler() const {
  return [site = site_](const server_kit::HttpRequest& request, server_kit::HttpReply reply) {
    reply(site->respond(request));
  };
}

std::unique_ptr<server_kit::HttpServer> RelayWeb::serve(async::Loop& loop) const {
  if (!settings_.https) return nullptr;
  return server_kit::HttpServer::make(loop, settings_.limits, handler());
}

Result<std::unique_ptr<server_kit::HttpEndpoint>> RelayWeb::serve_plain(async::Loop& loop) const {
  if (!settings_.http) return nullptr;
  transport::TcpListenSettings listen;
  listen.addresses = {*settings_.http};
  return server_kit::serve_http(loop, std::move(listen), settings_.limits, handler());
}

}  // namespace simplex::smp::server
