#include "database_copies.hpp"

#include "lineage.hpp"

namespace simplex::agent {
namespace {

constexpr int pages_at_once = 64;  // 256 KiB: about three milliseconds of the loop

}  // namespace

void DatabaseCopies::make(std::filesystem::path path, SecretBytes passphrase,
                          std::move_only_function<void(Result<>)> done) {
  under_way_.push_back(std::make_shared<Copy>(Copy{std::move(path), std::move(passphrase), std::move(done)}));
  go_on(under_way_.back());
}

void DatabaseCopies::go_on(const std::shared_ptr<Copy>& copy) {
  core_.dependencies.loop.post([this, waiting = std::weak_ptr(copy)] {
    const auto at_work = waiting.lock();
    if (!at_work) return;
    auto finished = step(*at_work);
    if (finished && !*finished) return go_on(at_work);
    at_work->backup.reset();
    under_way_.remove(at_work);
    at_work->done(finished ? Result<>() : std::unexpected(std::move(finished.error())));
  });
}

Result<bool> DatabaseCopies::step(Copy& copy) {
  if (core_.turn.open()) {
    core_.turn.hurry();  // it ends with the loop's turn
    return false;
  }
  if (!copy.backup) {
    SIMPLEX_ASSIGN(auto begun, store::Backup::begin(core_.database, copy.path, std::move(copy.passphrase)));
    copy.backup = std::move(begun);
  }
  SIMPLEX_ASSIGN(const bool all, copy.backup->step(pages_at_once));
  if (!all) return false;
  SIMPLEX_TRY(copy.backup->finish(Lineage::mark_as_copy));
  return true;
}

}  // namespace simplex::agent
