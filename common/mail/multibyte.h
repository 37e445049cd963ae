// Charsets of more than one octet a character, to UTF-8.  What stands for no character becomes
// U+FFFD; an octet of ASCII behind a bad first octet is never swallowed.  Output is at most four
// times the input.
#pragma once

#include <string>
#include <string_view>

namespace dmail::mail {

std::string from_shift_jis(std::string_view text);  // as Windows has it (code page 932)
std::string from_euc_jp(std::string_view text);     // with JIS X 0212
std::string from_gb18030(std::string_view text);    // with GBK and GB 2312
std::string from_big5(std::string_view text);       // with HKSCS
std::string from_uhc(std::string_view text);        // code page 949, with EUC-KR

// Those that shift between sets of characters.  The end of a line shifts back to ASCII, whatever
// the sender left open.
enum class Iso2022 { Japanese, Korean, Chinese };
std::string from_iso_2022(std::string_view text, Iso2022 variant);
std::string from_hz(std::string_view text);  // RFC 1843

// Forms of Unicode.
std::string from_utf7(std::string_view text);  // RFC 2152
enum class ByteOrder { Mark, Big, Little };    // Mark: as the text begins, else big
std::string from_utf16(std::string_view text, ByteOrder order);
std::string from_utf32(std::string_view text, ByteOrder order);

}  // namespace dmail::mail
