#include "base/utf7.h"

#include <cstdint>

#include "base/ascii.h"

namespace dmail {
namespace {

constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

int digit_of(char c) {
  if (is_upper(c)) return c - 'A';
  if (is_lower(c)) return c - 'a' + 26;
  if (is_digit(c)) return c - '0' + 52;
  if (c == '+') return 62;
  if (c == ',') return 63;
  return -1;
}

// One code point from the front of `s`; -1 when it is not well-formed UTF-8.
int32_t take_utf8(std::string_view& s) {
  const auto b0 = static_cast<unsigned char>(s[0]);
  int more;
  int32_t c;
  if (b0 < 0x80) {
    s.remove_prefix(1);
    return b0;
  }
  if (b0 >= 0xc2 && b0 <= 0xdf) {
    more = 1;
    c = b0 & 0x1f;
  } else if ((b0 & 0xf0) == 0xe0) {
    more = 2;
    c = b0 & 0x0f;
  } else if (b0 >= 0xf0 && b0 <= 0xf4) {
    more = 3;
    c = b0 & 0x07;
  } else
    return -1;
  if (s.size() < static_cast<size_t>(more) + 1) return -1;
  for (int i = 1; i <= more; ++i) {
    const auto b = static_cast<unsigned char>(s[static_cast<size_t>(i)]);
    if ((b & 0xc0) != 0x80) return -1;
    c = c << 6 | (b & 0x3f);
  }
  if (more == 2 && (c < 0x800 || (c >= 0xd800 && c <= 0xdfff))) return -1;
  if (more == 3 && (c < 0x10000 || c > 0x10ffff)) return -1;
  s.remove_prefix(static_cast<size_t>(more) + 1);
  return c;
}

bool plain(int32_t c) { return c >= 0x20 && c <= 0x7e; }

// Decodes the base64 of one shift into UTF-16 code units.
bool shift_units(std::string_view digits, std::u16string& units) {
  uint32_t bits = 0;
  int have = 0;
  for (char ch : digits) {
    const int d = digit_of(ch);
    if (d < 0) return false;
    bits = bits << 6 | static_cast<uint32_t>(d);
    have += 6;
    if (have >= 16) {
      have -= 16;
      units.push_back(static_cast<char16_t>(bits >> have));
      bits &= (1u << have) - 1;
    }
  }
  return have < 6 && bits == 0 && !units.empty();
}

bool append_units(const std::u16string& units, std::string& out) {
  for (size_t i = 0; i < units.size(); ++i) {
    char32_t c = units[i];
    if (c >= 0xd800 && c <= 0xdbff) {
      if (i + 1 >= units.size() || units[i + 1] < 0xdc00 || units[i + 1] > 0xdfff) return false;
      c = 0x10000 + ((c - 0xd800) << 10) + (units[++i] - 0xdc00u);
    } else if (c >= 0xdc00 && c <= 0xdfff) {
      return false;
    }
    if (c == 0 || plain(static_cast<int32_t>(c))) return false;
    append_utf8(out, c);
  }
  return true;
}

}  // namespace

void append_utf8(std::string& out, char32_t c) {
  auto put = [&out](char32_t b) { out.push_back(static_cast<char>(b)); };
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xc0 | c >> 6);
    put(0x80 | (c & 0x3f));
  } else if (c < 0x10000) {
    put(0xe0 | c >> 12);
    put(0x80 | (c >> 6 & 0x3f));
    put(0x80 | (c & 0x3f));
  } else {
    put(0xf0 | c >> 18);
    put(0x80 | (c >> 12 & 0x3f));
    put(0x80 | (c >> 6 & 0x3f));
    put(0x80 | (c & 0x3f));
  }
}

bool is_utf8(std::string_view s) {
  while (!s.empty())
    if (take_utf8(s) < 0) return false;
  return true;
}

std::optional<std::string> utf7_encode(std::string_view utf8) {
  std::string out;
  uint32_t bits = 0;
  int have = 0;
  bool shifted = false;
  auto unit = [&](uint32_t u) {
    bits = bits << 16 | u;
    have += 16;
    while (have >= 6) {
      have -= 6;
      out.push_back(kAlphabet[bits >> have & 63]);
    }
    bits &= (1u << have) - 1;
  };
  auto close = [&] {
    if (!shifted) return;
    if (have > 0) out.push_back(kAlphabet[bits << (6 - have) & 63]);
    out.push_back('-');
    shifted = false;
    bits = 0;
    have = 0;
  };
  while (!utf8.empty()) {
    const int32_t c = take_utf8(utf8);
    if (c < 0) return std::nullopt;
    if (plain(c)) {
      close();
      out.push_back(static_cast<char>(c));
      if (c == '&') out.push_back('-');
      continue;
    }
    if (!shifted) out.push_back('&');
    shifted = true;
    const auto u = static_cast<uint32_t>(c);
    if (u < 0x10000) {
      unit(u);
    } else {
      unit(0xd800 + ((u - 0x10000) >> 10));
      unit(0xdc00 + ((u - 0x10000) & 0x3ff));
    }
  }
  close();
  return out;
}

std::optional<std::string> utf7_decode(std::string_view name) {
  std::string out;
  bool after_shift = false;
  for (size_t i = 0; i < name.size();) {
    const char c = name[i];
    if (c != '&') {
      if (!plain(static_cast<unsigned char>(c))) return std::nullopt;
      out.push_back(c);
      after_shift = false;
      ++i;
      continue;
    }
    const size_t end = name.find('-', i);
    if (end == std::string_view::npos) return std::nullopt;
    if (end == i + 1) {
      out.push_back('&');
      after_shift = false;
    } else {
      std::u16string units;
      if (after_shift || !shift_units(name.substr(i + 1, end - i - 1), units)) return std::nullopt;
      if (!append_units(units, out)) return std::nullopt;
      after_shift = true;
    }
    i = end + 1;
  }
  return out;
}

}  // namespace dmail
