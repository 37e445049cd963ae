// Forward reading of a file through one buffer, without mapping it: a mail file may be cut short by
// others at any time, and a mapping would then kill the process.  Memory: the capacity given.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "base/result.h"

namespace dmail::store {

class FileWindow {
 public:
  static constexpr size_t kCapacity = 256 * 1024;
  // Zero bytes that can be read behind every view.
  static constexpr size_t kPadding = 16;
  // Reads [0, limit) of `fd`, which stays the caller's.
  FileWindow(int fd, uint64_t limit, size_t capacity = kCapacity);

  // Bytes from `offset` on: at least `want` (at most the capacity) unless `limit` or the end of the
  // file comes first, and as many as are at hand.  Good until the next call.
  Result<std::string_view> at(uint64_t offset, size_t want);
  [[nodiscard]] uint64_t limit() const { return limit_; }

 private:
  int fd_;
  uint64_t limit_;
  size_t capacity_;
  std::unique_ptr<char[]> buffer_;
  uint64_t start_ = 0;  // of the buffer in the file
  size_t size_ = 0;     // bytes in the buffer
};

}  // namespace dmail::store
