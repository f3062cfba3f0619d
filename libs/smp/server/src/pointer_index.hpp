// A hash table of pointers to what has its key inside. It grows in small steps.
//
//   first bits of the hash ──► places ──► bucket: up to 54 pointers, and 8 bits of the hash of each
//
// A full bucket is split by the next bit of the hash; only when it has used as many bits as there are places for, these
// are doubled (extendible hashing). So no insertion costs more than the hashes of one bucket and a copy of the places,
// one for about ten entries, and there are never two tables at a time: 14 octets for each entry, whatever their number.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <deque>
#include <utility>
#include <vector>

namespace simplex::smp::server {

// HashOf: the hash of an entry, 64 bits of which all count. It must not change while the entry is here. Where hashes turn
// out to be bad the places do not grow for them, and finding an entry takes longer.
template <class T, class HashOf>
class PointerIndex {
 public:
  explicit PointerIndex(HashOf hash_of) : hash_of_(std::move(hash_of)), buckets_(1), places_(2, &buckets_.front()) {}
  PointerIndex(const PointerIndex&) = delete;
  PointerIndex& operator=(const PointerIndex&) = delete;

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::size_t places() const { return places_.size(); }

  // Null: none of this hash for which is(entry).
  template <class Is>
  [[nodiscard]] T* find(std::uint64_t hash, Is&& is) const {
    const auto tag = tag_of(hash);
    for (const auto* bucket = places_[place_of(hash)]; bucket != nullptr; bucket = bucket->more) {
      const auto* const first = bucket->tags.data();
      const auto* const end = first + bucket->count;
      for (const auto* at = first; at != end; ++at) {
        at = static_cast<const std::uint8_t*>(std::memchr(at, tag, static_cast<std::size_t>(end - at)));
        if (at == nullptr) break;
        if (auto* entry = bucket->entries[static_cast<std::size_t>(at - first)]; is(std::as_const(*entry)))
          return entry;
      }
    }
    return nullptr;
  }

  // It is not there yet, and goes before it is destroyed.
  void insert(T& entry) {
    const auto hash = hash_of_(std::as_const(entry));
    while (!has_room(*places_[place_of(hash)]) && split(hash)) {
    }
    put(*places_[place_of(hash)], tag_of(hash), entry);
    ++size_;
  }

  // False: it was not there.
  bool erase(const T& entry) {
    for (auto* bucket = places_[place_of(hash_of_(entry))]; bucket != nullptr; bucket = bucket->more) {
      const auto end = bucket->entries.begin() + bucket->count;
      const auto found = std::find(bucket->entries.begin(), end, &entry);
      if (found == end) continue;
      --bucket->count;
      --size_;
      *found = bucket->entries[bucket->count];
      bucket->tags[static_cast<std::size_t>(found - bucket->entries.begin())] = bucket->tags[bucket->count];
      return true;
    }
    return false;
  }

  // Visits some entries, those from a hash on; says from which to go on, 0 when these were the last. From 0 to 0 each
  // entry that is there all the time is visited once, whatever comes and goes between the calls. `visit` changes nothing
  // of the table.
  template <class Visit>
  [[nodiscard]] std::uint64_t walk(std::uint64_t from, Visit&& visit) const {
    const auto place = place_of(from);
    const auto& first = *places_[place];
    for (const auto* bucket = &first; bucket != nullptr; bucket = bucket->more) {
      for (std::size_t i = 0; i < bucket->count; ++i) visit(*bucket->entries[i]);
    }
    const auto next = (place | (width(first) - 1)) + 1;
    return next == places_.size() ? 0 : std::uint64_t{next} << (64 - bits_);
  }
  template <class Visit>
  void for_each(Visit&& visit) const {
    std::uint64_t from = 0;
    do from = walk(from, visit);
    while (from != 0);
  }

 private:
  static constexpr std::size_t bucket_size = 54;  // with all the rest nearly 512 octets
  static constexpr std::size_t few_places = 64;

  struct Bucket {
    std::uint8_t bits = 0;  // of the hash, the same for all of it
    std::uint8_t count = 0;
    std::array<std::uint8_t, bucket_size> tags{};
    std::array<T*, bucket_size> entries{};
    Bucket* more = nullptr;  // when it could not be split
  };

  // Not of the first bits, which are the same for all of a bucket.
  [[nodiscard]] static std::uint8_t tag_of(std::uint64_t hash) { return static_cast<std::uint8_t>(hash); }
  [[nodiscard]] std::size_t place_of(std::uint64_t hash) const { return hash >> (64 - bits_); }
  [[nodiscard]] std::size_t width(const Bucket& bucket) const { return std::size_t{1} << (bits_ - bucket.bits); }

  [[nodiscard]] static bool has_room(const Bucket& first) {
    const auto* bucket = &first;
    while (bucket != nullptr && bucket->count == bucket_size) bucket = bucket->more;
    return bucket != nullptr;
  }

  void put(Bucket& first, std::uint8_t tag, T& entry) {
    auto* bucket = &first;
    while (bucket->count == bucket_size) {
      if (bucket->more == nullptr) bucket->more = &buckets_.emplace_back();
      bucket = bucket->more;
    }
    bucket->tags[bucket->count] = tag;
    bucket->entries[bucket->count] = &entry;
    ++bucket->count;
  }

  // False: that would take more places than there are entries.
  [[nodiscard]] bool split(std::uint64_t hash) {
    auto& lower = *places_[place_of(hash)];
    if (lower.bits == bits_) {
      if (places_.size() * 2 > std::max(few_places, size_)) return false;
      std::vector<Bucket*> doubled(places_.size() * 2);
      for (std::size_t i = 0; i < doubled.size(); ++i) doubled[i] = places_[i / 2];
      places_ = std::move(doubled);
      ++bits_;
    }
    const auto half = width(lower) / 2;
    const auto begin = place_of(hash) & ~(half * 2 - 1);
    auto& upper = buckets_.emplace_back();
    upper.bits = ++lower.bits;
    std::fill_n(places_.begin() + static_cast<std::ptrdiff_t>(begin + half), half, &upper);
    // What is put back into the lower one needs no more room than was made before.
    for (auto* bucket = &lower; bucket != nullptr; bucket = bucket->more) {
      const auto all = *bucket;
      bucket->count = 0;
      for (std::size_t i = 0; i < all.count; ++i) {
        auto& entry = *all.entries[i];
        const bool is_upper = (hash_of_(std::as_const(entry)) >> (64 - lower.bits) & 1) != 0;
        put(is_upper ? upper : lower, all.tags[i], entry);
      }
    }
    return true;
  }

  HashOf hash_of_;
  std::deque<Bucket> buckets_;
  std::vector<Bucket*> places_;  // by the first bits of the hash; a bucket has 2^(bits_ - its bits) of them
  unsigned bits_ = 1;
  std::size_t size_ = 0;
};

}  // namespace simplex::smp::server
