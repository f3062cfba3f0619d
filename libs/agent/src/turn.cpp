#include "turn.hpp"

namespace simplex::agent {

Turn::Turn(async::Loop& loop, store::Database& database, std::move_only_function<void(Error)> failed)
    : loop_(loop), database_(database), failed_(std::move(failed)) {}

Result<> Turn::enter(bool hurried) {
  if (!open_) {
    SIMPLEX_TRY(database_.begin());
    open_ = true;
  }
  if (hurried) {
    hurry();
  } else if (!posted_ && !waiting_.armed()) {
    waiting_ = loop_.after(patience, [this] { (void)commit(); });
  }
  SIMPLEX_TRY(database_.savepoint());
  effects_before_ = effects_.size();
  ++depth_;
  return {};
}

void Turn::hurry() {
  if (!open_ || std::exchange(posted_, true)) return;
  waiting_.cancel();
  loop_.post([this, alive = std::weak_ptr(alive_)] {
    if (!alive.expired()) (void)commit();
  });
}

void Turn::closed() {
  open_ = false;
  posted_ = false;
  waiting_.cancel();
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
  closed();
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
  closed();
  effects_.clear();
  if (std::exchange(failing_, true)) return;
  loop_.post([this, alive = std::weak_ptr(alive_), why = std::move(why)]() mutable {
    if (alive.expired()) return;
    failing_ = false;
    failed_(std::move(why));
  });
}

}  // namespace simplex::agent
