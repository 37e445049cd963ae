// The one way from digits to numbers: checked, no sign, no blanks, no locale.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>

#include "base/ascii.h"

namespace dmail {

// All of `s` as a decimal number of at most `max`; nullopt when empty, not digits, or too large.
constexpr std::optional<uint64_t> parse_u64(std::string_view s,
                                            uint64_t max = std::numeric_limits<uint64_t>::max()) {
  if (s.empty()) return std::nullopt;
  uint64_t v = 0;
  for (char c : s) {
    if (!is_digit(c)) return std::nullopt;
    const uint64_t d = static_cast<uint64_t>(c - '0');
    if (d > max || v > (max - d) / 10) return std::nullopt;
    v = v * 10 + d;
  }
  return v;
}
constexpr std::optional<uint32_t> parse_u32(std::string_view s,
                                            uint32_t max = std::numeric_limits<uint32_t>::max()) {
  auto v = parse_u64(s, max);
  if (!v) return std::nullopt;
  return static_cast<uint32_t>(*v);
}
// All of `s` (1 to 16 digits) as a hexadecimal number.
constexpr std::optional<uint64_t> parse_hex(std::string_view s) {
  if (s.empty() || s.size() > 16) return std::nullopt;
  uint64_t v = 0;
  for (char c : s) {
    const int h = hex_value(c);
    if (h < 0) return std::nullopt;
    v = v << 4 | static_cast<uint64_t>(h);
  }
  return v;
}

}  // namespace dmail
