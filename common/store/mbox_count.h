// The inner loop of reading mbox text: counts line ends and finds lines that begin with "From " or
// with '>'s and "From ".  Built on GNU vectors of 16 octets, with no branch in the block where
// nothing is found.
#pragma once

#include <cstddef>
#include <cstdint>

namespace dmail::store {

class MboxCounter {
 public:
  static constexpr size_t kAhead = 8;  // octets that must be readable behind `end`

  // Counts in [p, end) up to the first "From " at the start of a line; returns its place, or `end`.
  // p[-1] must be readable; "From " may reach over `end`.
  const char* find(const char* p, const char* end);

  uint64_t newlines = 0;  // LF
  uint64_t pairs = 0;     // CR LF
  uint64_t quoted = 0;    // lines that match ^>+From (space)

 private:
  const char* find_slowly(const char* begin, const char* p, const char* end);
  bool in_run_ = false;  // the call before ended inside a run of '>' that began its line
};

}  // namespace dmail::store
