// Octets of polynomials (NTRU Prime round 3, "Encode" and "Decode"). Internal to the KEM.
//
//   small    191   coefficients -1..1, four in an octet
//   modulo q 1158  coefficients -2295..2295: a public key
//   rounded  1007  coefficients -2295..2295 that are multiples of 3: a ciphertext without its confirmation
#pragma once

#include <array>

#include "sntrup761_polynomial.hpp"

namespace simplex::crypto::sntrup761 {

inline constexpr std::size_t small_size = 191;
inline constexpr std::size_t public_size = 1158;
inline constexpr std::size_t rounded_size = 1007;

void encode_small(std::span<std::uint8_t, small_size> out, const Coefficients& polynomial);
void encode_modulo_q(std::span<std::uint8_t, public_size> out, const Coefficients& polynomial);
void encode_rounded(std::span<std::uint8_t, rounded_size> out, const Coefficients& polynomial);

// Any octets are a polynomial. Decoding small is in constant time; the other two divide, and are for what is public:
// other people's keys and ciphertexts.
void decode_small(Coefficients& polynomial, std::span<const std::uint8_t, small_size> in);
void decode_modulo_q(Coefficients& polynomial, std::span<const std::uint8_t, public_size> in);
void decode_rounded(Coefficients& polynomial, std::span<const std::uint8_t, rounded_size> in);

}  // namespace simplex::crypto::sntrup761
