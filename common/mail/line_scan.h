// Counting line ends and finding lines that may be MIME boundaries, at the speed of memory: the two
// loops that touch every octet of every message once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace dmail::mail {

// Number of LF octets.
uint64_t count_newlines(std::string_view s);

// Place of the first LF at or after `from` that is followed by "--"; npos when there is none.  The
// number of LF octets before it (before the end when there is none) is added to `newlines`.
size_t find_dash_line(std::string_view s, size_t from, uint64_t& newlines);

}  // namespace dmail::mail
