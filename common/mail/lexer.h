// Tokens of structured header fields (RFC 5322 section 3.2, RFC 2045 section 5.1), read from the
// folded value as it stands.  Nothing fails: an unterminated quoted string or comment runs to the
// end, line ends count as blanks between tokens and vanish inside them.  Every step consumes what
// it looked at, so reading a whole value is linear.
#pragma once

#include <string>
#include <string_view>

namespace dmail::mail {

class Lexer {
 public:
  explicit Lexer(std::string_view s) : s_(s) {}

  [[nodiscard]] bool at_end() const { return at_ >= s_.size(); }
  [[nodiscard]] char peek() const { return at_end() ? '\0' : s_[at_]; }
  bool take(char c) {
    if (at_end() || s_[at_] != c) return false;
    ++at_;
    return true;
  }
  void skip_one() {
    if (!at_end()) ++at_;
  }

  // Blanks, line ends and comments.  True when there was anything.
  bool skip_cfws();
  // Text of the last comment skipped that was not empty, without its outer parentheses; cleared by
  // the caller.
  std::string comment;

  // At a double quote: appends the content, escapes resolved.
  void take_quoted(std::string& out);
  // At "[": appends up to and including "]".
  void take_domain_literal(std::string& out);
  // The longest run of octets that `stops(c)` does not stop.
  template <typename Stops>
  std::string_view take_run(Stops stops) {
    const size_t from = at_;
    while (at_ < s_.size() && !stops(s_[at_])) ++at_;
    return s_.substr(from, at_ - from);
  }
  [[nodiscard]] size_t place() const { return at_; }
  [[nodiscard]] std::string_view since(size_t place) const { return s_.substr(place, at_ - place); }

 private:
  void skip_comment();
  std::string_view s_;
  size_t at_ = 0;
};

}  // namespace dmail::mail
