// Shift_JIS, EUC-JP, GB 18030, Big5, code page 949: a first octet from 0x81 says how many follow.
#include "mail/multibyte.h"

#include <algorithm>
#include <iterator>

#include "mail/multibyte_walk.h"

namespace dmail::mail {

namespace {

// What a decoder found at a first octet: the character, and how many octets it takes.
struct Found {
  char32_t character = kNoCharacter;
  size_t size = 1;
};

template <typename Decoder>
std::string decode(std::string_view text, const Decoder& decoder) {
  std::string out;
  out.reserve(text.size() + text.size() / 2);
  for (size_t at = 0; at < text.size();) {
    copy_ascii(out, text, at);
    if (at == text.size()) break;
    const Found found = decoder(text.substr(at));
    append_character(out, found.character);
    at += found.size;
  }
  return out;
}

// A pair without a character: its second octet stays when it is one of ASCII.
Found pair(char32_t character, unsigned second) {
  return {character, character == kNoCharacter && second < 0x80 ? size_t{1} : size_t{2}};
}

char32_t halfwidth_katakana(unsigned octet) {
  return octet >= 0xa1 && octet <= 0xdf ? 0xff61 + octet - 0xa1 : kNoCharacter;
}

// Rows 95 to 114 are for private use, those behind them are IBM's.
char32_t windows_row(unsigned row, unsigned cell) {
  if (row <= 94) return jis_x_0208(row, cell);
  if (row <= 114) return 0xe000 + (row - 95) * kJisCells + cell - 1;
  return row <= 119 ? kJisX0208[(row - 21) * kJisCells + cell - 1] : kNoCharacter;
}

Found shift_jis(std::string_view s) {
  const unsigned first = octet_at(s, 0);
  const unsigned second = octet_at(s, 1);
  if (first == 0x80 || first == 0xa0 || first > 0xfc || (first > 0xa0 && first < 0xe0))
    return {halfwidth_katakana(first), 1};
  if (second < 0x40 || second == 0x7f || second > 0xfc) return {};
  const unsigned row = (first - (first < 0xa0 ? 0x81 : 0xc1)) * 2 + (second < 0x9f ? 1 : 2);
  const unsigned cell = second < 0x9f ? second - 0x3f - (second > 0x7f ? 1 : 0) : second - 0x9e;
  return pair(windows_row(row, cell), second);
}

Found euc_jp(std::string_view s) {
  const unsigned first = octet_at(s, 0);
  const unsigned second = octet_at(s, 1);
  if (first == 0x8e && second >= 0xa1 && second <= 0xdf) return {halfwidth_katakana(second), 2};
  const bool long_form = first == 0x8f;
  const unsigned row = long_form ? second : first;
  const unsigned cell = octet_at(s, long_form ? 2 : 1);
  if (row < 0xa1 || row == 0xff || cell < 0xa1 || cell == 0xff) return {};
  if (long_form) return {jis_x_0212(row - 0xa0, cell - 0xa0), 3};
  return {jis_x_0208(row - 0xa0, cell - 0xa0), 2};
}

char32_t gb18030_basic(unsigned pointer) {
  const Gb18030Range* range =
      std::upper_bound(std::begin(kGb18030Ranges), std::end(kGb18030Ranges), pointer,
                       [](unsigned p, const Gb18030Range& r) { return p < r.pointer; }) -
      1;
  return range->character == 0 ? kNoCharacter : range->character + pointer - range->pointer;
}

Found gb18030(std::string_view s) {
  const unsigned first = octet_at(s, 0);
  const unsigned second = octet_at(s, 1);
  if (first == 0x80) return {0x20ac, 1};  // code page 936
  if (first > 0xfe) return {};
  if (second >= 0x30 && second <= 0x39) {
    const unsigned third = octet_at(s, 2);
    const unsigned fourth = octet_at(s, 3);
    if (third < 0x81 || third > 0xfe || fourth < 0x30 || fourth > 0x39) return {};
    const unsigned pointer =
        (((first - 0x81) * 10 + second - 0x30) * 126 + third - 0x81) * 10 + fourth - 0x30;
    if (pointer < 39420) return {gb18030_basic(pointer), 4};
    return {pointer >= 189000 && pointer <= 1237575 ? 0x10000 + pointer - 189000 : kNoCharacter, 4};
  }
  if (second < 0x40 || second == 0x7f || second > 0xfe) return {};
  const unsigned cell = second - 0x40 - (second > 0x7f ? 1 : 0);
  return pair(kGb18030[(first - 0x81) * kGbCells + cell], second);
}

Found uhc(std::string_view s) {
  const unsigned first = octet_at(s, 0);
  const unsigned second = octet_at(s, 1);
  if (first < 0x81 || first > 0xfd || second < 0x41 || second > 0xfe) return {};
  return pair(kUhc[(first - 0x81) * kUhcCells + second - 0x41], second);
}

Found big5(std::string_view s) {
  const unsigned first = octet_at(s, 0);
  const unsigned second = octet_at(s, 1);
  const bool low = second >= 0x40 && second <= 0x7e;
  if (first < 0x81 || first > 0xfe || (!low && (second < 0xa1 || second > 0xfe))) return {};
  return pair(kBig5[(first - 0x81) * kBig5Cells + second - (low ? 0x40 : 0x62)], second);
}

}  // namespace

std::string from_shift_jis(std::string_view text) { return decode(text, shift_jis); }
std::string from_euc_jp(std::string_view text) { return decode(text, euc_jp); }
std::string from_gb18030(std::string_view text) { return decode(text, gb18030); }
std::string from_uhc(std::string_view text) { return decode(text, uhc); }
std::string from_big5(std::string_view text) { return decode(text, big5); }

}  // namespace dmail::mail
