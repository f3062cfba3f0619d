// The messages of a queue, as its shard sees them: how many there are, and the oldest of them in memory.
#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include "simplex/smp/server/queue_record.hpp"

namespace simplex::smp::server {

// Messages that last; those on their way to the store are added when they arrive there. Over a store that keeps
// everything only a few are held, or none; else all.
class MessageWindow {
 public:
  MessageWindow() = default;
  MessageWindow(std::vector<MessagePtr> oldest, std::uint32_t count, std::uint64_t next_position)
      : count_(std::max(count, static_cast<std::uint32_t>(oldest.size()))), next_position_(next_position) {
    if (count_ > 0 && !oldest.empty()) not_older_ = oldest.front()->sent_at;
    hold(std::move(oldest));
  }

  // All of them, held or not. Never too few; too many only after a sweep of the store (Shard::is_counted).
  [[nodiscard]] std::uint32_t count() const { return count_; }
  [[nodiscard]] std::span<const MessagePtr> held() const { return held_; }
  [[nodiscard]] std::size_t octets() const { return octets_; }
  [[nodiscard]] bool complete() const { return held_.size() == count_; }
  [[nodiscard]] bool knows_first() const { return !held_.empty() || count_ == 0; }
  // When knows_first(); null: there is none.
  [[nodiscard]] MessagePtr first() const { return held_.empty() ? nullptr : held_.front(); }
  // When not: whether it may have been sent before this time.
  [[nodiscard]] bool first_may_be_before(std::int64_t time) const { return not_older_ < time; }

  // The new last one. It can be held only when all others are.
  void add(MessagePtr message, bool may_hold) {
    if (count_ == 0) not_older_ = message->sent_at;
    next_position_ = std::max(next_position_, message->position + 1);
    if (may_hold && complete()) {
      octets_ += message->body.size();
      held_.push_back(std::move(message));
    }
    ++count_;
  }
  // The first one, held or not, is no more.
  void remove_first() {
    if (count_ > 0) --count_;
    if (held_.empty()) return;
    not_older_ = held_.front()->sent_at;
    octets_ -= held_.front()->body.size();
    held_.erase(held_.begin());
    if (held_.empty()) held_.shrink_to_fit();
  }
  // What the store has read: the oldest ones. It may have seen some that did not arrive yet, as far as this knows.
  void fill(std::vector<MessagePtr> oldest) {
    std::erase_if(oldest, [&](const MessagePtr& message) { return message->position >= next_position_; });
    if (oldest.empty()) {
      count_ = 0;  // the store is right
    } else {
      not_older_ = oldest.front()->sent_at;
      count_ = std::max(count_, static_cast<std::uint32_t>(oldest.size()));
    }
    held_.clear();
    octets_ = 0;
    hold(std::move(oldest));
  }
  // Holds none any more.
  void release() {
    if (!held_.empty()) not_older_ = held_.front()->sent_at;
    held_ = {};
    octets_ = 0;
  }

 private:
  void hold(std::vector<MessagePtr> oldest) {
    held_ = std::move(oldest);
    for (const auto& message : held_) octets_ += message->body.size();
  }

  std::vector<MessagePtr> held_;  // the first so many of count_, oldest first
  std::uint32_t count_ = 0;
  std::size_t octets_ = 0;           // of the bodies held
  std::uint64_t next_position_ = 1;  // greater than that of every message counted
  std::int64_t not_older_ = 0;       // no message was sent before this, when none is held
};

}  // namespace simplex::smp::server
