#include "web_page.hpp"

#include <fmt/format.h>

namespace simplex::smp::server {
namespace {

// Only addresses of the web and of SimpleX become links.
std::string link(std::string_view address, std::string_view text) {
  const bool known =
      address.starts_with("https://") || address.starts_with("http://") || address.starts_with("simplex:/");
  if (!known) return escape_html(address);
  return fmt::format("<a href=\"{}\" rel=\"noopener\">{}</a>", escape_html(address), escape_html(text));
}

std::string row(std::string_view name, std::string_view html) {
  return fmt::format("<dt>{}</dt>\n<dd>{}</dd>\n", name, html);
}

std::string address_row(std::string_view name, const std::string& address) {
  return address.empty() ? std::string() : row(name, link(address, address));
}

std::string with_country(const std::string& name, const std::string& country) {
  return country.empty() ? escape_html(name) : escape_html(name + " (" + country + ")");
}

std::string contacts_row(std::string_view name, const PublicInformation::Contacts& contacts) {
  std::string items;
  if (!contacts.simplex.empty()) items += "<li>SimpleX: " + link(contacts.simplex, "open the address") + "</li>";
  if (!contacts.email.empty()) {
    const auto email = escape_html(contacts.email);
    items += fmt::format("<li>Email: <a href=\"mailto:{}\">{}</a></li>", email, email);
  }
  if (!contacts.pgp.empty()) {
    const auto& text = contacts.pgp_fingerprint.empty() ? contacts.pgp : contacts.pgp_fingerprint;
    items += "<li>PGP key: " + link(contacts.pgp, text) + "</li>";
  }
  return items.empty() ? std::string() : row(name, "<ul>" + items + "</ul>");
}

std::string yes_no(bool value) { return value ? "Yes" : "No"; }

}  // namespace

std::string escape_html(std::string_view text) {
  std::string made;
  made.reserve(text.size());
  for (const char c : text) {
    switch (c) {
      case '&': made += "&amp;"; break;
      case '<': made += "&lt;"; break;
      case '>': made += "&gt;"; break;
      case '"': made += "&quot;"; break;
      case '\'': made += "&#39;"; break;
      default: made += c;
    }
  }
  return made;
}

std::string information_rows(const PublicInformation& information) {
  const auto& told = information;
  std::string rows;
  if (!told.operator_name.empty()) rows += row("Operator", with_country(told.operator_name, told.operator_country));
  rows += address_row("Website", told.website);
  rows += contacts_row("Administrators", told.admin);
  rows += contacts_row("Complaints and feedback", told.complaints);
  rows += address_row("Conditions of use", told.usage_conditions);
  rows += address_row("Amendments", told.condition_amendments);
  if (!told.server_country.empty()) rows += row("Country of the server", escape_html(told.server_country));
  if (!told.hosting.empty()) rows += row("Hosting provider", with_country(told.hosting, told.hosting_country));
  if (!told.hosting_type.empty()) {
    auto type = told.hosting_type;
    if (type[0] >= 'a' && type[0] <= 'z') type[0] = static_cast<char>(type[0] - 32);
    rows += row("Hosting type", escape_html(type));
  }
  rows += told.source_code.empty()
              ? row("Source code",
                    "Not told yet: the operator states it in smp-server.ini (the AGPLv3 licence asks for it)")
              : address_row("Source code", told.source_code);
  return rows;
}

std::string configuration_rows(const PublicConfiguration& configuration) {
  using Persistence = PublicConfiguration::Persistence;
  std::string kept = "Nothing: in memory only";
  if (configuration.persistence == Persistence::queues) kept = "Queues";
  if (configuration.persistence == Persistence::messages) kept = "Queues and undelivered messages";
  return row("Kept over restarts", kept) +
         row("Undelivered messages expire",
             configuration.message_ttl ? "After " + duration_text(*configuration.message_ttl) : "Never") +
         row("New queues", configuration.new_queues ? "Can be created" : "Cannot be created") +
         row("Password needed", yes_no(configuration.password)) + row("Statistics", yes_no(configuration.statistics));
}

std::string fill_place(std::string_view text, std::string_view name, std::string_view content) {
  const auto place = fmt::format("{{{{{}}}}}", name);
  std::string made;
  for (;;) {
    const auto at = text.find(place);
    made += text.substr(0, at);
    if (at == std::string_view::npos) return made;
    made += content;
    text.remove_prefix(at + place.size());
  }
}

// Months of 30 days, as the reference counts them.
std::string duration_text(std::chrono::seconds duration) {
  struct Unit {
    std::int64_t seconds;
    const char* one;
    const char* many;
  };
  static constexpr Unit units[] = {{30 * 86'400, "month", "months"},
                                   {86'400, "day", "days"},
                                   {3'600, "hour", "hours"},
                                   {60, "minute", "minutes"},
                                   {1, "second", "seconds"}};
  auto left = duration.count();
  if (left <= 0) return "0 seconds";
  std::string text;
  for (const auto& unit : units) {
    const auto count = left / unit.seconds;
    left %= unit.seconds;
    if (count > 0) text += fmt::format("{}{} {}", text.empty() ? "" : " ", count, count == 1 ? unit.one : unit.many);
  }
  return text;
}

}  // namespace simplex::smp::server
