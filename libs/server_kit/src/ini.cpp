#include "simplex/server_kit/ini.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <charconv>

#include "simplex/server_kit/files.hpp"

namespace simplex::server_kit {
namespace {

// Every entry has a copy of it.
constexpr std::size_t max_section = 100;

std::string_view trim(std::string_view text) {
  constexpr std::string_view blank = " \t\r\n";
  const auto first = text.find_first_not_of(blank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blank) - first + 1);
}

// What is reported may end up in a log, where no password belongs.
std::string_view shown(const IniEntry& entry) {
  for (const auto* secret : {"password", "auth", "db_connection"}) {
    if (entry.key.find(secret) != std::string::npos) return "(not shown)";
  }
  return entry.value;
}

std::string place(const std::string& file, const IniEntry& entry) {
  if (entry.line == 0) return fmt::format("command line: [{}] {} = {}", entry.section, entry.key, shown(entry));
  return fmt::format("{}:{}: [{}] {} = {}", file, entry.line, entry.section, entry.key, shown(entry));
}

}  // namespace

Result<Ini> Ini::parse(std::string_view text, std::string name) {
  Ini made;
  made.name_ = std::move(name);
  std::string section;
  std::vector<std::string> wrong;
  int number = 0;
  while (!text.empty()) {
    ++number;
    const auto end = text.find('\n');
    const auto line = trim(text.substr(0, end));
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    if (line.empty() || line.front() == '#' || line.front() == ';') continue;
    if (line.front() == '[') {
      if (line.back() != ']' || line.size() < 3 || line.size() > max_section + 2) {
        wrong.push_back(
            fmt::format("{}:{}: a section is written [NAME], of 1 to {} characters", made.name_, number, max_section));
        continue;
      }
      section = trim(line.substr(1, line.size() - 2));
      continue;
    }
    const auto separator = line.find_first_of("=:");
    const auto key = trim(line.substr(0, separator));
    if (separator == std::string_view::npos || key.empty()) {
      wrong.push_back(fmt::format("{}:{}: a setting is written key = value", made.name_, number));
      continue;
    }
    if (const auto* earlier = made.find(section, key)) {
      wrong.push_back(
          fmt::format("{}:{}: [{}] {} stands in line {} already", made.name_, number, section, key, earlier->line));
      continue;
    }
    made.entries_.push_back({section, std::string(key), std::string(trim(line.substr(separator + 1))), number});
  }
  if (!wrong.empty()) return fail(ErrorKind::malformed, fmt::format("{}", fmt::join(wrong, "\n")), Advice::ask_user);
  return made;
}

Result<Ini> Ini::load(const std::filesystem::path& file) {
  SIMPLEX_ASSIGN(const auto text, read_file(file));
  return parse(as_text(text), file.string());
}

Result<> Ini::set(std::string_view assignment) {
  const auto equals = assignment.find('=');
  const auto dot = assignment.substr(0, equals).find('.');
  if (equals == std::string_view::npos || dot == std::string_view::npos || dot == 0 || dot + 1 >= equals) {
    return fail(ErrorKind::malformed, fmt::format("\"{}\": a setting is given as SECTION.key=value", assignment),
                Advice::ask_user);
  }
  const auto section = trim(assignment.substr(0, dot));
  const auto key = trim(assignment.substr(dot + 1, equals - dot - 1));
  const auto value = trim(assignment.substr(equals + 1));
  std::erase_if(entries_, [&](const IniEntry& entry) { return entry.section == section && entry.key == key; });
  entries_.push_back({std::string(section), std::string(key), std::string(value), 0});
  return {};
}

const IniEntry* Ini::find(std::string_view section, std::string_view key) const {
  for (const auto& entry : entries_) {
    if (entry.section == section && entry.key == key) return &entry;
  }
  return nullptr;
}

const IniEntry* IniSettings::look_up(std::string_view section, std::string_view key) {
  known_.emplace(section, key);
  return ini_->find(section, key);
}

void IniSettings::wrong(const IniEntry& entry, std::string_view what) {
  // What follows a value belongs to it, as in the reference.
  const bool comment = entry.value.find(" #") != std::string::npos || entry.value.find(" ;") != std::string::npos;
  problems_.push_back(
      fmt::format("{}: {}{}", place(ini_->name(), entry), what, comment ? " (a comment needs a line of its own)" : ""));
}

bool IniSettings::on_off(std::string_view section, std::string_view key, bool otherwise) {
  const auto* entry = look_up(section, key);
  if (entry == nullptr) return otherwise;
  if (entry->value == "on") return true;
  if (entry->value == "off") return false;
  wrong(*entry, "must be on or off");
  return otherwise;
}

std::int64_t IniSettings::number(std::string_view section, std::string_view key, std::int64_t otherwise,
                                 std::int64_t min, std::int64_t max) {
  const auto* entry = look_up(section, key);
  if (entry == nullptr) return otherwise;
  std::int64_t value = 0;
  const auto* end = entry->value.data() + entry->value.size();
  const auto [stop, error] = std::from_chars(entry->value.data(), end, value);
  if (error != std::errc{} || stop != end || value < min || value > max) {
    wrong(*entry, fmt::format("must be a whole number from {} to {}", min, max));
    return otherwise;
  }
  return value;
}

std::string IniSettings::text(std::string_view section, std::string_view key, std::string_view otherwise) {
  const auto* entry = look_up(section, key);
  return entry == nullptr ? std::string(otherwise) : entry->value;
}

std::optional<std::string> IniSettings::optional_text(std::string_view section, std::string_view key) {
  const auto* entry = look_up(section, key);
  if (entry == nullptr || entry->value.empty()) return std::nullopt;
  return entry->value;
}

std::string IniSettings::one_of(std::string_view section, std::string_view key, std::string_view otherwise,
                                std::initializer_list<std::string_view> allowed) {
  const auto* entry = look_up(section, key);
  if (entry == nullptr) return std::string(otherwise);
  for (const auto value : allowed) {
    if (entry->value == value) return entry->value;
  }
  wrong(*entry, fmt::format("must be one of: {}", fmt::join(allowed, ", ")));
  return std::string(otherwise);
}

void IniSettings::known(std::string_view section, std::initializer_list<std::string_view> keys) {
  for (const auto key : keys) known_.emplace(section, key);
}

void IniSettings::problem(std::string_view section, std::string_view key, std::string_view what) {
  if (const auto* entry = ini_->find(section, key)) return wrong(*entry, what);
  problems_.push_back(fmt::format("{}: [{}] {}: {}", ini_->name(), section, key, what));
}

std::vector<std::string> IniSettings::known_keys() const {
  std::vector<std::string> made;
  for (const auto& [section, key] : known_) made.push_back(section + '.' + key);
  return made;
}

std::vector<std::string> IniSettings::unknown_keys() const {
  std::vector<std::string> made;
  for (const auto& entry : ini_->entries()) {
    if (!known_.contains(std::pair(entry.section, entry.key))) made.push_back(place(ini_->name(), entry));
  }
  return made;
}

}  // namespace simplex::server_kit
