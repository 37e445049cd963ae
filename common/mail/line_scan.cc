#include "mail/line_scan.h"

#include <algorithm>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace dmail::mail {

namespace {

bool dashes_at(std::string_view s, size_t at) {
  return at + 1 < s.size() && s[at] == '-' && s[at + 1] == '-';
}

// The plain form of find_dash_line, for the octets in [from, end).
size_t find_plain(std::string_view s, size_t from, size_t end, uint64_t& newlines) {
  for (size_t i = from; i < end; ++i) {
    if (s[i] != '\n') continue;
    if (dashes_at(s, i + 1)) return i;
    ++newlines;
  }
  return std::string_view::npos;
}

}  // namespace

#ifdef __SSE2__

namespace {

constexpr size_t kBlock = sizeof(__m128i);
constexpr size_t kMaxRun = 255;  // blocks after which a byte-wise counter would overflow

__m128i load(const char* p) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p)); }

uint64_t sum(__m128i bytes) {
  const __m128i halves = _mm_sad_epu8(bytes, _mm_setzero_si128());
  return static_cast<uint64_t>(_mm_cvtsi128_si64(halves)) +
         static_cast<uint64_t>(_mm_cvtsi128_si64(_mm_unpackhi_epi64(halves, halves)));
}

}  // namespace

uint64_t count_newlines(std::string_view s) {
  const __m128i lf = _mm_set1_epi8('\n');
  uint64_t n = 0;
  size_t i = 0;
  while (i + kBlock <= s.size()) {
    __m128i counts = _mm_setzero_si128();
    const size_t blocks = std::min((s.size() - i) / kBlock, kMaxRun);
    for (size_t b = 0; b < blocks; ++b, i += kBlock)
      counts = _mm_sub_epi8(counts, _mm_cmpeq_epi8(load(s.data() + i), lf));
    n += sum(counts);
  }
  return n + static_cast<uint64_t>(
                 std::count(s.begin() + static_cast<std::ptrdiff_t>(i), s.end(), '\n'));
}

size_t find_dash_line(std::string_view s, size_t from, uint64_t& newlines) {
  const __m128i lf = _mm_set1_epi8('\n');
  const __m128i dash = _mm_set1_epi8('-');
  size_t i = from;
  while (i + kBlock + 1 <= s.size()) {
    __m128i counts = _mm_setzero_si128();
    const size_t blocks = std::min((s.size() - i - 1) / kBlock, kMaxRun);
    bool candidate = false;
    for (size_t b = 0; b < blocks; ++b, i += kBlock) {
      const __m128i ends = _mm_cmpeq_epi8(load(s.data() + i), lf);
      const __m128i starts = _mm_cmpeq_epi8(load(s.data() + i + 1), dash);
      if (_mm_movemask_epi8(_mm_and_si128(ends, starts)) != 0) {
        candidate = true;
        break;
      }
      counts = _mm_sub_epi8(counts, ends);
    }
    newlines += sum(counts);
    if (!candidate) continue;
    const size_t at = find_plain(s, i, i + kBlock, newlines);
    if (at != std::string_view::npos) return at;
    i += kBlock;
  }
  return find_plain(s, i, s.size(), newlines);
}

#else

uint64_t count_newlines(std::string_view s) {
  return static_cast<uint64_t>(std::count(s.begin(), s.end(), '\n'));
}

size_t find_dash_line(std::string_view s, size_t from, uint64_t& newlines) {
  return find_plain(s, from, s.size(), newlines);
}

#endif

}  // namespace dmail::mail
