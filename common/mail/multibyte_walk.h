// What the decoders of multibyte.h share: reading octets, writing characters, looking into tables.
#pragma once

#include <string>
#include <string_view>

#include "base/utf7.h"
#include "mail/cjk_tables.h"

namespace dmail::mail {

inline constexpr char32_t kNoCharacter = 0xfffd;

inline unsigned octet_at(std::string_view s, size_t i) {
  return i < s.size() ? static_cast<unsigned char>(s[i]) : 0;
}

// Never a surrogate and never beyond Unicode, whatever was computed.
inline void append_character(std::string& out, char32_t c) {
  const bool bad = c == 0 || (c >= 0xd800 && c <= 0xdfff) || c > 0x10ffff;
  append_utf8(out, bad ? kNoCharacter : c);
}

// Copies the octets of ASCII at `at`, and goes behind them.
inline void copy_ascii(std::string& out, std::string_view text, size_t& at) {
  const size_t from = at;
  while (at < text.size() && static_cast<unsigned char>(text[at]) < 0x80) ++at;
  out += text.substr(from, at - from);
}

// Characters of the sets that several charsets use, by row and cell from 1; U+FFFD when there is
// none.
inline bool in_94(unsigned n) { return n >= 1 && n <= 94; }
inline char32_t jis_x_0208(unsigned row, unsigned cell) {
  return in_94(row) && in_94(cell) ? kJisX0208[(row - 1) * kJisCells + cell - 1] : kNoCharacter;
}
inline char32_t jis_x_0212(unsigned row, unsigned cell) {
  return in_94(row) && in_94(cell) ? kJisX0212[(row - 1) * kJisCells + cell - 1] : kNoCharacter;
}
inline char32_t gb_2312(unsigned row, unsigned cell) {
  return in_94(row) && in_94(cell) ? kGb18030[(row + 31) * kGbCells + cell + 95] : kNoCharacter;
}
inline char32_t ks_x_1001(unsigned row, unsigned cell) {
  return row <= 93 && in_94(row) && in_94(cell) ? kUhc[(row + 31) * kUhcCells + cell + 95]
                                                : kNoCharacter;
}

}  // namespace dmail::mail
