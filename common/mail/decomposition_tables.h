// Canonical decompositions and combining classes of Unicode; only normalize.cc looks at them.
#pragma once

#include <cstddef>
#include <cstdint>

namespace dmail::mail {

inline constexpr size_t kDecompositionCount = 2061;
inline constexpr size_t kCombiningRangeCount = 382;

struct Decomposition {
  uint32_t character, first;
  uint32_t second;  // 0 when there is none
};
struct CombiningRange {
  uint32_t first, last;
  uint32_t combining_class;
};

// In order of their (first) character.
extern const Decomposition kDecompositions[kDecompositionCount];
extern const CombiningRange kCombiningRanges[kCombiningRangeCount];

}  // namespace dmail::mail
