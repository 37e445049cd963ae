#include "mail/lexer.h"

#include "base/ascii.h"
#include "base/text.h"

namespace dmail::mail {

bool Lexer::skip_cfws() {
  const size_t from = at_;
  while (!at_end()) {
    if (s_[at_] == '(') {
      skip_comment();
    } else if (is_space(s_[at_])) {
      ++at_;
    } else {
      break;
    }
  }
  return at_ != from;
}

// Parentheses nest by counting, so that depth costs nothing.
void Lexer::skip_comment() {
  std::string text;
  size_t depth = 0;
  for (; !at_end(); ++at_) {
    char c = s_[at_];
    if (c == '\\' && at_ + 1 < s_.size()) {
      c = s_[++at_];
    } else if (c == '(') {
      if (depth++ == 0) continue;
    } else if (c == ')' && --depth == 0) {
      ++at_;
      break;
    }
    if (c != '\r' && c != '\n') text += c;
  }
  const std::string_view trimmed = trim(text);
  if (!trimmed.empty()) comment = trimmed;
}

void Lexer::take_quoted(std::string& out) {
  for (++at_; !at_end(); ++at_) {
    char c = s_[at_];
    if (c == '"') {
      ++at_;
      return;
    }
    if (c == '\\' && at_ + 1 < s_.size()) c = s_[++at_];
    if (c == '\n') {  // a folding is one blank
      while (!out.empty() && is_blank(out.back())) out.pop_back();
      while (at_ + 1 < s_.size() && is_blank(s_[at_ + 1])) ++at_;
      c = ' ';
    }
    if (c != '\r') out += c;
  }
}

void Lexer::take_domain_literal(std::string& out) {
  for (; !at_end(); ++at_) {
    const char c = s_[at_];
    if (!is_space(c)) out += c;
    if (c == ']') {
      ++at_;
      return;
    }
  }
}

}  // namespace dmail::mail
