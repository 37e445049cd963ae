// What stands in a mail file behind the end that it is to be cut at: whether that was done before a
// crash.
#pragma once

#include <cstdint>

#include "base/result.h"

namespace dmail::store {

struct CutSample {
  uint32_t crc = 0;  // of all bytes
  // A sector, or the part of one at either end, is zeros.  Cutting zeroes what is behind the new
  // end, and a loss of power may keep that of any sector under the old length.  No mail has such a
  // sector, unless another agent writes NUL.
  bool sector_of_zeros = false;
};

// Of [from, to) of `file`.  Corrupt: it ends before that.
Result<CutSample> cut_sample(int file, uint64_t from, uint64_t to);

}  // namespace dmail::store
