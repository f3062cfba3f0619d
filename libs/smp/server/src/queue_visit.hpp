// Something that is done with a queue as if it was a command: it waits for its turn like one.
#pragma once

#include <functional>
#include <utility>

namespace simplex::smp::server {

struct Queue;

// Called once, and without a queue when it is given up.
struct QueueVisit {
  explicit QueueVisit(std::move_only_function<void(Queue*)> made) : then(std::move(made)) {}
  ~QueueVisit() { run(nullptr); }
  QueueVisit(const QueueVisit&) = delete;
  QueueVisit& operator=(const QueueVisit&) = delete;

  std::move_only_function<void(Queue*)> then;

  void run(Queue* queue) {
    if (auto once = std::exchange(then, nullptr)) once(queue);
  }
};

}  // namespace simplex::smp::server
