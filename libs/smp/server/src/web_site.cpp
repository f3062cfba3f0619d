#include "simplex/smp/server/web_site.hpp"

#include <fmt/format.h>

#include <array>

#include "simplex/crypto/hash.hpp"
#include "simplex/encoding/base64.hpp"
#include "simplex/server_kit/files.hpp"
#include "embedded_files.hpp"
#include "web_page.hpp"

namespace simplex::smp::server {
namespace {

namespace fs = std::filesystem;
using server_kit::HttpResponse;

constexpr std::array<std::string_view, 7> link_pages{"contact", "invitation", "a", "c", "g", "r", "i"};

// The site's pages ask nobody else for anything, and run and show nothing that is not theirs.
constexpr const char* policy =
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'";

// A larger file of the operator's is not served: it would be read as a whole.
constexpr std::uintmax_t max_file = 8U << 20;

std::string content_type_of(std::string_view name) {
  static constexpr std::pair<std::string_view, std::string_view> types[] = {
      {".html", "text/html; charset=utf-8"},
      {".css", "text/css; charset=utf-8"},
      {".js", "text/javascript"},
      {".mjs", "text/javascript"},
      {".json", "application/json"},
      {".svg", "image/svg+xml"},
      {".png", "image/png"},
      {".jpg", "image/jpeg"},
      {".webp", "image/webp"},
      {".ico", "image/x-icon"},
      {".woff2", "font/woff2"},
      {".woff", "font/woff"},
      {".ttf", "font/ttf"},
      {".txt", "text/plain; charset=utf-8"},
      {".xml", "application/xml"},
      {".pdf", "application/pdf"},
      {"apple-app-site-association", "application/json"}};
  for (const auto& [end, type] : types) {
    if (name.ends_with(end)) return std::string(type);
  }
  return "application/octet-stream";
}

std::string etag_of(std::string_view content) {
  return '"' + base64url(crypto::sha256({as_bytes(content)}).view().first(16)) + '"';
}

// The path in the folder that a path of the site means: without the first slash, .well-known by its other name. Nothing
// for hidden files.
std::optional<std::string> name_of(std::string_view path) {
  path.remove_prefix(1);
  std::string name(path);
  if (name == ".well-known" || name.starts_with(".well-known/")) name.erase(0, 1);
  if (name.starts_with('.') || name.find("/.") != std::string::npos) return std::nullopt;
  return name;
}

}  // namespace

WebSite::WebSite(SiteSettings settings) : settings_(std::move(settings)) {
  const auto add = [&](const std::string& name, std::string content) {
    Page page{content_type_of(name), nullptr, etag_of(content)};
    page.content = std::make_shared<const std::string>(std::move(content));
    pages_[name] = std::move(page);
  };
  // In the page too, for web servers that serve it from the folder.
  std::string head = fmt::format("<meta http-equiv=\"Content-Security-Policy\" content=\"{}\">\n", policy);
  for (const auto& file : web_files()) {
    if (file.name == "link.html") {
      for (const auto kind : link_pages) {
        add(std::string(kind) + "/index.html", fill_place(file.content, "head", head));
      }
    } else if (file.name == "index.html") {
      if (!settings_.onion_host.empty()) {
        head += fmt::format("<meta http-equiv=\"onion-location\" content=\"http://{}\">\n",
                            escape_html(settings_.onion_host));
      }
      auto text = fill_place(file.content, "head", head);
      text = fill_place(text, "version", SIMPLEX_VERSION);
      text = fill_place(text, "configuration", configuration_rows(settings_.configuration));
      add("index.html", fill_place(text, "information", information_rows(settings_.information)));
    } else {
      add(std::string(file.name), std::string(file.content));
    }
  }
}

HttpResponse WebSite::respond(const server_kit::HttpRequest& request) const {
  const auto name = name_of(request.path);
  if (!name) return HttpResponse::text(404, "There is no such page.\n");
  auto trimmed = *name;
  while (trimmed.ends_with('/')) trimmed.pop_back();
  const auto index = trimmed.empty() ? "index.html" : trimmed + "/index.html";
  for (const auto& one : {trimmed, index}) {
    if (one.empty()) continue;
    if (settings_.folder) {
      if (auto found = from_folder(*settings_.folder / "override", one)) return *std::move(found);
    }
    const auto page = pages_.find(one);
    if (page == pages_.end()) continue;
    HttpResponse made;
    made.content_type = page->second.content_type;
    made.body = page->second.content;
    made.etag = page->second.etag;
    made.fields = {{"Content-Security-Policy", std::string(policy) + "; frame-ancestors 'none'"},
                   {"X-Content-Type-Options", "nosniff"},
                   {"Referrer-Policy", "no-referrer"},
                   {"Cross-Origin-Opener-Policy", "same-origin"},
                   {"Cache-Control", "no-cache"}};
    return made;
  }
  if (settings_.folder && trimmed != "override" && !trimmed.starts_with("override/")) {
    for (const auto& one : {trimmed, index}) {
      if (one.empty()) continue;
      if (auto found = from_folder(*settings_.folder, one)) return *std::move(found);
    }
  }
  return HttpResponse::text(404, "There is no such page.\n");
}

// The operator's pages have their own rules about scripts and styles.
std::optional<HttpResponse> WebSite::from_folder(const fs::path& folder, const std::string& name) const {
  std::error_code error;
  const auto root = fs::canonical(folder, error);
  if (error) return std::nullopt;
  const auto file = fs::canonical(root / name, error);
  if (error || !fs::is_regular_file(file, error)) return std::nullopt;
  // A link may lead out of the folder.
  if (!file.native().starts_with(root.native() + '/')) return std::nullopt;
  if (const auto size = fs::file_size(file, error); error || size > max_file) return std::nullopt;
  auto content = server_kit::read_file(file);
  if (!content) return std::nullopt;
  auto made = HttpResponse::text(200, std::string(as_text(*content)), content_type_of(name));
  made.etag = etag_of(*made.body);
  made.fields = {{"X-Content-Type-Options", "nosniff"}, {"Referrer-Policy", "no-referrer"}};
  return made;
}

Result<> WebSite::write(const fs::path& folder) const {
  for (const auto& [name, page] : pages_) {
    const auto file = folder / name;
    SIMPLEX_TRY(server_kit::create_directories(file.parent_path(), 0755));
    if (const auto there = server_kit::read_file(file); there && as_text(*there) == *page.content) continue;
    SIMPLEX_TRY(server_kit::replace_file(file, as_bytes(*page.content), server_kit::public_file));
  }
  return {};
}

}  // namespace simplex::smp::server
