// Substring search without regard to ASCII case, at a few octets a cycle.  A hostile text and
// needle cost |needle| times that, but no more than kMaxSimple times: longer needles are searched
// for in a folded copy, in linear time.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace dmail::mail {

inline constexpr size_t kMaxSimple = 128;

class AsciiFinder {
 public:
  // Octets outside ASCII in `needle` match only themselves.
  explicit AsciiFinder(std::string_view needle);
  [[nodiscard]] bool in(std::string_view text) const {
    bool unused = false;
    return in(text, unused);
  }
  // Where it is not in, tells whether the text has octets outside ASCII: in one pass.
  [[nodiscard]] bool in(std::string_view text, bool& text_has_8bit) const;

 private:
  [[nodiscard]] bool in_simple(std::string_view text, bool& text_has_8bit) const;
  [[nodiscard]] bool matches_at(const char* text) const;
  [[nodiscard]] bool in_plain(std::string_view text) const;

  std::string needle_;  // lower case
  size_t first_ = 0;    // places of the two octets of the needle that mail has least of
  size_t second_ = 0;
};

// True when there is an octet outside ASCII.
bool has_8bit(std::string_view s);

}  // namespace dmail::mail
