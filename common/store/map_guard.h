// Index files are mapped, and a mapping ends where its file ends: when somebody cuts the file,
// touching a page behind the new end raises SIGBUS.  While a MapGuard lives, such a page of its
// mapping reads as zeros instead, which no check word accepts: the index is then found damaged, and
// the session goes on.
#pragma once

#include <cstddef>

namespace dmail::store {

class MapGuard {
 public:
  MapGuard() = default;
  MapGuard(const void* start, size_t size);
  MapGuard(MapGuard&& other) noexcept;
  MapGuard& operator=(MapGuard&& other) noexcept;
  ~MapGuard();

 private:
  int slot_ = -1;
};

}  // namespace dmail::store
