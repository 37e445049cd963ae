#include "store/file_window.h"

#include <algorithm>
#include <cstring>

#include "io/file.h"

namespace dmail::store {

FileWindow::FileWindow(int fd, uint64_t limit, size_t capacity)
    : fd_(fd),
      limit_(limit),
      capacity_(capacity),
      buffer_(std::make_unique_for_overwrite<char[]>(capacity + kPadding)) {}

Result<std::string_view> FileWindow::at(uint64_t offset, size_t want) {
  assert(want <= capacity_);
  if (offset >= limit_) return std::string_view();
  want = static_cast<size_t>(std::min<uint64_t>(want, limit_ - offset));
  const bool inside = offset >= start_ && offset <= start_ + size_;
  if (inside && start_ + size_ - offset >= want)
    return std::string_view(buffer_.get() + (offset - start_), size_ - (offset - start_));
  size_t kept = 0;
  if (inside) {
    kept = static_cast<size_t>(start_ + size_ - offset);
    std::memmove(buffer_.get(), buffer_.get() + (offset - start_), kept);
  }
  start_ = offset;
  size_ = kept;
  const size_t room = static_cast<size_t>(std::min<uint64_t>(capacity_, limit_ - offset)) - kept;
  auto n = read_at(fd_, {buffer_.get() + kept, room}, offset + kept);
  if (!n) return std::move(n.error());
  size_ += *n;
  std::memset(buffer_.get() + size_, 0, kPadding);
  return std::string_view(buffer_.get(), size_);
}

}  // namespace dmail::store
