#include "mail/utf8_walk.h"

#include <cstddef>

namespace dmail::mail {

namespace {

unsigned octet(char c) { return static_cast<unsigned char>(c); }

}  // namespace

std::string_view utf8_sequence(std::string_view s) {
  if (s.empty()) return {};
  const unsigned lead = octet(s[0]);
  if (lead < 0x80) return s.substr(0, 1);
  const size_t size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || s.size() < size) return {};
  for (size_t i = 1; i < size; ++i)
    if ((octet(s[i]) & 0xc0) != 0x80) return {};
  const unsigned second = octet(s[1]);
  const bool overlong = (lead == 0xe0 && second < 0xa0) || (lead == 0xf0 && second < 0x90);
  const bool outside = (lead == 0xed && second > 0x9f) || (lead == 0xf4 && second > 0x8f);
  return overlong || outside ? std::string_view() : s.substr(0, size);
}

char32_t utf8_character(std::string_view sequence) {
  const unsigned lead = octet(sequence[0]);
  if (sequence.size() == 1) return lead;
  char32_t c = lead & (0x7fu >> sequence.size());
  for (const char next : sequence.substr(1)) c = c << 6 | (octet(next) & 0x3f);
  return c;
}

}  // namespace dmail::mail
