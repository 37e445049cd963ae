// From what stands in a message to readable UTF-8: content-transfer-encodings, encoded words
// (RFC 2047), parameter values (RFC 2231), charsets, case folding for searching.  Bad input decodes
// as far as it goes; nothing here fails.  Output is bounded by four times the input.
#pragma once

#include <string>
#include <string_view>

namespace dmail::mail {

std::string decode_base64(std::string_view body);  // tolerant: skips other bytes
std::string decode_quoted_printable(std::string_view body);
// By the name of a content-transfer-encoding; unknown and identity ones give the input.
std::string decode_transfer(std::string_view body, std::string_view encoding);

// True for charsets that to_utf8 knows: US-ASCII, UTF-8, ISO-8859-1..16, windows-125x, KOI8-R/U
// inside the program; others through iconv where the program is linked with it.
bool charset_known(std::string_view charset);
// Unknown charsets: 8-bit bytes become U+FFFD.
std::string to_utf8(std::string_view text, std::string_view charset);

// Header value with encoded words decoded to UTF-8; adjacent words join, CR, LF and NUL become
// blanks.
std::string decode_header(std::string_view value);

// For searching: UTF-8 folded to one case (ASCII, Latin, Greek, Cyrillic one-to-one), so that
// substring search over two folded texts is case-insensitive.
std::string fold_case(std::string_view utf8);

}  // namespace dmail::mail
