// The relay's web site: what it says about itself, and the pages that its users' links lead to. The links themselves are
// behind the # of the address, which browsers do not send: the pages show them, and their QR codes, in the browser.
//
//   /                                     about the relay
//   /a /c /g /i /r /contact /invitation   a link of that kind
//   /.well-known/...                      which apps may open the links
//   /media/...                            style, script and QR encoder of these pages
//   anything else                         a file of the operator's folder
#pragma once

#include <filesystem>
#include <map>

#include "simplex/server_kit/http.hpp"

namespace simplex::smp::server {

// INI: section INFORMATION, with these keys. "": not told.
struct PublicInformation {
  struct Contacts {
    std::string simplex;  // an address of SimpleX
    std::string email;
    std::string pgp;  // where the key is
    std::string pgp_fingerprint;
  };
  std::string source_code;
  std::string usage_conditions;
  std::string condition_amendments;
  std::string server_country;  // two letters, as all countries
  std::string operator_name;   // key `operator`
  std::string operator_country;
  std::string website;
  Contacts admin;       // admin_simplex, ...
  Contacts complaints;  // complaints_simplex, ...
  std::string hosting;
  std::string hosting_country;
  std::string hosting_type;  // virtual, dedicated, colocation or owned
};

// What the page says of the configuration.
struct PublicConfiguration {
  enum class Persistence : std::uint8_t { memory, queues, messages };
  Persistence persistence = Persistence::memory;
  std::optional<std::chrono::seconds> message_ttl;
  bool statistics = false;  // daily ones are written
  bool new_queues = true;
  bool password = false;  // is needed to create queues
};

struct SiteSettings {
  PublicInformation information;
  PublicConfiguration configuration;
  std::string onion_host;  // where the site can be reached through Tor, or ""
  // INI: [WEB] static_path. Its files are served, but for those that the site has itself; a file in its folder
  // `override` takes the place of the site's.
  std::optional<std::filesystem::path> folder;
};

// Thread-safe once made.
class WebSite {
 public:
  explicit WebSite(SiteSettings settings);

  [[nodiscard]] server_kit::HttpResponse respond(const server_kit::HttpRequest& request) const;
  // Writes the site's files into the folder, for web servers that serve it from there.
  [[nodiscard]] Result<> write(const std::filesystem::path& folder) const;

 private:
  struct Page {
    std::string content_type;
    std::shared_ptr<const std::string> content;
    std::string etag;
  };
  [[nodiscard]] std::optional<server_kit::HttpResponse> from_folder(const std::filesystem::path& folder,
                                                                    const std::string& name) const;

  SiteSettings settings_;
  std::map<std::string, Page, std::less<>> pages_;  // by their path in the folder: "index.html", "a/index.html"
};

// "21 days", "1 day 2 hours": for people.
[[nodiscard]] std::string duration_text(std::chrono::seconds duration);

}  // namespace simplex::smp::server
