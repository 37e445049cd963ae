// LIST patterns (RFC 3501 section 6.3.8): `*` is any run, `%` any run without `/`.  INBOX matches
// in any case, as the first part of longer names, too.  Time is |pattern| * |name| whatever the
// wildcards (all states at once, no going back).
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace dmail::imapd {

class ListPattern {
 public:
  explicit ListPattern(std::string_view pattern);
  [[nodiscard]] bool matches(std::string_view name);
  // True when `name` or something below it can match: LSUB's `%` answers for a parent.
  [[nodiscard]] bool ends_in_percent() const { return !pattern_.empty() && pattern_.back() == '%'; }

 private:
  std::string pattern_;
  std::vector<char> now_, next_;
};

}  // namespace dmail::imapd
