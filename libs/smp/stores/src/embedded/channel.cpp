#include "channel.hpp"

namespace simplex::smp::stores::embedded {

void Channel::finish(std::vector<Finished> finished) {
  const std::lock_guard lock(mutex_);
  if (loop_ == nullptr) return;
  for (auto& one : finished) waiting_.emplace_back(std::move(one));
  wake();
}

void Channel::post(async::Task task) {
  const std::lock_guard lock(mutex_);
  if (loop_ == nullptr) return;
  waiting_.emplace_back(std::move(task));
  wake();
}

void Channel::wake() {
  if (std::exchange(woken_, true)) return;
  loop_->post([self = shared_from_this()] { self->deliver(); });
}

void Channel::deliver() {
  std::deque<std::variant<Finished, async::Task>> waiting;
  {
    const std::lock_guard lock(mutex_);
    woken_ = false;
    waiting.swap(waiting_);
  }
  std::uint64_t number = 0;
  std::size_t octets = 0;
  for (auto& what : waiting) {
    if (auto* finished = std::get_if<Finished>(&what)) {
      number = finished->operation.number;
      octets += finished->operation.octets;
      finished->operation.done(std::move(finished->result));
    } else {
      std::get<async::Task>(what)();
    }
  }
  if (number != 0 && on_applied) on_applied(number, octets);
}

bool Channel::empty() {
  const std::lock_guard lock(mutex_);
  return waiting_.empty();
}

void Channel::detach() {
  std::deque<std::variant<Finished, async::Task>> dropped;
  const std::lock_guard lock(mutex_);
  loop_ = nullptr;
  dropped.swap(waiting_);
}

}  // namespace simplex::smp::stores::embedded
