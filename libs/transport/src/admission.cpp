#include "simplex/transport/admission.hpp"

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <charconv>
#include <cstring>

#include "simplex/crypto/hash.hpp"

namespace simplex::transport {
namespace {

constexpr auto minute = std::chrono::minutes(1);
constexpr std::size_t network_octets = 8;  // of an IPv6 address: who has one of them, usually has them all

}  // namespace

Result<AddressRange> AddressRange::parse(std::string_view text) {
  const auto wrong = [&] {
    return fail(ErrorKind::malformed,
                "'" + std::string(text) + "' is not an address, like 127.0.0.1 or ::1, nor a range, like 10.0.0.0/8",
                Advice::ask_user);
  };
  const auto slash = text.find('/');
  boost::system::error_code error;
  const auto address = boost::asio::ip::make_address(std::string(text.substr(0, slash)), error);
  if (error) return wrong();
  AddressRange made;
  made.prefix = address.is_v4() ? to_bytes(address.to_v4().to_bytes()) : to_bytes(address.to_v6().to_bytes());
  made.bits = static_cast<unsigned>(made.prefix.size()) * 8;
  if (slash == text.npos) return made;
  const auto bits = text.substr(slash + 1);
  unsigned value = 0;
  const auto [end, bad] = std::from_chars(bits.data(), bits.data() + bits.size(), value);
  if (bad != std::errc() || end != bits.data() + bits.size() || value > made.bits) return wrong();
  made.bits = value;
  return made;
}

bool AddressRange::contains(BytesView address) const {
  if (address.size() != prefix.size()) return false;
  const std::size_t whole = bits / 8;
  if (!std::equal(prefix.begin(), prefix.begin() + static_cast<std::ptrdiff_t>(whole), address.begin())) return false;
  if (bits % 8 == 0) return true;
  const auto differ = static_cast<unsigned>(prefix[whole] ^ address[whole]);
  return differ >> (8 - bits % 8) == 0;
}

class AddressBounds::Counted final : public Place {
 public:
  Counted(std::shared_ptr<AddressBounds> bounds, std::optional<std::uint64_t> key)
      : bounds_(std::move(bounds)), key_(key) {}
  ~Counted() override {
    if (key_) bounds_->leave(*key_);
  }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;

 private:
  std::shared_ptr<AddressBounds> bounds_;
  std::optional<std::uint64_t> key_;  // nothing: does not count
};

std::shared_ptr<AddressBounds> AddressBounds::make(AddressLimits limits, const Clock& clock, Random& random) {
  return std::shared_ptr<AddressBounds>(new AddressBounds(std::move(limits), clock, random));
}

AddressBounds::AddressBounds(AddressLimits limits, const Clock& clock, Random& random)
    : limits_(std::move(limits)),
      clock_(clock),
      salt_(random.bytes(32)),
      arrived_(limits_.connections_per_minute > 0 ? windows : 0),
      minute_began_(clock.now()) {}

std::unique_ptr<Admission::Place> AddressBounds::admit(BytesView address) {
  if (address.empty() || exempt(address)) return std::make_unique<Counted>(shared_from_this(), std::nullopt);
  const auto key = key_of(address);
  {
    const std::lock_guard lock(mutex_);
    if (limits_.connections_per_minute > 0 && too_often(key)) {
      ++refused_rate_;
      return nullptr;
    }
    auto& open = open_[key];
    if (limits_.connections > 0 && open >= limits_.connections) {
      ++refused_number_;
      return nullptr;
    }
    ++open;
    ++connections_;
  }
  return std::make_unique<Counted>(shared_from_this(), key);
}

AddressBounds::Counters AddressBounds::counters() const {
  const std::lock_guard lock(mutex_);
  Counters made{connections_, open_.size(), 0, refused_number_, refused_rate_};
  for (const auto& [key, open] : open_) made.most = std::max(made.most, open);
  return made;
}

bool AddressBounds::exempt(BytesView address) const {
  return std::ranges::any_of(limits_.exempt, [&](const auto& range) { return range.contains(address); });
}

std::uint64_t AddressBounds::key_of(BytesView address) const {
  if (address.size() > network_octets) address = address.first(network_octets);
  const auto digest = crypto::sha256({salt_, address});
  std::uint64_t key = 0;
  std::memcpy(&key, digest.view().data(), sizeof key);
  return key;
}

// Addresses that share a place in the table count together: rare, and the bound is far from what one person does.
bool AddressBounds::too_often(std::uint64_t key) {
  const auto now = clock_.now();
  if (now - minute_began_ >= minute) {
    std::ranges::fill(arrived_, 0);
    minute_began_ = now;
  }
  auto& arrived = arrived_[key % windows];
  if (arrived >= limits_.connections_per_minute) return true;
  ++arrived;
  return false;
}

void AddressBounds::leave(std::uint64_t key) {
  const std::lock_guard lock(mutex_);
  const auto found = open_.find(key);
  if (found == open_.end()) return;
  --connections_;
  if (--found->second == 0) open_.erase(found);
}

}  // namespace simplex::transport
