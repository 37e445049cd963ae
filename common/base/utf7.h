// Modified UTF-7 mailbox names (RFC 3501 section 5.1.3) and UTF-8 checking (RFC 3629).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace dmail {

// Well-formed UTF-8: no overlong form, no surrogate, nothing above U+10FFFF.
bool is_utf8(std::string_view s);
// The modified UTF-7 form of well-formed UTF-8; nullopt when `utf8` is not well-formed.
std::optional<std::string> utf7_encode(std::string_view utf8);
// The UTF-8 form; nullopt when `name` is not canonical modified UTF-7 (8-bit bytes, an open or
// empty shift other than "&-", a shift that encodes printable ASCII, a lone surrogate, NUL).
std::optional<std::string> utf7_decode(std::string_view name);

void append_utf8(std::string& out, char32_t c);

}  // namespace dmail
