// The keys that authorize commands of a queue's recipient.
#pragma once

#include <initializer_list>
#include <span>
#include <variant>
#include <vector>

#include "simplex/crypto/keys.hpp"

namespace simplex::smp::server {

// One key, as nearly every queue has, stands in the value itself.
class RecipientKeys {
 public:
  using value_type = crypto::AuthPublicKey;
  using const_iterator = const value_type*;
  using iterator = const_iterator;

  RecipientKeys() = default;
  // Lists become keys, and keys are compared with lists, without a word.
  RecipientKeys(std::initializer_list<value_type> keys) { assign(keys); }
  RecipientKeys(const std::vector<value_type>& keys) { assign(keys); }

  void emplace_back(const value_type& key) {
    if (empty()) {
      keys_ = key;
    } else {
      const auto before = view();
      std::vector<value_type> all(before.begin(), before.end());
      all.push_back(key);
      keys_ = std::move(all);
    }
  }

  [[nodiscard]] std::span<const value_type> view() const {
    const auto* one = std::get_if<value_type>(&keys_);
    return one != nullptr ? std::span<const value_type>(one, 1) : std::get<std::vector<value_type>>(keys_);
  }
  [[nodiscard]] const_iterator data() const { return view().data(); }
  [[nodiscard]] const_iterator begin() const { return data(); }
  [[nodiscard]] const_iterator end() const { return data() + size(); }
  [[nodiscard]] std::size_t size() const { return view().size(); }
  [[nodiscard]] bool empty() const { return view().empty(); }
  [[nodiscard]] const value_type& operator[](std::size_t index) const { return view()[index]; }

  friend bool operator==(const RecipientKeys&, const RecipientKeys&) = default;

 private:
  void assign(std::span<const value_type> keys) {
    if (keys.size() == 1) {
      keys_ = keys.front();
    } else {
      keys_ = std::vector<value_type>(keys.begin(), keys.end());
    }
  }

  std::variant<std::vector<value_type>, value_type> keys_;  // a list only when there is not exactly one
};

}  // namespace simplex::smp::server
