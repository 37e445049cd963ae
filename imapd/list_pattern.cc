#include "imapd/list_pattern.h"

#include <algorithm>

#include "base/ascii.h"

namespace dmail::imapd {

ListPattern::ListPattern(std::string_view pattern) {
  for (char c : pattern) {
    const bool wild = c == '*' || c == '%';
    const bool after_wild = !pattern_.empty() && (pattern_.back() == '*' || pattern_.back() == '%');
    if (wild && after_wild)
      pattern_.back() = c == '*' ? '*' : pattern_.back();
    else
      pattern_.push_back(c);
  }
}

// now_[i]: the first i characters of the pattern match what was read of the name.
bool ListPattern::matches(std::string_view name) {
  const std::string_view pattern = pattern_;
  const size_t size = pattern.size();
  // Octets at the front of the name whose case does not matter.
  size_t any_case = name == "INBOX" || name.starts_with("INBOX/") ? 5 : 0;
  auto skip_wild = [&](std::vector<char>& states) {
    for (size_t i = 0; i < size; ++i)
      if (states[i] != 0 && (pattern[i] == '*' || pattern[i] == '%')) states[i + 1] = 1;
  };
  now_.assign(size + 1, 0);
  now_[0] = 1;
  skip_wild(now_);
  for (char c : name) {
    next_.assign(size + 1, 0);
    for (size_t i = 0; i < size; ++i) {
      if (now_[i] == 0) continue;
      if (pattern[i] == '*' || (pattern[i] == '%' && c != '/'))
        next_[i] = 1;
      else if ((any_case > 0 ? to_upper(pattern[i]) : pattern[i]) == c && c != '*' && c != '%')
        next_[i + 1] = 1;
    }
    if (any_case > 0) --any_case;
    skip_wild(next_);
    std::swap(now_, next_);
  }
  return now_[size] != 0;
}

}  // namespace dmail::imapd
