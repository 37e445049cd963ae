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

// True for charsets that to_utf8 knows, under any of their names, and for none (an empty name):
// US-ASCII, the forms of Unicode, ISO-8859 and other single-byte ones, and those of China, Japan
// and Korea.
bool charset_known(std::string_view charset);
// Their names for a SEARCH, with blanks between; without UTF-16 and UTF-32, whose NULs no command
// can hold.
std::string_view charset_names();
// Where ASCII stands in a text: searches that look at it undecoded must know.
enum class CharsetShape {
  Plain,   // an octet below 128 is a character of ASCII, all others are 8-bit (unknown ones, too)
  Paired,  // an octet below 128 may be the second half of a character
  Shifted  // characters outside ASCII may be written without 8-bit octets
};
CharsetShape charset_shape(std::string_view charset);
// Unknown charsets: 8-bit bytes become U+FFFD.  US-ASCII and none: well-formed UTF-8 is left as it
// is.
std::string to_utf8(std::string_view text, std::string_view charset);

// Header value with encoded words decoded to UTF-8; adjacent words join (a character may be split
// between two of one charset), CR, LF and NUL become blanks.  Words in unknown charsets stay as
// sent.
std::string decode_header(std::string_view value);

// For searching (RFC 5051): UTF-8 decomposed, folded to one case (one-to-one foldings of the basic
// plane), marks in canonical order, so that substring search over two folded texts finds a letter
// whichever way it was written.  At most four times the input.
std::string fold_case(std::string_view utf8);

}  // namespace dmail::mail
