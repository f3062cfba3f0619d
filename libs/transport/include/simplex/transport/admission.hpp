// Whether a connection is let in, decided before anything is spent on it, from the peer's address. An address is known
// to this decision only: it is never stored, logged or handed on. Keys of it are, salted anew in every process.
#pragma once

#include <memory>
#include <mutex>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "simplex/base/clock.hpp"
#include "simplex/base/random.hpp"
#include "simplex/base/result.hpp"

namespace simplex::transport {

// Shared by the listeners of all threads; thread-safe.
class Admission {
 public:
  // Of a connection that was let in. Destroyed, on any thread, when its socket is closed.
  class Place {
   public:
    virtual ~Place() = default;
  };
  virtual ~Admission() = default;
  // address: 4 octets of IPv4, or 16 of IPv6. Null: the connection is closed at once.
  [[nodiscard]] virtual std::unique_ptr<Place> admit(BytesView address) = 0;
};

// Addresses from `prefix`, of which the first `bits` count.
struct AddressRange {
  Bytes prefix;  // 4 or 16 octets
  unsigned bits = 0;

  // "127.0.0.1", "10.0.0.0/8", "::1", "fd00::/8".
  [[nodiscard]] static Result<AddressRange> parse(std::string_view text);
  [[nodiscard]] bool contains(BytesView address) const;
};

struct AddressLimits {
  std::size_t connections = 1'000;           // of one IPv4 address, or one IPv6 network of 64 bits; 0: no limit
  std::size_t connections_per_minute = 600;  // new ones, refused ones too; 0: no limit
  // Where others' connections arrive from: a Tor daemon, a reverse proxy, a load balancer.
  std::vector<AddressRange> exempt = {};
};

// Counts in memory that is bounded by the number of open connections, and 256 KB for the rate.
class AddressBounds final : public Admission, public std::enable_shared_from_this<AddressBounds> {
 public:
  struct Counters {
    std::size_t connections = 0;  // open ones that count
    std::size_t addresses = 0;    // they come from
    std::size_t most = 0;         // of one address
    std::uint64_t refused_number = 0;
    std::uint64_t refused_rate = 0;
  };

  // The clock outlives it.
  [[nodiscard]] static std::shared_ptr<AddressBounds> make(AddressLimits limits, const Clock& clock, Random& random);

  [[nodiscard]] std::unique_ptr<Place> admit(BytesView address) override;
  [[nodiscard]] Counters counters() const;

 private:
  class Counted;
  static constexpr std::size_t windows = 65'536;

  AddressBounds(AddressLimits limits, const Clock& clock, Random& random);
  [[nodiscard]] bool exempt(BytesView address) const;
  [[nodiscard]] std::uint64_t key_of(BytesView address) const;
  [[nodiscard]] bool too_often(std::uint64_t key);
  void leave(std::uint64_t key);

  const AddressLimits limits_;
  const Clock& clock_;
  Bytes salt_;

  mutable std::mutex mutex_;  // held for a few instructions, once when a connection comes and once when it goes
  std::unordered_map<std::uint64_t, std::size_t> open_;
  std::vector<std::uint32_t> arrived_;  // in this minute, by key
  Instant minute_began_;
  std::size_t connections_ = 0;
  std::uint64_t refused_number_ = 0;
  std::uint64_t refused_rate_ = 0;
};

}  // namespace simplex::transport
