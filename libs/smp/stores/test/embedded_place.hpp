// Folders for embedded stores, removed with the test.
#pragma once

#include "simplex/smp/stores/embedded.hpp"
#include "store_contract.hpp"

namespace simplex::smp::stores {

class TemporaryFolder {
 public:
  TemporaryFolder() {
    auto name = (std::filesystem::temp_directory_path() / "simplex-embedded-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    path_ = name;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

class EmbeddedPlace final : public StorePlace {
 public:
  Result<std::unique_ptr<server::StoreBackend>> open(std::size_t store) override {
    EmbeddedSettings settings;
    settings.folder = folder_.path() / std::to_string(store);
    return open_embedded(settings, logger_);
  }

 private:
  TemporaryFolder folder_;
  NullLogger logger_;
};

}  // namespace simplex::smp::stores
