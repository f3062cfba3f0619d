// Streamlined NTRU Prime 761, the encryption inside the KEM. Internal.
#pragma once

#include "simplex/base/random.hpp"
#include "sntrup761_polynomial.hpp"

namespace simplex::crypto::sntrup761 {

struct PrivatePolynomials {
  Coefficients f;             // short
  Coefficients reciprocal_g;  // of g in R/3
};

// h = g / (3 f) in R/q, with random g and f.
void generate(Coefficients& h, PrivatePolynomials& secret, Random& random);
// A polynomial with `weight` coefficients that are not zero; draws 761 words of 4 octets, little-endian.
void random_short(Coefficients& polynomial, Random& random);
// h r, each coefficient rounded to the next multiple of 3.
void encrypt(Coefficients& ciphertext, const Coefficients& r, const Coefficients& h);
// r, or for a ciphertext that nobody made from this key some other short polynomial.
void decrypt(Coefficients& r, const Coefficients& ciphertext, const PrivatePolynomials& secret);

}  // namespace simplex::crypto::sntrup761
