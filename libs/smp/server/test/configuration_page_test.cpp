// docs/configuration.md has every key that the relay reads, and no other.
#include <gmock/gmock.h>

#include <fstream>
#include <set>

#include "simplex/smp/server/config.hpp"

namespace simplex::smp::server {
namespace {

// Lines "| `key` | ..." below "## [SECTION]".
std::set<std::string> keys_of_the_page() {
  std::set<std::string> made;
  std::ifstream page(SIMPLEX_SOURCE_DIR "/docs/configuration.md");
  std::string section;
  for (std::string line; std::getline(page, line);) {
    if (line.starts_with("## [")) section = line.substr(4, line.find(']') - 4);
    if (!line.starts_with("| `")) continue;
    const auto key = section + '.' + line.substr(3, line.find('`', 3) - 3);
    EXPECT_TRUE(made.insert(key).second) << key << " stands there twice";
  }
  return made;
}

TEST(ConfigurationPage, HasEveryKey) {
  const auto config = read_config(server_kit::Ini(), {"/etc/opt/simplex", "/var/opt/simplex"});
  ASSERT_TRUE(config) << config.error().message;
  const std::set<std::string> read(config->known.begin(), config->known.end());
  const auto page = keys_of_the_page();
  for (const auto& key : read) EXPECT_TRUE(page.contains(key)) << key << " is not in docs/configuration.md";
  for (const auto& key : page) EXPECT_TRUE(read.contains(key)) << key << " is read by nobody";
}

}  // namespace
}  // namespace simplex::smp::server
