// How the relay's web site is served.
#pragma once

#include "simplex/smp/server/web_site.hpp"

namespace simplex::smp::server {

// INI: section WEB. Without `http` and `https` nobody is served, and the site is only written into static_path.
struct WebSettings {
  // https: with cert and key, TLS for browsers. On a port that SMP has too, both are served there; on another, the web
  // alone. Files that are missing are a warning: the relay works without, and SIGHUP looks for them again.
  struct Https {
    std::uint16_t port = 443;
    std::filesystem::path certificate;  // cert
    std::filesystem::path key;          // key
  };

  SiteSettings site;  // static_path, and the section INFORMATION
  std::string bind;   // as for SMP
  // http: PORT, at `bind`, or HOST:PORT
  std::optional<transport::Endpoint> http;
  std::optional<Https> https;
  // https without cert and key: said in the log, and nobody is served.
  std::optional<std::uint16_t> https_without_certificate;
  server_kit::HttpSettings limits;  // of each thread
};

}  // namespace simplex::smp::server
