// Tables of the single-byte charsets that to_utf8 knows; only charset_name.cc looks at them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace dmail::mail {

using CharsetHalf = std::array<uint16_t, 128>;  // characters of the octets 0x80 to 0xFF

struct CharsetTable {
  std::string_view name;  // lower case letters and digits only: "iso88592"
  const CharsetHalf* high;
};

extern const std::array<CharsetTable, 26> kCharsetTables;

inline constexpr size_t kCodePageCount = 30;
struct CodePage {
  char name[12];
  char16_t high[129];
};
extern const CodePage kCodePages[kCodePageCount];

}  // namespace dmail::mail
