// Stage, then act: what is done in one turn of the loop is one transaction, and its effects (commands to relays, events
// to the application) happen after the commit. A process that dies at any instruction has either done a turn and can do
// its effects again, or has done nothing.
//
//   network event or call ── run(work) ── savepoint: rows + after_commit(effect) ─┐
//   another one of the same turn ── run(work) ────────────────────────────────────┤
//                                                      posted: COMMIT ◄───────────┘ ── effects, in order
//
// A transaction costs much more than the rows in it. What is only an order to forget (an event was handled, a message
// was read) does not begin one of its own: see run_unhurried.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "simplex/async/loop.hpp"
#include "simplex/store/database.hpp"

namespace simplex::agent {

class Turn {
 public:
  // failed: the turn was undone; called on the loop, not inside run() or commit().
  Turn(async::Loop& loop, store::Database& database, std::move_only_function<void(Error)> failed);

  // Work returns a Result. With an error its rows and effects are undone, and only they. Work inside work is part of it.
  template <class Work>
  [[nodiscard]] auto run(Work&& work) -> std::invoke_result_t<Work&> {
    return do_run(work, true);
  }
  // For what may be forgotten with the process: joins the next turn, or is committed after `patience`.
  template <class Work>
  [[nodiscard]] auto run_unhurried(Work&& work) -> std::invoke_result_t<Work&> {
    return do_run(work, false);
  }
  // What waits so is committed after the loop's current turn.
  void hurry();

  // Only inside run().
  void after_commit(async::Task effect) { effects_.push_back(std::move(effect)); }
  [[nodiscard]] bool inside() const noexcept { return depth_ > 0; }
  [[nodiscard]] bool open() const noexcept { return open_; }

  // Commits what was staged and runs its effects. Otherwise this happens by itself, after the loop's current turn.
  Result<> commit();
  // Undoes the turn as if its commit had failed.
  void abandon(Error why);

  static constexpr Duration patience = std::chrono::milliseconds(20);

 private:
  template <class Work>
  auto do_run(Work& work, bool hurried) -> std::invoke_result_t<Work&> {
    if (depth_ > 0) return work();
    SIMPLEX_TRY(enter(hurried));
    auto result = work();
    SIMPLEX_TRY(leave(result.has_value()));
    return result;
  }
  Result<> enter(bool hurried);
  Result<> leave(bool keep);
  void closed();

  async::Loop& loop_;
  store::Database& database_;
  std::move_only_function<void(Error)> failed_;
  std::vector<async::Task> effects_;
  std::size_t effects_before_ = 0;
  int depth_ = 0;
  bool open_ = false;     // a transaction is under way
  bool posted_ = false;   // its commit is posted
  async::Timer waiting_;  // else
  bool failing_ = false;  // failed_ is about to be called
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace simplex::agent
