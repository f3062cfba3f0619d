#include "simplex/base/random.hpp"

#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>

namespace simplex {

namespace {

constexpr std::size_t buffer_size = 4096;

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

SystemRandom::SystemRandom() : buffer_(buffer_size), used_(buffer_size), process_(getpid()) {}

SystemRandom::~SystemRandom() { wipe(buffer_); }

void SystemRandom::fill(MutableBytes bytes) {
  if (bytes.size() > buffer_size / 4) return read_kernel_random(bytes);
  const int process = getpid();
  if (used_ + bytes.size() > buffer_size || process != process_) {
    read_kernel_random(buffer_);
    used_ = 0;
    process_ = process;
  }
  const MutableBytes piece = MutableBytes(buffer_).subspan(used_, bytes.size());
  std::copy(piece.begin(), piece.end(), bytes.begin());
  wipe(piece);
  used_ += bytes.size();
}

}  // namespace simplex
