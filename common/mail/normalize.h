// Canonical decomposition (Unicode's NFD), a character at a time.
#pragma once

#include <string>

namespace dmail::mail {

inline constexpr size_t kMaxDecomposed = 4;  // characters of one

// Puts the canonical decomposition of `c` into `out`, gives how many characters it has.
size_t decompose(char32_t c, char32_t (&out)[kMaxDecomposed]);
// 0 for what begins a new letter, otherwise the order among its marks.
unsigned combining_class(char32_t c);

}  // namespace dmail::mail
