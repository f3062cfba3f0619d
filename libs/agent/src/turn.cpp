#include "turn.hpp"

namespace simplex::agent {

Turn::Turn(async::Loop& loop, store::Database& database, std::move_only_function<void(Error)> failed)
    : loop_(loop), database_(database), failed_(std::move(failed)) {}

Result<> Turn::enter() {
  if (!open_) {
    SIMPLEX_TRY(database_.begin());
    open_ = true;
    loop_.post([this, alive = std::weak_ptr(alive_)] {
      if (!alive.expired()) (void)commit();
    });
  }
  SIMPLEX_TRY(database_.savepoint());
  effects_before_ = effects_.size();
  ++depth_;
  return {};
}

Result<> Turn::leave(bool keep) {
  --depth_;
  if (keep) return database_.release_savepoint();
  effects_.resize(effects_before_);
  if (database_.in_transaction()) {
    database_.rollback_savepoint();
  } else {
    abandon({ErrorKind::storage, "The database has undone a transaction.", Advice::retry});
  }
  return {};
}

Result<> Turn::commit() {
  if (!open_ || depth_ > 0) return {};
  if (auto done = database_.commit(); !done) {
    abandon(done.error());
    return done;
  }
  open_ = false;
  auto effects = std::exchange(effects_, {});
  const std::weak_ptr alive = alive_;
  for (auto& effect : effects) {
    effect();
    if (alive.expired()) return {};
  }
  return {};
}

void Turn::abandon(Error why) {
  database_.rollback();
  open_ = false;
  effects_.clear();
  if (std::exchange(failing_, true)) return;
  loop_.post([this, alive = std::weak_ptr(alive_), why = std::move(why)]() mutable {
    if (alive.expired()) return;
    failing_ = false;
    failed_(std::move(why));
  });
}

}  // namespace simplex::agent
