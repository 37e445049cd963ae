#include "mail/decode.h"

#include <catch2/catch.hpp>

#include "base/ascii.h"
#include "base/base64.h"
#include "base/utf7.h"
#include "mail/utf8_walk.h"

using namespace dmail::mail;
using namespace std::string_literals;

TEST_CASE("M18: base64 at every block edge") {
  std::string bytes;
  for (int i = 0; i < 300; ++i) {
    const std::string text = dmail::base64_encode(bytes);
    CHECK(decode_base64(text) == bytes);
    std::string folded;
    for (size_t at = 0; at < text.size(); at += 7) folded += text.substr(at, 7) + "\r\n";
    CHECK(decode_base64(folded) == bytes);
    CHECK(decode_base64(text.substr(0, text.find('='))) == bytes);  // padding lost
    bytes += static_cast<char>(i * 37);
  }
}

TEST_CASE("M18: bad base64 decodes as far as it goes") {
  CHECK(decode_base64("====") == "");
  CHECK(decode_base64("A") == "");
  CHECK(decode_base64("QQ==QUI=QUJD") == "AABABC");  // joined pieces
  CHECK(decode_base64("Q!U-J\0D"s) == "ABC");
  CHECK(decode_base64("QUJDR") == "ABC");
  CHECK(decode_base64("") == "");
}

TEST_CASE("M18: quoted-printable") {
  CHECK(decode_quoted_printable("a=3D=e9=E9b") ==
        "a=\xe9\xe9"
        "b");
  CHECK(decode_quoted_printable("soft=\r\nbreak=  \r\nend \t\r\nx") == "softbreakend\r\nx");
  CHECK(decode_quoted_printable("lf=\nonly\n") == "lfonly\n");
  CHECK(decode_quoted_printable("a=") == "a");
  CHECK(decode_quoted_printable("a=4") == "a=4");
  CHECK(decode_quoted_printable("=zz=") == "=zz");
  CHECK(decode_quoted_printable("==41") == "=A");
  CHECK(decode_quoted_printable("=0D=0A") == "\r\n");
  CHECK(decode_quoted_printable("") == "");
  for (size_t pad = 4090; pad < 4100; ++pad) {
    const std::string before(pad, 'x');
    CHECK(decode_quoted_printable(before + "=\r\n=41") == before + "A");
  }
}

TEST_CASE("transfer encodings by name") {
  CHECK(decode_transfer("QQ==", "BASE64") == "A");
  CHECK(decode_transfer("=41", "Quoted-Printable") == "A");
  CHECK(decode_transfer("=41", "8bit") == "=41");
  CHECK(decode_transfer("=41", "x-unknown") == "=41");
}

TEST_CASE("charsets") {
  CHECK(to_utf8("\xe4\xa4", "iso-8859-1") == "\xc3\xa4\xc2\xa4");
  CHECK(to_utf8("\xa4", "ISO-8859-15") == "\xe2\x82\xac");
  CHECK(to_utf8("\x80", "windows-1252") == "\xe2\x82\xac");
  CHECK(to_utf8("\x80", "x-cp1252") == "\xe2\x82\xac");
  CHECK(to_utf8("\xcf\xf0\xe8\xe2\xe5\xf2", "cp1251") == "Привет");
  CHECK(to_utf8("\xf0\xd2\xc9\xd7\xc5\xd4", "KOI8-R") == "Привет");
  CHECK(to_utf8("\xa4", "koi8-u") == "є");
  CHECK(to_utf8("\xe1\xe2", "ISO_8859-7:1987") == "αβ");
  CHECK(to_utf8("\xa1", "TIS-620") == "ก");
  CHECK(to_utf8("\xff", "iso-8859-11") == "\xef\xbf\xbd");  // no such character
  CHECK(to_utf8("plain", "x-nobody-knows") == "plain");
  CHECK(to_utf8("a\xff", "x-nobody-knows") == "a\xef\xbf\xbd");
  CHECK(to_utf8("\xc3\xa4", "us-ascii") == "\xc3\xa4");
  CHECK(to_utf8("\xe4", "us-ascii") == "\xef\xbf\xbd");
  CHECK(to_utf8("\xc3\xa4", "") == "\xc3\xa4");
  for (const char* name : {"us-ascii", "UTF-8", "utf8", "iso-8859-1", "ISO-8859-16", "windows-1258",
                           "windows-874", "koi8-r", "KOI8-U", "latin1", "cp1250", ""})
    CHECK(charset_known(name));
  for (const char* name : {"iso-8859-12", "iso-8859-17", "utf-9", "iso-2022-xx", "big6", "gb2313",
                           "euc-xx", "unknown-8bit", "windows-1259"})
    CHECK_FALSE(charset_known(name));
  CHECK_FALSE(charset_known(std::string(1000000, 'x')));
}

