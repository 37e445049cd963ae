// From the names of charsets in use to how their octets are read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace dmail::mail {

struct Charset {
  enum class Codec {
    Unknown,
    Ascii,
    Utf8,
    Latin1,
    Half,      // charset_tables.h: entry `table`
    CodePage,  // likewise
    ShiftJis,
    EucJp,
    Gb18030,
    Big5,
    Uhc,
    Iso2022Jp,
    Iso2022Kr,
    Iso2022Cn,
    Hz,
    Utf7,
    Utf16,
    Utf16Be,
    Utf16Le,
    Utf32,
    Utf32Be,
    Utf32Le
  };
  Codec codec = Codec::Unknown;
  size_t table = 0;
};

// As people write it: without regard to case, punctuation, "x-", a year behind a colon.
Charset find_charset(std::string_view name);

}  // namespace dmail::mail
