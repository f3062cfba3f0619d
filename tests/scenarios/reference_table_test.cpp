// The table in README.md names tests; they have to be there.
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <set>

namespace simplex {
namespace {

namespace fs = std::filesystem;
const fs::path source = SIMPLEX_SOURCE_DIR;

std::string content(const fs::path& file) {
  std::ifstream input(file);
  return {std::istreambuf_iterator<char>(input), {}};
}

// "Suite.Name" of all tests.
std::set<std::string> tests_in(const fs::path& folder) {
  static const std::regex test(R"(\bTEST(?:_F|_P)?\((\w+), (\w+)\))");
  std::set<std::string> names;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.path().extension() != ".cpp") continue;
    const auto text = content(entry.path());
    for (std::sregex_iterator found(text.begin(), text.end(), test), end; found != end; ++found) {
      names.insert((*found)[1].str() + "." + (*found)[2].str());
    }
  }
  return names;
}

TEST(ReferenceTable, NamesTestsThatAreThere) {
  auto all = tests_in(source / "libs");
  all.merge(tests_in(source / "tests"));
  const auto readme = content(source / "tests/scenarios/README.md");
  const auto tables = readme.substr(readme.find("# The reference's scenarios"));
  static const std::regex name(R"(\b([A-Z]\w+)\.([A-Z]\w+)\b)");
  std::size_t named = 0;
  for (std::sregex_iterator found(tables.begin(), tables.end(), name), end; found != end; ++found) {
    EXPECT_TRUE(all.contains(found->str())) << found->str() << " is in the table, and no test";
    ++named;
  }
  EXPECT_GT(named, 60u);
}

}  // namespace
}  // namespace simplex
