// The store as a shard asks it.
#pragma once

#include <functional>
#include <utility>

#include "simplex/smp/server/store.hpp"

namespace simplex::smp::server {

// What is asked of a store begins at the next flush() only, and may be asked in a completion, outside a turn. So the only
// way to a call notes that there has to be a flush, and asks for it.
class StoreCalls {
 public:
  // The store outlives it.
  explicit StoreCalls(Store& store) : store_(store) {}
  StoreCalls(const StoreCalls&) = delete;
  StoreCalls& operator=(const StoreCalls&) = delete;

  [[nodiscard]] Store* operator->() {
    if (!std::exchange(asked_, true) && on_first_) on_first_();
    return &store_;
  }
  [[nodiscard]] bool keeps_everything() const { return store_.keeps_everything(); }
  // Something was asked since the last flush.
  [[nodiscard]] bool asked() const { return asked_; }
  void flush() {
    asked_ = false;
    store_.flush();
  }
  // Called with the first call after a flush.
  void on_first(std::move_only_function<void()> callback) { on_first_ = std::move(callback); }

 private:
  Store& store_;
  bool asked_ = false;
  std::move_only_function<void()> on_first_;
};

}  // namespace simplex::smp::server
