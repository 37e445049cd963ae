// Tables of the charsets of two octets a character.  Plain arrays without a pointer: pages of the
// program file that all sessions share, nothing to relocate at start.
#pragma once

#include <cstddef>
#include <cstdint>

namespace dmail::mail {

inline constexpr size_t kJisCells = 94;    // of a row of JIS X 0208 and 0212
inline constexpr size_t kJisRows = 94;     // of JIS X 0212
inline constexpr size_t kJisIbmRows = 5;   // behind the 94 of JIS X 0208
inline constexpr size_t kGbCells = 190;    // second octets 0x40 to 0xFE without 0x7F
inline constexpr size_t kUhcCells = 190;   // second octets 0x41 to 0xFE
inline constexpr size_t kBig5Cells = 157;  // second octets 0x40 to 0x7E, 0xA1 to 0xFE
inline constexpr size_t kGb18030RangeCount = 212;

extern const char16_t kJisX0208[(kJisRows + kJisIbmRows) * kJisCells + 1];
extern const char16_t kJisX0212[kJisRows * kJisCells + 1];
extern const char32_t kGb18030[126 * kGbCells + 1];  // first octet from 0x81
extern const char16_t kUhc[125 * kUhcCells + 1];     // first octet from 0x81
extern const char32_t kBig5[126 * kBig5Cells + 1];   // first octet from 0x81

struct Gb18030Range {
  uint16_t pointer, character;
};
extern const Gb18030Range kGb18030Ranges[kGb18030RangeCount];

}  // namespace dmail::mail
