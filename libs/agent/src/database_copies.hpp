// Copies of the database while the agent works: a few pages in each turn of the loop.
#pragma once

#include <list>

#include "simplex/store/backup.hpp"
#include "core.hpp"

namespace simplex::agent {

class DatabaseCopies {
 public:
  explicit DatabaseCopies(Core& core) : core_(core) {}

  // Done is called on the loop, not inside this call.
  void make(std::filesystem::path path, SecretBytes passphrase, std::move_only_function<void(Result<>)> done);
  // Those under way are given up, and nothing is left of them.
  void stop() { under_way_.clear(); }
  [[nodiscard]] bool any() const { return !under_way_.empty(); }

 private:
  struct Copy {
    std::filesystem::path path;
    SecretBytes passphrase;
    std::move_only_function<void(Result<>)> done;
    std::optional<store::Backup> backup{};
  };
  void go_on(const std::shared_ptr<Copy>& copy);
  [[nodiscard]] Result<bool> step(Copy& copy);

  Core& core_;
  std::list<std::shared_ptr<Copy>> under_way_;
};

}  // namespace simplex::agent
