#include "mail/charset_name.h"

#include <string>

#include "base/ascii.h"
#include "mail/charset_tables.h"
#include "mail/decode.h"

namespace dmail::mail {

namespace {

using Codec = Charset::Codec;

constexpr size_t kMaxName = 40;

struct Name {
  char name[24];
  Codec codec;
};
// Letters and digits only.  gb2312 and euc-kr are what senders of GBK and Windows-949 say, too: the
// larger charset reads both.
constexpr Name kNames[] = {
    {"usascii", Codec::Ascii},
    {"ascii", Codec::Ascii},
    {"ansix341968", Codec::Ascii},
    {"iso646us", Codec::Ascii},
    {"us", Codec::Ascii},
    {"unicode11utf8", Codec::Utf8},
    {"unicode20utf8", Codec::Utf8},
    {"iso88591", Codec::Latin1},
    {"latin1", Codec::Latin1},
    {"l1", Codec::Latin1},
    {"cp819", Codec::Latin1},
    {"isoir100", Codec::Latin1},
    {"shiftjis", Codec::ShiftJis},
    {"csshiftjis", Codec::ShiftJis},
    {"sjis", Codec::ShiftJis},
    {"mskanji", Codec::ShiftJis},
    {"cp932", Codec::ShiftJis},
    {"cp943", Codec::ShiftJis},
    {"ms932", Codec::ShiftJis},
    {"windows31j", Codec::ShiftJis},
    {"cswindows31j", Codec::ShiftJis},
    {"windows932", Codec::ShiftJis},
    {"eucjp", Codec::EucJp},
    {"ujis", Codec::EucJp},
    {"eucjpms", Codec::EucJp},
    {"eucjpwin", Codec::EucJp},
    {"cp51932", Codec::EucJp},
    {"cseucpkdfmtjapanese", Codec::EucJp},
    {"gb18030", Codec::Gb18030},
    {"gb2312", Codec::Gb18030},
    {"gb231280", Codec::Gb18030},
    {"csgb2312", Codec::Gb18030},
    {"csiso58gb231280", Codec::Gb18030},
    {"isoir58", Codec::Gb18030},
    {"chinese", Codec::Gb18030},
    {"euccn", Codec::Gb18030},
    {"cngb", Codec::Gb18030},
    {"gbk", Codec::Gb18030},
    {"gb", Codec::Gb18030},
    {"csgbk", Codec::Gb18030},
    {"cp936", Codec::Gb18030},
    {"ms936", Codec::Gb18030},
    {"windows936", Codec::Gb18030},
    {"cp54936", Codec::Gb18030},
    {"big5", Codec::Big5},
    {"csbig5", Codec::Big5},
    {"cnbig5", Codec::Big5},
    {"bigfive", Codec::Big5},
    {"big5eten", Codec::Big5},
    {"big5hkscs", Codec::Big5},
    {"cp950", Codec::Big5},
    {"windows950", Codec::Big5},
    {"euckr", Codec::Uhc},
    {"cseuckr", Codec::Uhc},
    {"ksc5601", Codec::Uhc},
    {"ksc56011987", Codec::Uhc},
    {"ksc56011989", Codec::Uhc},
    {"csksc56011987", Codec::Uhc},
    {"ksx1001", Codec::Uhc},
    {"isoir149", Codec::Uhc},
    {"korean", Codec::Uhc},
    {"uhc", Codec::Uhc},
    {"cp949", Codec::Uhc},
    {"ms949", Codec::Uhc},
    {"windows949", Codec::Uhc},
    {"cp51949", Codec::Uhc},
    {"iso2022jp", Codec::Iso2022Jp},
    {"csiso2022jp", Codec::Iso2022Jp},
    {"iso2022jp1", Codec::Iso2022Jp},
    {"iso2022jp2", Codec::Iso2022Jp},
    {"csiso2022jp2", Codec::Iso2022Jp},
    {"iso2022jp3", Codec::Iso2022Jp},
    {"iso2022jp2004", Codec::Iso2022Jp},
    {"iso2022jpms", Codec::Iso2022Jp},
    {"jis", Codec::Iso2022Jp},
    {"cp50220", Codec::Iso2022Jp},
    {"cp50221", Codec::Iso2022Jp},
    {"cp50222", Codec::Iso2022Jp},
    {"iso2022kr", Codec::Iso2022Kr},
    {"csiso2022kr", Codec::Iso2022Kr},
    {"cp50225", Codec::Iso2022Kr},
    {"iso2022cn", Codec::Iso2022Cn},
    {"iso2022cnext", Codec::Iso2022Cn},
    {"hzgb2312", Codec::Hz},
    {"hz", Codec::Hz},
    {"utf7", Codec::Utf7},
    {"unicode11utf7", Codec::Utf7},
    {"unicode20utf7", Codec::Utf7},
    {"csunicode11utf7", Codec::Utf7},
    {"utf16", Codec::Utf16},
    {"unicode", Codec::Utf16},
    {"ucs2", Codec::Utf16},
    {"iso10646ucs2", Codec::Utf16},
    {"utf16be", Codec::Utf16Be},
    {"utf16le", Codec::Utf16Le},
    {"utf32", Codec::Utf32},
    {"ucs4", Codec::Utf32},
    {"iso10646ucs4", Codec::Utf32},
    {"utf32be", Codec::Utf32Be},
    {"utf32le", Codec::Utf32Le},
};

struct Alias {
  char other[16];
  char name[16];
};
// Other names of charsets in the tables.
constexpr Alias kAliases[] = {
    {"latin2", "iso88592"},
    {"l2", "iso88592"},
    {"latin3", "iso88593"},
    {"l3", "iso88593"},
    {"latin4", "iso88594"},
    {"l4", "iso88594"},
    {"cyrillic", "iso88595"},
    {"arabic", "iso88596"},
    {"greek", "iso88597"},
    {"greek8", "iso88597"},
    {"hebrew", "iso88598"},
    {"iso88598i", "iso88598"},
    {"iso88598e", "iso88598"},
    {"latin5", "iso88599"},
    {"l5", "iso88599"},
    {"latin6", "iso885910"},
    {"tis620", "iso885911"},
    {"latin7", "iso885913"},
    {"latin8", "iso885914"},
    {"latin9", "iso885915"},
    {"latin0", "iso885915"},
    {"latin10", "iso885916"},
    {"cp874", "windows874"},
    {"koi8", "koi8r"},
    {"cskoi8r", "koi8r"},
    {"koi8ru", "koi8u"},
    {"macintosh", "macroman"},
    {"mac", "macroman"},
    {"csmacintosh", "macroman"},
    {"macce", "maclatin2"},
    {"maccentraleurop", "maclatin2"},
    {"macukrainian", "maccyrillic"},
    {"roman8", "hproman8"},
    {"r8", "hproman8"},
    {"pt154", "ptcp154"},
    {"rk1048", "kz1048"},
    {"cp00858", "cp858"},
    {"georgianacademy", "georgianps"},
};

// Letters and digits in lower case; what follows a colon or star (a year, a language) is dropped.
std::string plain_name(std::string_view charset) {
  std::string name;
  for (const char c : charset.substr(0, kMaxName)) {
    if (c == ':' || c == '*') break;
    if (is_alnum(c)) name += to_lower(c);
  }
  if (name.starts_with("x") && name.size() > 2) name.erase(0, 1);  // x-cp1252, x-gbk
  if (name.starts_with("csibm") || name.starts_with("cspc8codepage")) name.erase(0, 2);
  if (name.starts_with("ibm")) name.replace(0, 3, "cp");
  if (name.starts_with("win12")) name.replace(0, 3, "windows");
  if (name.starts_with("cp125")) name.replace(0, 2, "windows");
  for (const Alias& alias : kAliases)
    if (name == alias.other) return alias.name;
  return name;
}

}  // namespace

Charset find_charset(std::string_view charset) {
  const std::string name = plain_name(charset);
  if (name.empty()) return {Codec::Ascii};
  if (name.starts_with("utf8")) return {Codec::Utf8};  // utf8mb4 and what else is made of it
  for (const Name& known : kNames)
    if (name == known.name) return {known.codec};
  for (size_t i = 0; i < kCharsetTables.size(); ++i)
    if (name == kCharsetTables[i].name) return {Codec::Half, i};
  for (size_t i = 0; i < kCodePageCount; ++i)
    if (name == kCodePages[i].name) return {Codec::CodePage, i};
  return {};
}

bool charset_known(std::string_view charset) {
  return find_charset(charset).codec != Codec::Unknown;
}

CharsetShape charset_shape(std::string_view charset) {
  // Asked for each part of each message that is searched: most are of these.
  for (const char* plain : {"utf-8", "us-ascii", "iso-8859-", "windows-125"})
    if (charset.empty() || istarts_with(charset, plain)) return CharsetShape::Plain;
  switch (find_charset(charset).codec) {
    case Codec::ShiftJis:
    case Codec::Gb18030:
    case Codec::Big5:
    case Codec::Uhc:
      return CharsetShape::Paired;
    case Codec::Iso2022Jp:
    case Codec::Iso2022Kr:
    case Codec::Iso2022Cn:
    case Codec::Hz:
    case Codec::Utf7:
    case Codec::Utf16:
    case Codec::Utf16Be:
    case Codec::Utf16Le:
    case Codec::Utf32:
    case Codec::Utf32Be:
    case Codec::Utf32Le:
      return CharsetShape::Shifted;
    default:
      return CharsetShape::Plain;
  }
}

std::string_view charset_names() {
  return "US-ASCII UTF-8 UTF-7 "
         "ISO-8859-1 ISO-8859-2 ISO-8859-3 ISO-8859-4 ISO-8859-5 ISO-8859-6 ISO-8859-7 ISO-8859-8 "
         "ISO-8859-9 ISO-8859-10 ISO-8859-11 ISO-8859-13 ISO-8859-14 ISO-8859-15 ISO-8859-16 "
         "WINDOWS-874 WINDOWS-1250 WINDOWS-1251 WINDOWS-1252 WINDOWS-1253 WINDOWS-1254 "
         "WINDOWS-1255 WINDOWS-1256 WINDOWS-1257 WINDOWS-1258 KOI8-R KOI8-U KOI8-T TIS-620 "
         "ISO-2022-JP ISO-2022-JP-1 ISO-2022-JP-2 SHIFT_JIS WINDOWS-31J EUC-JP "
         "GB2312 GBK GB18030 HZ-GB-2312 ISO-2022-CN BIG5 BIG5-HKSCS "
         "EUC-KR KS_C_5601-1987 ISO-2022-KR MACINTOSH "
         "IBM437 IBM775 IBM850 IBM852 IBM855 IBM857 IBM00858 IBM860 IBM861 IBM862 IBM863 IBM864 "
         "IBM865 IBM866 IBM869 HP-ROMAN8 PTCP154 KZ-1048 VISCII GEORGIAN-PS ARMSCII-8";
}

}  // namespace dmail::mail
