// What is put into the places of the site's pages.
#pragma once

#include "simplex/smp/server/web_site.hpp"

namespace simplex::smp::server {

[[nodiscard]] std::string escape_html(std::string_view text);
// Rows of a <dl>.
[[nodiscard]] std::string information_rows(const PublicInformation& information);
[[nodiscard]] std::string configuration_rows(const PublicConfiguration& configuration);
// The text with {{name}} replaced.
[[nodiscard]] std::string fill_place(std::string_view text, std::string_view name, std::string_view content);

}  // namespace simplex::smp::server
