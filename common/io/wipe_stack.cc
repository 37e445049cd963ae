#include "io/wipe_stack.h"

#include <string.h>
#include <sys/mman.h>

#include <cstdint>

#include "io/largest_page.h"

namespace dmail {
namespace {

constexpr uintptr_t kPage = kLargestPage;
constexpr uintptr_t kReach = 64 * 1024;

__attribute__((noinline)) void overwrite_near() {
  char near[2 * kPage + 512];
  ::explicit_bzero(near, sizeof near);
}

}  // namespace

void wipe_stack() {
  const auto here = reinterpret_cast<uintptr_t>(__builtin_frame_address(0));
  // Not the page that the call itself stands on.
  const uintptr_t end = here / kPage * kPage - kPage;
  // What is not mapped yet makes it fail, after the rest was done.
  (void)::madvise(reinterpret_cast<void*>(end - kReach), kReach, MADV_DONTNEED);
  overwrite_near();
}

}  // namespace dmail