TEST_CASE("M12: cut and malformed UTF-8 is repaired") {
  CHECK(to_utf8("a\xc3", "utf-8") == "a\xef\xbf\xbd");
  CHECK(to_utf8("\xe2\x82", "utf-8") == "\xef\xbf\xbd\xef\xbf\xbd");
  CHECK(to_utf8("\xc0\xaf", "utf-8") == "\xef\xbf\xbd\xef\xbf\xbd");
  CHECK(to_utf8("\xed\xa0\x80", "utf-8").size() == 9);
  CHECK(to_utf8("\xf0\x9f\x98\x80", "utf-8") == "\xf0\x9f\x98\x80");
}

TEST_CASE("M15: charsets of several octets a character, cut anywhere") {
  const std::string japanese = "\x1b$B$3$s\x1b(B\x8e\xb1\xa4";
  for (const char* charset : {"iso-2022-jp", "euc-jp", "shift_jis", "gb18030", "big5", "euc-kr",
                              "hz-gb-2312", "utf-7", "utf-16", "utf-32", "euc-tw"})
    for (size_t size = 0; size <= japanese.size(); ++size)
      CHECK(dmail::is_utf8(to_utf8(japanese.substr(0, size), charset)));
}

TEST_CASE("every charset gives well-formed UTF-8 for every octet") {
  std::string all;
  for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
  for (int i = 1; i <= 16; ++i) {
    const std::string out = to_utf8(all, "iso-8859-" + std::to_string(i));
    CHECK(dmail::is_utf8(out));
    CHECK(out.size() <= 4 * all.size());
  }
  for (int i = 1250; i <= 1258; ++i) CHECK(dmail::is_utf8(to_utf8(all, "cp" + std::to_string(i))));
}

TEST_CASE("encoded words: the examples of RFC 2047 section 8") {
  CHECK(decode_header("=?ISO-8859-1?Q?a?=") == "a");
  CHECK(decode_header("=?ISO-8859-1?Q?a?= b") == "a b");
  CHECK(decode_header("=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=") == "ab");
  CHECK(decode_header("=?ISO-8859-1?Q?a?=  =?ISO-8859-1?Q?b?=") == "ab");
  CHECK(decode_header("=?ISO-8859-1?Q?a?=\r\n    =?ISO-8859-1?Q?b?=") == "ab");
  CHECK(decode_header("=?ISO-8859-1?Q?a_b?=") == "a b");
  CHECK(decode_header("=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=") == "a b");
  CHECK(decode_header("=?US-ASCII?Q?Keith_Moore?= <moore@cs.utk.edu>") ==
        "Keith Moore <moore@cs.utk.edu>");
  CHECK(decode_header("=?ISO-8859-1?B?SWYgeW91IGNhbiByZWFkIHRoaXMgeW8=?=\r\n "
                      "=?ISO-8859-2?B?dSB1bmRlcnN0YW5kIHRoZSBleGFtcGxlLg==?=") ==
        "If you can read this you understand the example.");
}

