// Files that are a part of the program (cmake/EmbedFiles.cmake).
#pragma once

#include <span>
#include <string_view>

namespace simplex::smp::server {

struct EmbeddedFile {
  std::string_view name;  // its path under the site
  std::string_view content;
};

// The pages of a relay. index.html and link.html have places for what differs.
[[nodiscard]] std::span<const EmbeddedFile> web_files();

}  // namespace simplex::smp::server
