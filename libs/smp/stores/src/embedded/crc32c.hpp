// CRC32C (Castagnoli), by the processor's instruction where it has one.
#pragma once

#include <cstdint>

#include "simplex/base/bytes.hpp"

namespace simplex::smp::stores::embedded {

// Of what was summed up before, 0 at the beginning, and these octets.
[[nodiscard]] std::uint32_t extend_crc32c(std::uint32_t crc, BytesView octets) noexcept;
// The same without the instruction.
[[nodiscard]] std::uint32_t extend_crc32c_by_table(std::uint32_t crc, BytesView octets) noexcept;

}  // namespace simplex::smp::stores::embedded
