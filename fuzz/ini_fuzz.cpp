// rooms: server_kit
// A configuration file: every entry that is read is found under its name, says where it stood, and stands for the same
// in a file of nothing else. The text is also given as one --set.
#include "simplex/base/bytes.hpp"
#include "simplex/server_kit/ini.hpp"
#include "allocation_bound.hpp"
#include "require.hpp"

namespace {

using namespace simplex;              // NOLINT: one file, no header
using namespace simplex::server_kit;  // NOLINT
using fuzz::require;

void check_values(const Ini& ini) {
  IniSettings settings(ini);
  for (const auto& entry : ini.entries()) {
    (void)settings.on_off(entry.section, entry.key, true);
    const auto number = settings.number(entry.section, entry.key, 7, 1, 9);
    require(number >= 1 && number <= 9);
    (void)settings.one_of(entry.section, entry.key, "a", {"a", "b"});
    require(settings.text(entry.section, entry.key, "") == entry.value);
  }
  require(settings.unknown_keys().empty());
}

void check_file(std::string_view text) {
  const auto read = Ini::parse(text, "x.ini");
  if (!read) return require(read.error().message.starts_with("x.ini:"));
  std::string written;
  int line = 0;
  for (const auto& entry : read->entries()) {
    require(entry.line > line && read->find(entry.section, entry.key) == &entry);
    line = entry.line;
    if (!entry.section.empty()) written += '[' + entry.section + "]\n";
    written += entry.key + " = " + entry.value + '\n';
  }
  const auto again = Ini::parse(written, "y.ini");
  require(again && again->entries().size() == read->entries().size());
  for (const auto& entry : read->entries()) {
    const auto* same = again->find(entry.section, entry.key);
    require(same != nullptr && same->value == entry.value);
  }
  check_values(*read);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // Each wrong line of two octets is named with its number; each entry holds the name of its section.
  const fuzz::AllocationBound bound(64 * 1'024 + 1'024 * size);
  const auto text = as_text({data, size});
  check_file(text);
  Ini ini;
  if (ini.set(text)) {
    require(ini.entries().size() == 1);
    check_values(ini);
  }
  return 0;
}
