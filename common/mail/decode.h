// From what stands in a message to readable UTF-8: content-transfer-encodings, encoded words
// (RFC 2047), charsets, case folding for searching.  Bad input decodes as far as it goes; nothing
// here fails.  Output is bounded by four times the input.
#pragma once

#include <string>
#include <string_view>

namespace dmail::mail {

std::string decode_base64(std::string_view body);  // tolerant: skips other bytes
std::string decode_quoted_printable(std::string_view body);
// By the name of a content-transfer-encoding; unknown and identity ones give the input.
std::string decode_transfer(std::string_view body, std::string_view encoding);

// True for charsets that to_utf8 knows: US-ASCII, UTF-8, ISO-8859-1..16, windows-874 and 125x,
// KOI8-R/U, and none (an empty name).
bool charset_known(std::string_view charset);
// Unknown charsets: 8-bit bytes become U+FFFD.  US-ASCII and none: well-formed UTF-8 is left as it
// is.
std::string to_utf8(std::string_view text, std::string_view charset);

// Header value with encoded words decoded to UTF-8; adjacent words join (a character may be split
// between two of one charset), CR, LF and NUL become blanks.  Words in unknown charsets stay as
// sent.
std::string decode_header(std::string_view value);

// For searching: UTF-8 folded to one case (one-to-one foldings of the basic plane), so that
// substring search over two folded texts is case-insensitive.  Nothing outside ASCII folds into
// ASCII.
std::string fold_case(std::string_view utf8);

}  // namespace dmail::mail
