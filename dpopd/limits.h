// Limits of a POP3 session; each has a test.
#pragma once

#include <cstddef>

namespace dmail::dpopd {

inline constexpr size_t kMaxLine =
    253;  // RFC 2449 section 4: 255 with its CRLF; longer is an error
inline constexpr int kMaxBadCommands = 20;      // in a row; then the connection ends
inline constexpr int kStuckOutputMs = 300'000;  // a client that does not read

}  // namespace dmail::dpopd
