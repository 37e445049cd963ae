// The little of the IMAP grammar that is needed before login (RFC 3501 section 9), over one command
// whose literals are in place.  Every method returns nullopt on a syntax error and then stays
// failed.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dmail::imapd {

class LoginParser {
 public:
  explicit LoginParser(std::string_view command) : rest_(command) {}

  // tag = 1*<any ASTRING-CHAR except "+">, at most 64 here
  std::optional<std::string_view> tag();
  // A run of letters, digits, '.' and '-', at least one.
  std::optional<std::string_view> word();
  // sasl-mech = 1*20(UPPER / DIGIT / "-" / "_"), in any case here
  std::optional<std::string_view> mechanism();
  bool space();  // exactly one SP
  [[nodiscard]] bool at_end() const { return rest_.empty(); }
  // astring = 1*ASTRING-CHAR / quoted / literal; no NUL, no CR or LF, no 8-bit bytes in an atom
  std::optional<std::string> astring();
  // What is left, when it has no blanks: an initial response.
  std::optional<std::string_view> remainder();
  // id_params = "NIL" / "(" [string SP nstring *(SP string SP nstring)] ")", at most 30 pairs
  // Names and values; NIL as an empty value.
  std::optional<std::vector<std::pair<std::string, std::string>>> id_parameters();

 private:
  std::optional<std::string> quoted();
  std::optional<std::string> literal();
  bool take(char c);
  bool nil();
  std::string_view rest_;
};

// The size that a line ending in {N} or {N+} announces; `waits` tells which.
struct LiteralMark {
  size_t size = 0;
  bool waits = true;
};
std::optional<LiteralMark> literal_mark(std::string_view line);

}  // namespace dmail::imapd
