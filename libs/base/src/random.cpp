#include "simplex/base/random.hpp"

#include <sys/mman.h>
#include <sys/random.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <new>
#include <stdexcept>

namespace simplex {

namespace {

constexpr std::size_t page_size = 4096;

void read_kernel_random(MutableBytes bytes) {
  while (!bytes.empty()) {
    const ssize_t got = getrandom(bytes.data(), bytes.size(), 0);
    if (got < 0) {
      if (errno == EINTR) continue;
      throw std::runtime_error("the kernel gives no random bytes");
    }
    bytes = bytes.subspan(static_cast<std::size_t>(got));
  }
}

}  // namespace

Bytes Random::bytes(std::size_t count) {
  Bytes made(count);
  fill(made);
  return made;
}

std::uint64_t Random::number() {
  std::uint8_t raw[sizeof(std::uint64_t)];
  fill(raw);
  std::uint64_t made = 0;
  std::memcpy(&made, raw, sizeof made);
  return made;
}

std::uint64_t Random::below(std::uint64_t bound) {
  const std::uint64_t limit = UINT64_MAX - UINT64_MAX % bound;
  for (;;) {
    if (const std::uint64_t drawn = number(); drawn < limit) return drawn % bound;
  }
}

// A page of its own, which the kernel gives to a child process as zeros: a buffer of which nothing is left.
struct SystemRandom::Page {
  std::size_t left = 0;  // at the end of the octets
  std::array<std::uint8_t, page_size - sizeof(std::size_t)> octets{};
};

SystemRandom::SystemRandom() {
  void* const memory = ::mmap(nullptr, page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  if (::madvise(memory, page_size, MADV_WIPEONFORK) != 0) {
    ::munmap(memory, page_size);
    throw std::runtime_error("the kernel does not wipe memory of random bytes when a process is forked");
  }
  page_ = new (memory) Page;
}

SystemRandom::~SystemRandom() {
  wipe(page_->octets);
  ::munmap(page_, page_size);
}

void SystemRandom::fill(MutableBytes bytes) {
  auto& octets = page_->octets;
  if (bytes.size() > octets.size() / 4) return read_kernel_random(bytes);
  if (page_->left < bytes.size()) {
    read_kernel_random(octets);
    page_->left = octets.size();
  }
  const MutableBytes piece = MutableBytes(octets).last(page_->left).first(bytes.size());
  std::copy(piece.begin(), piece.end(), bytes.begin());
  wipe(piece);
  page_->left -= bytes.size();
}

}  // namespace simplex
