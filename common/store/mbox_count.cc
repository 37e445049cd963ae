#include "store/mbox_count.h"

#include <cstring>

namespace dmail::store {
namespace {

typedef int8_t Vector __attribute__((vector_size(16)));
typedef uint64_t Halves __attribute__((vector_size(16)));
constexpr size_t kWidth = sizeof(Vector), kBlock = 4 * kWidth;
constexpr int kMostBlocks = 31;  // a lane counts to 127: 4 a block

Vector load(const char* p) {
  Vector v;
  std::memcpy(&v, p, sizeof v);
  return v;
}

bool any(Vector v) {
  Halves h;
  std::memcpy(&h, &v, sizeof h);
  return (h[0] | h[1]) != 0;
}

uint64_t sum(Vector v) {
  uint64_t n = 0;
  for (size_t i = 0; i < kWidth; ++i) n += static_cast<uint64_t>(v[i]);
  return n;
}

}  // namespace

// `find` for [p, end), octet by octet where there is a line end or an F; a run of '>' is followed
// back to `begin` at most.
const char* MboxCounter::find_slowly(const char* begin, const char* p, const char* end) {
  while (p < end) {
    const char* stop = end;
    if (static_cast<size_t>(end - p) >= kWidth) {
      stop = p + kWidth;
      const Vector now = load(p);
      if (!any((now == '\n') | (now == 'F'))) p = stop;
    }
    for (; p < stop; ++p) {
      if (*p == '\n') {
        ++newlines;
        pairs += p[-1] == '\r';
      } else if (*p == 'F' && std::memcmp(p, "From ", 5) == 0) {
        if (p[-1] == '\n') return p;
        const char* start = p;
        while (start > begin && start[-1] == '>') --start;
        quoted += start < p && start[-1] == '\n';
      }
    }
  }
  return end;
}

const char* MboxCounter::find(const char* begin, const char* end) {
  const char* p = begin;
  if (in_run_) {
    while (p < end && *p == '>') ++p;
    if (p == end) return end;
    quoted += std::memcmp(p, "From ", 5) == 0;
    in_run_ = false;
  }
  while (static_cast<size_t>(end - p) >= kBlock) {
    Vector lf{}, crlf{};
    for (int blocks = 0; blocks < kMostBlocks && static_cast<size_t>(end - p) >= kBlock; ++blocks) {
      Vector hit{}, block_lf{}, block_crlf{};
      const auto look = [&](const char* at) __attribute__((always_inline)) {
        const Vector now = load(at), before = load(at - 1);
        const Vector is_lf = now == '\n';
        block_lf += is_lf;
        block_crlf += is_lf & (before == '\r');
        hit |= (now == 'F') & ((before == '\n') | (before == '>'));
      };
      look(p), look(p + kWidth), look(p + 2 * kWidth), look(p + 3 * kWidth);
      if (any(hit)) {
        const char* const found = find_slowly(begin, p, p + kBlock);
        if (found < p + kBlock) {
          newlines += sum(-lf);
          pairs += sum(-crlf);
          return found;
        }
      } else {
        lf += block_lf;
        crlf += block_crlf;
      }
      p += kBlock;
    }
    newlines += sum(-lf);
    pairs += sum(-crlf);
  }
  const char* const found = find_slowly(begin, p, end);
  if (found < end) return found;
  const char* run = end;
  while (run > begin && run[-1] == '>') --run;
  in_run_ = run < end && run[-1] == '\n';
  return end;
}

}  // namespace dmail::store
