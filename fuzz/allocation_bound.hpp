// How much a decoder may allocate. A target that includes this gets an operator new that counts (allocation_bound.cpp).
#pragma once

#include <cstddef>

namespace simplex::fuzz {

// Ends the program when what was allocated since, and is not free again, was ever more than this. One at a time, of
// the thread that made it.
class AllocationBound {
 public:
  explicit AllocationBound(std::size_t octets) noexcept;
  ~AllocationBound();
  AllocationBound(const AllocationBound&) = delete;
  AllocationBound& operator=(const AllocationBound&) = delete;

 private:
  std::size_t octets_;
};

}  // namespace simplex::fuzz
