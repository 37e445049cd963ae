// The time at the start of a line: UTC, without the C library's time zones (which read files),
// without memory of its own, so that a signal handler can write one.
#pragma once

#include <cstddef>
#include <cstdint>

namespace dmail::log {

inline constexpr size_t kTimeLength = 24;  // 2026-11-21T10:00:00.123Z

// Writes kTimeLength octets.  `us` is microseconds since 1970, of the years 1970 to 9999.
void write_time(char* out, int64_t us);

}  // namespace dmail::log
