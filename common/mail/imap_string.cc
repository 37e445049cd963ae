#include "mail/imap_string.h"

#include <array>

#include "base/ascii.h"
#include "base/text.h"
#include "mail/header.h"

namespace dmail::mail {

namespace {

enum Class : unsigned char { Plain = 0, Escaped = 1, Literal = 2, Nul = 4, LineFeed = 8 };

constexpr std::array<unsigned char, 256> make_classes() {
  std::array<unsigned char, 256> t{};
  for (size_t i = 128; i < 256; ++i) t[i] = Literal;
  t['"'] = t['\\'] = Escaped;
  t['\r'] = Literal;
  t['\n'] = Literal | LineFeed;
  t[0] = Nul;
  return t;
}
constexpr std::array<unsigned char, 256> kClasses = make_classes();

unsigned classes_of(std::string_view s) {
  unsigned seen = 0;
  for (const char c : s) seen |= kClasses[static_cast<unsigned char>(c)];
  return seen;
}

void append_classified(std::string& out, std::string_view s, unsigned seen) {
  if ((seen & Nul) != 0) {
    std::string clean;
    for (const char c : s)
      if (c != '\0') clean += c;
    return append_classified(out, clean, seen & ~unsigned{Nul});
  }
  if ((seen & Literal) != 0 || s.size() > kMaxQuoted) {
    out += '{';
    append(out, s.size());
    out += "}\r\n";
    out += s;
    return;
  }
  out += '"';
  if ((seen & Escaped) == 0) {
    out += s;
  } else {
    for (const char c : s) {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
  }
  out += '"';
}

}  // namespace

void append_string(std::string& out, std::string_view s) {
  append_classified(out, s, classes_of(s));
}

void append_nstring(std::string& out, std::string_view s) {
  if (s.data() == nullptr) {
    out += "NIL";
  } else {
    append_string(out, s);
  }
}

void append_field(std::string& out, std::string_view value) {
  if (value.data() == nullptr) {
    out += "NIL";
    return;
  }
  const unsigned seen = classes_of(value);
  if ((seen & LineFeed) != 0) return append_string(out, unfold(value));
  while (!value.empty() && is_blank(value.front())) value.remove_prefix(1);
  while (!value.empty() && is_blank(value.back())) value.remove_suffix(1);
  append_classified(out, value, seen);
}

}  // namespace dmail::mail
