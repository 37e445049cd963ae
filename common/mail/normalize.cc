#include "mail/normalize.h"

#include <algorithm>
#include <iterator>

#include "mail/decomposition_tables.h"

namespace dmail::mail {

namespace {

constexpr char32_t kHangul = 0xac00;
constexpr char32_t kHangulCount = 11172;

size_t decompose_hangul(char32_t syllable, char32_t (&out)[kMaxDecomposed]) {
  const char32_t index = syllable - kHangul;
  out[0] = 0x1100 + index / 588;
  out[1] = 0x1161 + index % 588 / 28;
  if (index % 28 == 0) return 2;
  out[2] = 0x11a7 + index % 28;
  return 3;
}

const Decomposition* entry(char32_t c) {
  const Decomposition* found =
      std::lower_bound(std::begin(kDecompositions), std::end(kDecompositions), c,
                       [](const Decomposition& d, char32_t value) { return d.character < value; });
  return found != std::end(kDecompositions) && found->character == c ? found : nullptr;
}

}  // namespace

size_t decompose(char32_t c, char32_t (&out)[kMaxDecomposed]) {
  if (c < 0xc0) {
    out[0] = c;
    return 1;
  }
  if (c >= kHangul && c < kHangul + kHangulCount) return decompose_hangul(c, out);
  // Only the first of two decomposes again: the seconds come out last to first.
  char32_t seconds[kMaxDecomposed];
  size_t count = 0;
  for (const Decomposition* d; (d = entry(c)) != nullptr && count + 1 < kMaxDecomposed;) {
    if (d->second != 0) seconds[count++] = d->second;
    c = d->first;
  }
  out[0] = c;
  for (size_t i = 0; i < count; ++i) out[i + 1] = seconds[count - 1 - i];
  return count + 1;
}

unsigned combining_class(char32_t c) {
  if (c < 0x300) return 0;
  const CombiningRange* range =
      std::lower_bound(std::begin(kCombiningRanges), std::end(kCombiningRanges), c,
                       [](const CombiningRange& r, char32_t value) { return r.last < value; });
  return range != std::end(kCombiningRanges) && c >= range->first ? range->combining_class : 0;
}

}  // namespace dmail::mail
