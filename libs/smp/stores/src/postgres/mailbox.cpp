#include "postgres/mailbox.hpp"

namespace simplex::smp::stores::postgres {

std::uint64_t Mailbox::reserve() {
  const std::lock_guard lock(mutex_);
  answers_.emplace_back();
  return first_ + answers_.size() - 1;
}

void Mailbox::put(std::uint64_t place, async::Task task) {
  const std::lock_guard lock(mutex_);
  answers_[place - first_] = std::move(task);
  if (place == first_) wake(lock);
}

void Mailbox::put_unordered(async::Task task) {
  const std::lock_guard lock(mutex_);
  unordered_.push_back(std::move(task));
  wake(lock);
}

void Mailbox::wake(const std::lock_guard<std::mutex>&) {
  if (closed_ || scheduled_) return;
  scheduled_ = true;
  loop_->post([self = shared_from_this()] {
    for (auto& task : self->take()) task();
  });
}

std::vector<async::Task> Mailbox::take() {
  const std::lock_guard lock(mutex_);
  scheduled_ = false;
  if (closed_) return {};
  auto taken = std::exchange(unordered_, {});
  while (!answers_.empty() && answers_.front()) {
    taken.push_back(std::move(*answers_.front()));
    answers_.pop_front();
    ++first_;
  }
  return taken;
}

void Mailbox::run_all() {
  for (auto tasks = take(); !tasks.empty(); tasks = take()) {
    for (auto& task : tasks) task();
  }
}

void Mailbox::close() {
  std::vector<async::Task> unordered;
  std::deque<std::optional<async::Task>> answers;
  const std::lock_guard lock(mutex_);
  closed_ = true;
  unordered.swap(unordered_);
  answers.swap(answers_);  // dropped after the lock is
}

}  // namespace simplex::smp::stores::postgres
