#include "allocation_bound.hpp"

#include <malloc.h>

#include <cstdio>
#include <cstdlib>
#include <new>

namespace {

// What is freed may have been allocated before the bound began: the number may be below zero.
constinit thread_local std::ptrdiff_t allocated = 0;
constinit thread_local std::ptrdiff_t most = 0;

void* allocate(std::size_t size) noexcept {
  void* const made = std::malloc(size == 0 ? 1 : size);
  if (made == nullptr) return nullptr;
  allocated += static_cast<std::ptrdiff_t>(::malloc_usable_size(made));
  if (allocated > most) most = allocated;
  return made;
}

void* allocate_or_throw(std::size_t size) {
  void* const made = allocate(size);
  if (made == nullptr) throw std::bad_alloc();
  return made;
}

void release(void* memory) noexcept {
  if (memory != nullptr) allocated -= static_cast<std::ptrdiff_t>(::malloc_usable_size(memory));
  std::free(memory);
}

}  // namespace

// All forms but those with an alignment, which nothing here uses.
void* operator new(std::size_t size) { return allocate_or_throw(size); }
void* operator new[](std::size_t size) { return allocate_or_throw(size); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return allocate(size); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept { return allocate(size); }
void operator delete(void* memory) noexcept { release(memory); }
void operator delete[](void* memory) noexcept { release(memory); }
void operator delete(void* memory, std::size_t) noexcept { release(memory); }
void operator delete[](void* memory, std::size_t) noexcept { release(memory); }
void operator delete(void* memory, const std::nothrow_t&) noexcept { release(memory); }
void operator delete[](void* memory, const std::nothrow_t&) noexcept { release(memory); }

namespace simplex::fuzz {

AllocationBound::AllocationBound(std::size_t octets) noexcept : octets_(octets) {
  allocated = 0;
  most = 0;
}

AllocationBound::~AllocationBound() {
  if (most <= static_cast<std::ptrdiff_t>(octets_)) return;
  std::fprintf(stderr, "%td octets were allocated, more than the bound of %zu\n", most, octets_);
  std::abort();
}

}  // namespace simplex::fuzz
