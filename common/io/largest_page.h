// The largest page that a kernel for this processor may use.  What is given back to the system by
// madvise(2) is aligned to it and a whole number of it long: the kernel refuses another beginning,
// and rounds the length up, over what stands behind.
#pragma once

#include <cstddef>

namespace dmail {

#if defined(__x86_64__)
inline constexpr size_t kLargestPage = 4096;
#else
inline constexpr size_t kLargestPage = 65536;  // arm64 has kernels of 4, 16 and 64 KiB
#endif

}  // namespace dmail
