// A mail address taken apart, and written again.  The parser is path_parser.h; the root monitor
// links only this.
#pragma once

#include <string>
#include <string_view>

namespace dmail::dsmtpd {

struct Path {
  std::string local;   // quoting taken off: any printable ASCII
  std::string domain;  // as sent; "[192.0.2.1]"; empty for <postmaster> and <>
  [[nodiscard]] bool is_null() const { return local.empty(); }
  // local@domain with quotes where they are needed; empty for <>.
  [[nodiscard]] std::string text() const;
};

bool is_atext(char c);  // RFC 5322 section 3.2.3
// A local part that needs no quotes.  Dots may stand anywhere: there are such addresses.
bool is_dot_string(std::string_view s);

}  // namespace dmail::dsmtpd