TEST_CASE("encoded words as they are really sent") {
  CHECK(decode_header("=?utf-8?q?=C3?= =?utf-8?q?=A4?=") == "ä");  // a character cut in two
  CHECK(decode_header("=?utf-8*de?Q?=C3=A4?=") == "ä");            // RFC 2231 language
  CHECK(decode_header("x=?utf-8?q?a?=y") == "xay");                // no blanks around
  CHECK(decode_header("=?utf-8?q?a b?=") == "a b");                // blank inside
  CHECK(decode_header("=?utf-8?q?" + std::string(200, 'a') + "?=") == std::string(200, 'a'));
  CHECK(decode_header("=?utf-8?q?a?= and =?utf-8?q?b?=") == "a and b");
  // A character of two octets cut in two, one word's escape sequence closed by the next.
  CHECK(decode_header("=?gb2312?B?u+HS?=\r\n =?gb2312?B?6Q==?=") == "会议");
  CHECK(decode_header("=?ISO-2022-JP?B?GyRCMnE=?= =?iso-2022-jp?B?NUQbKEI=?=") == "会議");
  CHECK(decode_header("=?utf-7?Q?+AOQ?= =?utf-7?Q?+APY-?=") == "äö");
  CHECK(decode_header(" raw \xc3\xa4 ") == "raw ä");
  CHECK(decode_header("raw \xe4") == "raw \xef\xbf\xbd");
}

TEST_CASE("M16: encoded words that are wrong or hostile") {
  CHECK(decode_header("=?utf-8?q?a=0D=0ABcc:_x?=") == "a  Bcc: x");
  CHECK(decode_header("=?utf-8?b?AA==?=") == " ");
  CHECK(decode_header("=?x?b?====?=") == "=?x?b?====?=");  // unknown charset
  CHECK(decode_header("=?utf-8?b?====?=") == "");
  CHECK(decode_header("=?iso-2022-jp?b?GyRC?=") == "");
  CHECK(decode_header("=?iso-2022-xx?b?GyRC?=") == "=?iso-2022-xx?b?GyRC?=");
  CHECK(decode_header("=?utf-8?x?a?=") == "=?utf-8?x?a?=");
  for (const char* bad : {"=?", "=??", "=??\?=", "=??q?a?=", "=?utf-8", "=?utf-8?", "=?utf-8?q",
                          "=?utf-8?q?", "=?utf-8?q?a", "=?utf-8?q?a?", "=?utf-8?q?a=", "a =? b ?="})
    CHECK(decode_header(bad) == bad);
  CHECK(decode_header("=?utf-8?q?=4?=") == "=4");
  CHECK(decode_header("=?utf-8?q?=?=") == "=");
  CHECK(decode_header("a\0b"s) == "a b");
  // Both must be linear: a start a hundred thousand times, with and without an end.
  std::string starts;
  for (int i = 0; i < 100000; ++i) starts += "=?utf-8?q?x";
  CHECK((decode_header(starts) == starts));
  CHECK(decode_header(starts + "?=").size() > 100000);
}

TEST_CASE("case folding") {
  CHECK(fold_case("ABCxyz019[]@") == "abcxyz019[]@");
  CHECK(fold_case("ÄÖÜß ÉÀÇ") == fold_case("äöüß éàç"));
  CHECK(fold_case("ΑΒΓ ΟΔΟΣ") == "αβγ οδοσ");
  CHECK(fold_case("οδος") == "οδοσ");
  CHECK(fold_case("ПРИВЕТ Ѐѐ Є") == fold_case("привет ѐѐ є"));
  CHECK(fold_case("ԱԲ") == "աբ");
  CHECK(fold_case("ＡＢＣ") == "ａｂｃ");
  CHECK(fold_case("Ÿ Ā Ǆ") == fold_case("ÿ ā ǆ"));
  CHECK(fold_case("日本") == "日本");
  CHECK(fold_case("\xff\xc3") == "\xff\xc3");  // not UTF-8: left alone
  CHECK(fold_case("ä") == "a\u0308");          // decomposed
  CHECK(fold_case("😀A") == "😀a");
}

TEST_CASE("only a letter with marks begins with ASCII when folded, and three signs") {
  for (char32_t c = 0x80; c < 0x30000; ++c) {
    if (c >= 0xd800 && c < 0xe000) continue;
    std::string s;
    dmail::append_utf8(s, c);
    const std::string folded = fold_case(s);
    REQUIRE(!folded.empty());
    const bool sign = c == 0x212a || c == 0x37e || c == 0x1fef;
    if (sign) continue;
    REQUIRE(folded.size() > 1);
    REQUIRE(dmail::is_8bit(folded[1]));
  }
}
