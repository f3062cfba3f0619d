#include "sntrup761.hpp"

#include "sntrup761_sort.hpp"

namespace simplex::crypto::sntrup761 {

namespace {

constexpr std::size_t p = degree;
using Words = Wiped<std::uint32_t, p>;

void draw(Words& words, Random& random) {
  Wiped<std::uint8_t, 4 * p> octets;
  random.fill({octets.data(), octets.size()});
  for (std::size_t i = 0; i < p; ++i) {
    words[i] = std::uint32_t{octets[4 * i]} | std::uint32_t{octets[4 * i + 1]} << 8 |
               std::uint32_t{octets[4 * i + 2]} << 16 | std::uint32_t{octets[4 * i + 3]} << 24;
  }
}

// Each coefficient -1, 0 or 1, nearly evenly.
void random_small(Coefficients& polynomial, Random& random) {
  Words words;
  draw(words, random);
  for (std::size_t i = 0; i < p; ++i) {
    polynomial[i] = static_cast<std::int16_t>(static_cast<std::int32_t>(((words[i] & 0x3FFFFFFFU) * 3U) >> 30) - 1);
  }
}

}  // namespace

// Random words, of which the lowest two bits are the coefficient and one; sorting by the rest shuffles them.
void random_short(Coefficients& polynomial, Random& random) {
  Words words;
  draw(words, random);
  for (std::size_t i = 0; i < weight; ++i) words[i] &= ~1U;
  for (std::size_t i = weight; i < p; ++i) words[i] = (words[i] & ~3U) | 1U;
  sort(words.values);
  for (std::size_t i = 0; i < p; ++i) {
    polynomial[i] = static_cast<std::int16_t>(static_cast<std::int32_t>(words[i] & 3U) - 1);
  }
}

void generate(Coefficients& h, PrivatePolynomials& secret, Random& random) {
  Coefficients g;
  do {
    random_small(g, random);
  } while (!reciprocal_3(secret.reciprocal_g, g));
  random_short(secret.f, random);
  Coefficients reciprocal_3f;
  reciprocal_of_3a_q(reciprocal_3f, secret.f);
  multiply_q(h, reciprocal_3f, g);
}

void encrypt(Coefficients& ciphertext, const Coefficients& r, const Coefficients& h) {
  multiply_q(ciphertext, h, r);
  for (std::size_t i = 0; i < p; ++i) {
    ciphertext[i] = static_cast<std::int16_t>(ciphertext[i] - freeze_3(ciphertext[i]));
  }
}

void decrypt(Coefficients& r, const Coefficients& ciphertext, const PrivatePolynomials& secret) {
  Coefficients e;
  multiply_q(e, ciphertext, secret.f);
  for (std::size_t i = 0; i < p; ++i) e[i] = freeze_3(freeze_q(3 * std::int32_t{e[i]}));
  Coefficients found;
  multiply_3(found, e, secret.reciprocal_g);

  std::uint32_t nonzero = 0;
  for (std::size_t i = 0; i < p; ++i) nonzero += static_cast<std::uint32_t>(found[i]) & 1U;
  const auto wrong = static_cast<std::int16_t>(nonzero_mask(nonzero - static_cast<std::uint32_t>(weight)) & 0xFFFFU);
  for (std::size_t i = 0; i < p; ++i) {
    const auto fallback = static_cast<std::int16_t>(i < weight ? 1 : 0);
    r[i] = static_cast<std::int16_t>(fallback ^ ((found[i] ^ fallback) & ~wrong));
  }
}

}  // namespace simplex::crypto::sntrup761
