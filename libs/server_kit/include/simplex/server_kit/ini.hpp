// Configuration files of the servers, in the reference's form: sections, "key = value" or "key: value", comments that
// start a line with '#' or ';'. Everything keeps its line number, so that a wrong value can be pointed at.
#pragma once

#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "simplex/base/result.hpp"

namespace simplex::server_kit {

struct IniEntry {
  std::string section;
  std::string key;
  std::string value;
  int line = 0;  // from 1; 0: given on the command line

  friend bool operator==(const IniEntry&, const IniEntry&) = default;
};

class Ini {
 public:
  Ini() = default;
  // A line that is none of the forms above is malformed, and so is a key that stands twice in a section; the error
  // names all such lines. name: what messages call the file.
  [[nodiscard]] static Result<Ini> parse(std::string_view text, std::string name);
  [[nodiscard]] static Result<Ini> load(const std::filesystem::path& file);

  // Replaces or adds a value, for "--set SECTION.key=value". The text has that form.
  [[nodiscard]] Result<> set(std::string_view assignment);

  [[nodiscard]] const IniEntry* find(std::string_view section, std::string_view key) const;
  [[nodiscard]] const std::vector<IniEntry>& entries() const { return entries_; }
  [[nodiscard]] const std::string& name() const { return name_; }

 private:
  std::string name_;
  std::vector<IniEntry> entries_;
};

// Reads typed values out of an Ini. A wrong value is noted and the default taken instead, so that one run reports
// everything that is wrong; the caller looks at problems() in the end.
class IniSettings {
 public:
  explicit IniSettings(const Ini& ini) : ini_(&ini) {}

  [[nodiscard]] bool on_off(std::string_view section, std::string_view key, bool otherwise);
  [[nodiscard]] std::int64_t number(std::string_view section, std::string_view key, std::int64_t otherwise,
                                    std::int64_t min, std::int64_t max);
  [[nodiscard]] std::string text(std::string_view section, std::string_view key, std::string_view otherwise);
  [[nodiscard]] std::optional<std::string> optional_text(std::string_view section, std::string_view key);
  [[nodiscard]] std::string one_of(std::string_view section, std::string_view key, std::string_view otherwise,
                                   std::initializer_list<std::string_view> allowed);

  // Keys that this program knows and does not read here: they are not reported as unknown.
  void known(std::string_view section, std::initializer_list<std::string_view> keys);
  void problem(std::string_view section, std::string_view key, std::string_view what);

  // "smp-server.ini:43: [STORE_LOG] enable = maybe: must be on or off"
  [[nodiscard]] const std::vector<std::string>& problems() const { return problems_; }
  // "SECTION.key", all that was asked for.
  [[nodiscard]] std::vector<std::string> known_keys() const;
  // Keys in the file that nobody asked for. They stay in the file.
  [[nodiscard]] std::vector<std::string> unknown_keys() const;

 private:
  [[nodiscard]] const IniEntry* look_up(std::string_view section, std::string_view key);
  void wrong(const IniEntry& entry, std::string_view what);

  const Ini* ini_;
  std::set<std::pair<std::string, std::string>, std::less<>> known_;
  std::vector<std::string> problems_;
};

}  // namespace simplex::server_kit
