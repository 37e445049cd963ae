// Cheap mixing of words, for numbers that notice tearing, bit rot and other content: nothing here
// withstands somebody who looks for two contents of one number.
#pragma once

#include <bit>
#include <cstdint>

namespace dmail::store {

// Odd numbers with about as many ones as zeros.
inline constexpr uint64_t kOdd[] = {0x9e3779b97f4a7c15, 0xd1b54a32d192ed03, 0x8cb92ba72f3d8dd7,
                                    0xaaaaaaaaaaaaaaab, 0xe7037ed1a0b428db, 0x589965cc75374cc3};

// One round of a multiplicative mix.
constexpr uint64_t mix(uint64_t h, uint64_t v) {
  h = (h ^ v) * kOdd[0];
  return h ^ std::rotr(h, 29);
}

// Both halves of the product: every bit of the result depends on all bits of `a` and `b`.
constexpr uint64_t fold(uint64_t a, uint64_t b) {
  __extension__ typedef unsigned __int128 Wide;
  const Wide product = Wide{a} * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

}  // namespace dmail::store
