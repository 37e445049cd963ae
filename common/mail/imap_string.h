// Strings of IMAP replies (RFC 3501 section 4.3).
#pragma once

#include <string>
#include <string_view>

namespace dmail::mail {

inline constexpr size_t kMaxQuoted = 1000;  // octets; longer strings are sent as literals

// As a quoted string, or as a literal when there are 8-bit octets, CR or LF, or too many of them.
// NUL octets, which IMAP cannot send, are left out.
void append_string(std::string& out, std::string_view s);
// NIL when `s` is null (no data); an empty string otherwise stands as "".
void append_nstring(std::string& out, std::string_view s);
// The same for a folded field value: unfolded, outer blanks trimmed.
void append_field(std::string& out, std::string_view value);

}  // namespace dmail::mail
