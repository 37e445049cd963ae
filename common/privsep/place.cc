#include "privsep/place.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace dmail::privsep {

bool place_descriptors(const int (&source)[kPlaces], int keep) {
  // Out of the way first, so that no place is overwritten while it is still a source.
  constexpr int kAway = kPlaces + 1;
  int away[kPlaces];
  for (int i = 0; i < kPlaces; ++i) {
    away[i] = -1;
    if (source[i] < 0) continue;
    away[i] = ::fcntl(source[i], F_DUPFD_CLOEXEC, kAway);
    if (away[i] < 0) return false;
  }
  const int kept = ::fcntl(keep, F_DUPFD_CLOEXEC, kAway);
  if (kept < 0) return false;
  for (int i = 0; i < kPlaces; ++i) {
    if (away[i] < 0)
      ::close(i);
    else if (::dup2(away[i], i) != i)
      return false;
  }
  return ::dup3(kept, kPlaces, O_CLOEXEC) == kPlaces &&
         ::syscall(SYS_close_range, kPlaces + 1, ~0U, CLOSE_RANGE_CLOEXEC) == 0;
}

}  // namespace dmail::privsep
