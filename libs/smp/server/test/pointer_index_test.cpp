// The table of pointers to what has its key inside, against the standard library's.
#include "pointer_index.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <functional>
#include <memory>
#include <unordered_map>
#include <unordered_set>

namespace simplex::smp::server {
namespace {

struct Item {
  std::uint64_t key;
};

// Good for tables that are small beside 2^64.
std::uint64_t mixed(std::uint64_t key) {
  key = (key ^ key >> 31) * 0x9e37'79b9'7f4a'7c15;
  return (key ^ key >> 29) * 0xbf58'476d'1ce4'e5b9;
}

using Hash = std::function<std::uint64_t(std::uint64_t)>;

struct HashOfItem {
  Hash hash;
  std::uint64_t operator()(const Item& item) const { return hash(item.key); }
};

class Items {
 public:
  explicit Items(Hash hash) : hash_(hash), index_(HashOfItem{std::move(hash)}) {}

  [[nodiscard]] Item* find(std::uint64_t key) const {
    return index_.find(hash_(key), [&](const Item& item) { return item.key == key; });
  }
  void insert(std::uint64_t key) {
    auto& item = *items_.emplace(key, std::make_unique<Item>(key)).first->second;
    index_.insert(item);
  }
  bool erase(std::uint64_t key) {
    const auto found = items_.find(key);
    if (found == items_.end()) return false;
    const bool erased = index_.erase(*found->second);
    items_.erase(found);
    return erased;
  }
  [[nodiscard]] bool contains(std::uint64_t key) const { return items_.contains(key); }
  [[nodiscard]] std::size_t size() const { return items_.size(); }
  [[nodiscard]] const PointerIndex<Item, HashOfItem>& index() const { return index_; }

  // Everything is found, what is not there is not, and each is seen once.
  void check(std::uint64_t keys) const {
    ASSERT_EQ(index_.size(), items_.size());
    for (std::uint64_t key = 0; key < keys; ++key) {
      const auto* found = find(key);
      ASSERT_EQ(found != nullptr, items_.contains(key)) << key;
      if (found != nullptr) ASSERT_EQ(found, items_.at(key).get());
    }
    std::unordered_set<std::uint64_t> seen;
    index_.for_each([&](const Item& item) { EXPECT_TRUE(seen.insert(item.key).second) << item.key; });
    EXPECT_EQ(seen.size(), items_.size());
  }

 private:
  Hash hash_;
  std::unordered_map<std::uint64_t, std::unique_ptr<Item>> items_;
  PointerIndex<Item, HashOfItem> index_;
};

Hash hash_of_kind(int kind) {
  switch (kind) {
    case 0: return mixed;
    case 1: return [](std::uint64_t) { return std::uint64_t{7}; };                  // all the same
    case 2: return [](std::uint64_t key) { return key; };                           // only last bits
    case 3: return [](std::uint64_t key) { return mixed(key) << 8; };               // tags all the same
    case 4: return [](std::uint64_t key) { return (mixed(key) % 5) << 60 | key; };  // few first bits
    default: return [](std::uint64_t key) { return mixed(key) | ~std::uint64_t{0} << 50; };
  }
}

RC_GTEST_PROP(PointerIndexProperty, HoldsWhatAMapHolds, ()) {
  Items items(hash_of_kind(*rc::gen::inRange(0, 6)));
  const auto keys = *rc::gen::element<std::uint64_t>(10, 200, 2'000);
  const auto steps = *rc::gen::inRange<std::uint64_t>(0, 3'000);
  auto state = *rc::gen::arbitrary<std::uint64_t>();
  for (std::uint64_t i = 0; i < steps; ++i) {
    state = mixed(state + 1);
    const auto key = (state >> 8) % keys;
    // First more come than go, then more go than come.
    const bool comes = (state & 7) < (i < steps / 2 ? 6 : 2);
    if (comes && !items.contains(key)) {
      items.insert(key);
    } else if (!comes) {
      const bool was_there = items.contains(key);
      RC_ASSERT(items.erase(key) == was_there);
    }
  }
  items.check(keys);
}

// What is there all the time is seen once in a walk, although the table grows and others go meanwhile.
RC_GTEST_PROP(PointerIndexProperty, AWalkSeesWhatStaysOnce, ()) {
  Items items(hash_of_kind(*rc::gen::inRange(0, 6)));
  const auto stay = *rc::gen::inRange<std::uint64_t>(0, 600);
  const auto go = *rc::gen::inRange<std::uint64_t>(0, 600);
  for (std::uint64_t key = 0; key < stay + go; ++key) items.insert(key);
  std::unordered_map<std::uint64_t, int> seen;
  auto leaving = stay;
  auto coming = stay + go;
  std::uint64_t from = 0;
  do {
    from = items.index().walk(from, [&](const Item& item) { ++seen[item.key]; });
    for (int i = 0; i < 60; ++i) items.insert(coming++);
    for (int i = 0; i < 20 && leaving < stay + go; ++i) RC_ASSERT(items.erase(leaving++));
  } while (from != 0 && coming < 20'000);
  // One that is never at its end because so many come would not be of use.
  RC_ASSERT(from == 0);
  for (std::uint64_t key = 0; key < stay; ++key) RC_ASSERT(seen[key] == 1);
  for (const auto& [key, times] : seen) RC_ASSERT(times == 1);
}

TEST(PointerIndexTest, AnEmptyOneIsWalkedAtOnce) {
  const Items items(mixed);
  EXPECT_EQ(items.find(1), nullptr);
  std::size_t steps = 0;
  std::uint64_t from = 0;
  do {
    from = items.index().walk(from, [](const Item&) { FAIL(); });
    ++steps;
  } while (from != 0);
  EXPECT_EQ(steps, 1u);
}

// Hashes of one insertion, which are what it costs beside the copy of the places.
TEST(PointerIndexTest, NoInsertionCostsMuch) {
  std::size_t hashes = 0;
  Items items([&hashes](std::uint64_t key) {
    ++hashes;
    return mixed(key);
  });
  std::size_t most = 0;
  std::size_t all = 0;
  constexpr std::uint64_t count = 100'000;
  for (std::uint64_t key = 0; key < count; ++key) {
    hashes = 0;
    items.insert(key);
    most = std::max(most, hashes);
    all += hashes;
  }
  EXPECT_LE(most, 3 * 54u);
  EXPECT_LE(all, 4 * count);
  EXPECT_LE(items.index().places(), count / 4);
}

TEST(PointerIndexTest, BadHashesDoNotFillMemory) {
  for (const int kind : {1, 2, 5}) {
    Items items(hash_of_kind(kind));
    for (std::uint64_t key = 0; key < 3'000; ++key) items.insert(key);
    EXPECT_LE(items.index().places(), 3'000u) << kind;
    items.check(3'100);
    for (std::uint64_t key = 0; key < 3'000; ++key) EXPECT_TRUE(items.erase(key));
    items.check(3'100);
  }
}

}  // namespace
}  // namespace simplex::smp::server
