// Commands that wait for the store or for another command, and how much memory they take.
#pragma once

#include <memory>

#include "simplex/smp/server/request.hpp"

namespace simplex::smp::server {

// What is waiting on one shard. Shared with what waits, which may outlive the shard in a completion of the store.
class WaitingRoom {
 public:
  // Counts its octets while it lives.
  class Place {
   public:
    Place(std::shared_ptr<std::size_t> octets, std::size_t own) : octets_(std::move(octets)), own_(own) {
      *octets_ += own_;
    }
    ~Place() {
      if (octets_) *octets_ -= own_;
    }
    Place(Place&& other) noexcept = default;
    Place& operator=(Place&& other) noexcept {
      std::swap(octets_, other.octets_);
      std::swap(own_, other.own_);
      return *this;
    }

   private:
    std::shared_ptr<std::size_t> octets_;
    std::size_t own_;
  };

  // Nothing: there is no room for one more.
  [[nodiscard]] std::optional<Place> enter(const Request& request, std::size_t limit) const {
    return enter(request.transmission.size() + sizeof(Request) + 256, limit);
  }
  [[nodiscard]] std::optional<Place> enter(std::size_t size, std::size_t limit) const {
    if (*octets_ + size > limit) return std::nullopt;
    return Place(octets_, size);
  }
  [[nodiscard]] std::size_t octets() const { return *octets_; }

 private:
  std::shared_ptr<std::size_t> octets_ = std::make_shared<std::size_t>(0);
};

struct WaitingRequest {
  Request request;
  WaitingRoom::Place place;
};

}  // namespace simplex::smp::server
