#include "folder.hpp"

#include <stdlib.h>

#include <stdexcept>

namespace simplex::world {

namespace fs = std::filesystem;

namespace {

// Memory, where there is a file system in memory: the scenarios commit thousands of times.
fs::path place_for_folders() {
  const fs::path memory = "/dev/shm";
  std::error_code error;
  const auto permissions = fs::status(memory, error).permissions();
  const bool usable = !error && (permissions & fs::perms::others_write) != fs::perms::none;
  return usable ? memory : fs::temp_directory_path();
}

}  // namespace

TemporaryFolder::TemporaryFolder() {
  std::string name = (place_for_folders() / "simplex-world.XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot make a folder for the scenario: " + name);
  path_ = name;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code error;
  fs::remove_all(path_, error);
}

}  // namespace simplex::world
