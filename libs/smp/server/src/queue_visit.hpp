// Something that is done with a queue as if it was a command: it waits for its turn like one.
#pragma once

#include <functional>
#include <utility>

namespace simplex::smp::server {

struct Queue;

// Called once, and without a queue when it is given up.
struct QueueVisit {
  QueueVisit(std::move_only_function<void(Queue*)> made, bool with_first)
      : then(std::move(made)), needs_first(with_first) {}
  ~QueueVisit() { run(nullptr); }
  QueueVisit(const QueueVisit&) = delete;
  QueueVisit& operator=(const QueueVisit&) = delete;

  std::move_only_function<void(Queue*)> then;
  bool needs_first;  // its first message is loaded before, if it can be

  void run(Queue* queue) {
    if (auto once = std::exchange(then, nullptr)) once(queue);
  }
};

}  // namespace simplex::smp::server
