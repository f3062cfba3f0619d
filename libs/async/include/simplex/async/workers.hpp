// Threads that help with the work of one moment: a loop that has several independent computations to do hands them out,
// does its share, and goes on when all are done. So its state needs no locks, and everything keeps its order.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

namespace simplex::async {

class Workers {
 public:
  // Beside the thread that calls. 0: it works alone.
  explicit Workers(std::size_t threads);
  // As many as leave each core of the machine one thread, and no more than `most`.
  [[nodiscard]] static std::size_t beside_this_thread(std::size_t most = 7);
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  // Calls job(0) to job(count - 1), each once, in any order and on any of the threads; returns when all are done. A job
  // must not throw, touch what another one touches, or call this. Callers on several threads may share the workers: while
  // one of them has the threads, the others work alone.
  void for_each(std::size_t count, const std::function<void(std::size_t)>& job);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace simplex::async
