// Building and cutting text without stdio or iostreams.
#pragma once

#include <charconv>
#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace dmail {

inline void append(std::string& out, std::string_view s) { out.append(s); }
inline void append(std::string& out, const char* s) { out.append(s); }
inline void append(std::string& out, char c) { out.push_back(c); }
template <std::integral T>
requires(!std::same_as<T, char> && !std::same_as<T, bool>) void append(std::string& out, T v) {
  char buf[24];
  out.append(buf, std::to_chars(buf, buf + sizeof buf, v).ptr);
}
// `value` in decimal, zero-filled to `width`; in hexadecimal (lower case) likewise.
void append_padded(std::string& out, uint64_t value, int width);
void append_hex(std::string& out, uint64_t value, int width);

// concat("a", 1, 'c', view): one string of all parts.
template <typename... Parts>
std::string concat(const Parts&... parts) {
  std::string out;
  (append(out, parts), ...);
  return out;
}

std::string_view trim(std::string_view s);  // blanks, CR and LF at both ends
// Pieces between single `separator`s; an empty input gives one empty piece.
std::vector<std::string_view> split(std::string_view s, char separator);
// Words between runs of blanks.
std::vector<std::string_view> split_words(std::string_view s);
// The part before the first `separator`; `rest` becomes what follows it (empty when there is none).
std::string_view take_until(std::string_view& rest, char separator);

// `s` for one line of a log or terminal: bytes outside printable ASCII as \xNN, backslash and
// double quote doubled by a backslash, at most `max` input bytes and then "...".
std::string escaped(std::string_view s, size_t max = 200);

// Plain string match where `*` is any run and `?` any one byte; case is folded when asked.
// Linear in |pattern| * |s|.
bool wildcard_match(std::string_view pattern, std::string_view s, bool fold_case = false);

}  // namespace dmail
