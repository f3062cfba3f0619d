#include "channel.hpp"

namespace simplex::smp::stores::embedded {

void Channel::finish(Operations finished) {
  const std::lock_guard lock(mutex_);
  if (loop_ == nullptr) return;
  waiting_.emplace_back(std::move(finished));
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

void Channel::ask_end_of_pass() {
  // Only the loop's thread changes loop_.
  if (loop_ == nullptr || std::exchange(end_of_pass_, true)) return;
  loop_->post([self = shared_from_this()] {
    self->end_of_pass_ = false;
    if (self->loop_ != nullptr && self->on_end_of_pass) self->on_end_of_pass();
  });
}

void Channel::deliver() {
  std::vector<std::variant<Operations, async::Task>> waiting;
  {
    const std::lock_guard lock(mutex_);
    woken_ = false;
    waiting.swap(waiting_);
  }
  std::uint64_t number = 0;
  std::size_t octets = 0;
  for (auto& what : waiting) {
    if (auto* finished = std::get_if<Operations>(&what)) {
      for (auto& operation : *finished) {
        number = operation.number;
        octets += operation.octets;
        operation.done(std::move(operation.result));
      }
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
  std::vector<std::variant<Operations, async::Task>> dropped;
  const std::lock_guard lock(mutex_);
  loop_ = nullptr;
  dropped.swap(waiting_);
}

}  // namespace simplex::smp::stores::embedded
