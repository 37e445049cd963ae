// Encoded words in header values (RFC 2047).  Words longer than 75 octets, with blanks inside, and
// without blanks around them are taken, since they are sent; what is no word, and words in a
// charset that is not known, stay as they are.
#include "base/ascii.h"
#include "mail/decode.h"
#include "mail/header.h"

namespace dmail::mail {

namespace {

constexpr size_t kMaxCharset = 64;  // octets, language included

struct Word {
  std::string_view charset;
  std::string_view text;
  char encoding = 'q';
  size_t size = 0;  // octets of the whole
};

// The word at the front of `s`, which begins "=?".  `ends` becomes false when no "?=" follows
// anywhere, so that looking for it is not repeated.
bool take_word(std::string_view s, Word& word, bool& ends) {
  const size_t charset = s.substr(2, kMaxCharset + 1).find('?');
  if (charset == std::string_view::npos || charset == 0) return false;
  word.charset = s.substr(2, charset);
  const size_t at = 2 + charset + 1;
  if (at + 1 >= s.size() || s[at + 1] != '?') return false;
  word.encoding = to_lower(s[at]);
  if (word.encoding != 'q' && word.encoding != 'b') return false;
  if (!charset_known(word.charset)) return false;
  const size_t end = s.find("?=", at + 2);
  if (end == std::string_view::npos) {
    ends = false;
    return false;
  }
  word.text = s.substr(at + 2, end - at - 2);
  word.size = end + 2;
  return true;
}

std::string decoded(const Word& word) {
  if (word.encoding == 'b') return decode_base64(word.text);
  std::string out;
  for (size_t i = 0; i < word.text.size(); ++i) {
    const char c = word.text[i];
    const int high = c == '=' && i + 2 < word.text.size() ? hex_value(word.text[i + 1]) : -1;
    const int low = high >= 0 ? hex_value(word.text[i + 2]) : -1;
    if (low >= 0) {
      out += static_cast<char>(high << 4 | low);
      i += 2;
    } else {
      out += c == '_' ? ' ' : c;
    }
  }
  return out;
}

bool all_blank(std::string_view s) {
  for (const char c : s)
    if (!is_space(c)) return false;
  return true;
}

// A shift of UTF-7 that one word left open would swallow the "+" of the next.
bool starts_anew(std::string_view charset) { return iends_with(charset, "utf-7"); }

}  // namespace

std::string decode_header(std::string_view value) {
  const std::string line = unfold(value);
  const std::string_view s = line;
  std::string out;
  std::string
      pending;  // decoded octets of neighbouring words of one charset: characters may be split
  std::string_view charset;
  const auto flush = [&] {
    if (!pending.empty()) out += to_utf8(pending, charset);
    pending.clear();
  };
  size_t from = 0;  // of what is not written yet
  bool after_word = false;
  bool ends = true;
  for (size_t at = s.find("=?"); ends && at != std::string_view::npos; at = s.find("=?", at)) {
    Word word;
    if (!take_word(s.substr(at), word, ends)) {
      at += 2;
      continue;
    }
    const std::string_view between = s.substr(from, at - from);
    if (!after_word || !all_blank(between)) {
      flush();
      out += to_utf8(between, {});
    } else if (!iequals(charset, word.charset) || starts_anew(charset)) {
      flush();
    }
    charset = word.charset;
    pending += decoded(word);
    at += word.size;
    from = at;
    after_word = true;
  }
  flush();
  out += to_utf8(s.substr(from), {});
  for (char& c : out)
    if (c == '\r' || c == '\n' || c == '\0') c = ' ';
  return out;
}

}  // namespace dmail::mail
