// Charsets by tables of our own: a static program has no iconv.
#include "base/ascii.h"
#include "base/utf7.h"
#include "mail/charset_tables.h"
#include "mail/decode.h"
#include "mail/utf8_walk.h"

namespace dmail::mail {

namespace {

constexpr size_t kMaxName = 40;
constexpr char32_t kReplacement = 0xfffd;

enum class Kind { Unknown, Ascii, Utf8, Latin1, Table };
struct Charset {
  Kind kind = Kind::Unknown;
  const CharsetHalf* high = nullptr;
};

struct Alias {
  std::string_view other, name;
};
// Other names in use for charsets of the table, and for those that need none.
constexpr Alias kAliases[] = {
    {"ascii", "usascii"},     {"ansix341968", "usascii"}, {"iso646us", "usascii"},
    {"us", "usascii"},        {"unicode11utf8", "utf8"},  {"latin1", "iso88591"},
    {"l1", "iso88591"},       {"cp819", "iso88591"},      {"latin2", "iso88592"},
    {"l2", "iso88592"},       {"latin3", "iso88593"},     {"latin4", "iso88594"},
    {"cyrillic", "iso88595"}, {"arabic", "iso88596"},     {"greek", "iso88597"},
    {"hebrew", "iso88598"},   {"iso88598i", "iso88598"},  {"iso88598e", "iso88598"},
    {"latin5", "iso88599"},   {"latin6", "iso885910"},    {"tis620", "iso885911"},
    {"latin7", "iso885913"},  {"latin8", "iso885914"},    {"latin9", "iso885915"},
    {"latin0", "iso885915"},  {"latin10", "iso885916"},   {"cp874", "windows874"},
    {"koi8", "koi8r"},        {"cskoi8r", "koi8r"},       {"koi8ru", "koi8u"},
};

// Letters and digits in lower case; what follows a colon or star (a year, a language) is dropped.
std::string plain_name(std::string_view charset) {
  std::string name;
  for (const char c : charset.substr(0, kMaxName)) {
    if (c == ':' || c == '*') break;
    if (is_alnum(c)) name += to_lower(c);
  }
  if (name.starts_with("x") && name.size() > 3) name.erase(0, 1);  // x-cp1252
  if (name.starts_with("cp125")) name.replace(0, 2, "windows");
  for (const Alias& alias : kAliases)
    if (name == alias.other) return std::string(alias.name);
  return name;
}

Charset find_charset(std::string_view charset) {
  const std::string name = plain_name(charset);
  if (name.empty() || name == "usascii") return {Kind::Ascii, nullptr};
  if (name == "utf8") return {Kind::Utf8, nullptr};
  if (name == "iso88591") return {Kind::Latin1, nullptr};
  for (const CharsetTable& table : kCharsetTables)
    if (name == table.name) return {Kind::Table, table.high};
  return {};
}

// Well-formed sequences as they are, one U+FFFD for each octet that belongs to none.
std::string repaired_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const std::string_view sequence = utf8_sequence(text);
    if (sequence.empty()) {
      append_utf8(out, kReplacement);
      text.remove_prefix(1);
    } else {
      out += sequence;
      text.remove_prefix(sequence.size());
    }
  }
  return out;
}

}  // namespace

bool charset_known(std::string_view charset) { return find_charset(charset).kind != Kind::Unknown; }

std::string to_utf8(std::string_view text, std::string_view charset) {
  const Charset from = find_charset(charset);
  if (from.kind == Kind::Utf8) return repaired_utf8(text);
  // Sent as US-ASCII, and not: well-formed UTF-8 is hardly ever anything else.
  if (from.kind == Kind::Ascii && is_utf8(text)) return std::string(text);
  std::string out;
  out.reserve(text.size() + text.size() / 2);
  for (const char c : text) {
    if (!is_8bit(c)) {
      out += c;
      continue;
    }
    const size_t octet = static_cast<unsigned char>(c);
    append_utf8(out, from.kind == Kind::Latin1  ? static_cast<char32_t>(octet)
                     : from.kind == Kind::Table ? static_cast<char32_t>((*from.high)[octet - 128])
                                                : kReplacement);
  }
  return out;
}

}  // namespace dmail::mail
