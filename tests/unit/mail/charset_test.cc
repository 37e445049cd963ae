#include <iconv.h>
#include <catch2/catch.hpp>

#include <algorithm>
#include <array>
#include <vector>

#include "base/utf7.h"
#include "mail/decode.h"
#include "mail/utf8_walk.h"

using namespace dmail::mail;
using namespace std::string_literals;

namespace {

// The host's own converter, to compare with; one that the host does not have is said, not passed
// by.
class Iconv {
 public:
  explicit Iconv(const char* charset) : handle_(iconv_open("UTF-8", charset)) {}
  Iconv(const Iconv&) = delete;
  Iconv& operator=(const Iconv&) = delete;
  ~Iconv() {
    if (known()) iconv_close(handle_);
  }
  [[nodiscard]] bool known() const { return handle_ != reinterpret_cast<iconv_t>(-1); }
  // Empty when the octets are no whole text.
  std::string operator()(std::string octets) {
    iconv(handle_, nullptr, nullptr, nullptr, nullptr);
    std::array<char, 64> buffer;
    char* from = octets.data();
    size_t left = octets.size();
    char* to = buffer.data();
    size_t room = buffer.size();
    if (iconv(handle_, &from, &left, &to, &room) == static_cast<size_t>(-1) || left != 0) return {};
    iconv(handle_, nullptr, nullptr, &to, &room);
    return std::string(buffer.data(), buffer.size() - room);
  }

 private:
  iconv_t handle_;
};

std::string octets(std::initializer_list<unsigned> values) {
  std::string out;
  for (const unsigned v : values) out += static_cast<char>(v);
  return out;
}

// Every pair of octets, behind `before` and in front of `after`, reads as the host reads it.  What
// the tables of Windows and of the standards tell apart is equal when folded.  Gives how many the
// host has, and how many of them read otherwise.
std::pair<int, int> compare_pairs(const char* charset, const char* host, unsigned first,
                                  unsigned last, const std::string& before = {},
                                  const std::string& after = {}) {
  Iconv known(host);
  if (!known.known()) {
    WARN("this host's iconv has no " << host << ": not compared");
    return {1000000, 0};
  }
  int count = 0;
  int other = 0;
  for (unsigned lead = first; lead <= last; ++lead)
    for (unsigned trail = 0x21; trail <= last; ++trail) {
      const std::string text = before + octets({lead, trail}) + after;
      const std::string expected = known(text);
      // One character, which is not for private use: some take a first octet that has none for a
      // control character.
      if (expected.empty() || utf8_sequence(expected).size() != expected.size()) continue;
      const char32_t c = utf8_character(expected);
      if (c >= 0xe000 && c <= 0xf8ff) continue;
      ++count;
      const std::string read = to_utf8(text, charset);
      if (read == expected || fold_case(read) == fold_case(expected)) continue;
      ++other;
      UNSCOPED_INFO(charset << ' ' << std::hex << lead << ' ' << trail << ": " << read
                            << ", the host's: " << expected);
    }
  return {count, other};
}

}  // namespace

TEST_CASE("pairs of octets read as the host's iconv reads them") {
  struct Row {
    const char *charset, *host;
    int least, other;  // pairs; and those that differ: signs of Big5 that Hong Kong reads otherwise
  };
  for (const Row& row :
       {Row{"shift_jis", "CP932", 7000, 0}, Row{"euc-jp", "EUC-JP-MS", 6000, 0},
        Row{"gb2312", "EUC-CN", 7000, 0}, Row{"gbk", "GBK", 20000, 0},
        Row{"gb18030", "GB18030", 20000, 0}, Row{"big5", "BIG5", 13000, 0},
        Row{"big5-hkscs", "BIG5-HKSCS", 17000, 12}, Row{"euc-kr", "EUC-KR", 8000, 0},
        Row{"ks_c_5601-1987", "UHC", 17000, 0}}) {
    INFO(row.charset);
    const auto [count, other] = compare_pairs(row.charset, row.host, 0x81, 0xfe);
    CHECK(count > row.least);
    CHECK(other <= row.other);
  }
}

TEST_CASE("ISO-2022 and HZ read as the host's iconv reads them") {
  const auto check = [](const char* charset, const char* host, const std::string& before,
                        const std::string& after, int least) {
    INFO(charset);
    const auto [count, other] = compare_pairs(charset, host, 0x21, 0x7e, before, after);
    CHECK(count > least);
    CHECK(other <= 1);  // the tilde of JIS X 0212, for which Windows has a sign of its own
  };
  check("iso-2022-jp", "ISO-2022-JP", "\x1b$B", "\x1b(B", 6000);
  check("iso-2022-jp-1", "ISO-2022-JP-2", "\x1b$(D", "\x1b(B", 6000);
  check("iso-2022-jp-2", "ISO-2022-JP-2", "\x1b$A", "\x1b(B", 7000);
  check("iso-2022-jp-2", "ISO-2022-JP-2", "\x1b$(C", "\x1b(B", 8000);
  check("iso-2022-kr", "ISO-2022-KR", "\x1b$)C\x0e", "\x0f", 8000);
  check("iso-2022-cn", "ISO-2022-CN", "\x1b$)A\x0e", "\x0f", 7000);
}

TEST_CASE("GB 18030 in four octets") {
  Iconv known("GB18030");
  if (!known.known()) WARN("this host's iconv has no GB18030: not compared");
  int count = 0;
  for (unsigned a = 0x81; known.known() && a <= 0xe3; ++a)
    for (unsigned b = 0x30; b <= 0x39; ++b)
      for (unsigned c = 0x81; c <= 0xfe; ++c)
        for (unsigned d = 0x30; d <= 0x39; ++d) {
          if (a > 0x84 && (a * b * c * d) % 61 != 0)
            continue;  // beyond the basic plane all is linear
          const std::string text = octets({a, b, c, d});
          const std::string expected = known(text);
          if (expected.empty()) continue;
          ++count;
          if (to_utf8(text, "gb18030") != expected) FAIL_CHECK(std::hex << a << b << c << d);
        }
  CHECK((count > 39000 || !known.known()));
  CHECK(to_utf8("\x90\x30\x81\x30", "gb18030") == "\xf0\x90\x80\x80");
  CHECK(to_utf8("\xfe\x39\xfe\x39", "gb18030") == "\xef\xbf\xbd");
}

TEST_CASE("single octets read as the host's iconv reads them") {
  struct Row {
    const char *charset, *host;
  };
  for (const Row& row :
       {Row{"cp-850", "CP850"}, Row{"ibm437", "CP437"}, Row{"IBM866", "CP866"},
        Row{"cp852", "CP852"}, Row{"cp-858", "CP858"}, Row{"ibm775", "CP775"},
        Row{"viscii", "VISCII"}, Row{"koi8-t", "KOI8-T"}, Row{"hp-roman8", "HP-ROMAN8"},
        Row{"koi8-u", "KOI8-U"}, Row{"iso-8859-2", "ISO-8859-2"}, Row{"iso-8859-16", "ISO-8859-16"},
        Row{"tis-620", "TIS-620"}, Row{"windows-1250", "CP1250"}, Row{"windows-1251", "CP1251"}}) {
    Iconv known(row.host);
    if (!known.known()) {
      WARN("this host's iconv has no " << row.host << ": not compared");
      continue;
    }
    for (unsigned c = 0x80; c <= 0xff; ++c) {
      const std::string expected = known(octets({c}));
      INFO(row.charset << ' ' << c);
      if (!expected.empty()) CHECK(to_utf8(octets({c}), row.charset) == expected);
    }
  }
}

TEST_CASE("forms of Unicode") {
  CHECK(to_utf8("Hi Mom -+Jjo--!", "utf-7") == "Hi Mom -☺-!");
  CHECK(to_utf8("+ZeVnLIqe-", "UTF-7") == "日本語");
  CHECK(to_utf8("Item 3 is +AKM-1.", "unicode-1-1-utf-7") == "Item 3 is £1.");
  CHECK(to_utf8("1 +- 1, +2D3eAA, + x", "utf-7") == "1 + 1, 😀, + x");
  CHECK(to_utf8("+AOQ", "utf-7") == "ä");
  CHECK(to_utf8("+2D0-", "utf-7") == "\xef\xbf\xbd");
  CHECK(to_utf8("\xfe\xff\0a\xd8\x3d\xde\0"s, "utf-16") == "a😀");
  CHECK(to_utf8("\xff\xfe"
                "a\0"s,
                "utf-16") == "a");
  CHECK(to_utf8("a\0\xde\0"s, "utf-16le") == "aÞ");
  CHECK(to_utf8("\0a\xdc\0"s, "utf-16be") == "a\xef\xbf\xbd");
  CHECK(to_utf8("\0\0\0a\0\1\xf6\0"s, "utf-32") == "a😀");
  CHECK(to_utf8("\0\0\0a\0\x11\0\0"s, "utf-32be") == "a\xef\xbf\xbd");
  CHECK(to_utf8("a\0\0\0b"s, "utf-32le") == "a\xef\xbf\xbd");
}

TEST_CASE("what bad senders write in charsets of two octets") {
  // A bad first octet, or one at the end, swallows no ASCII.
  CHECK(to_utf8("\x81<a>", "gbk") == "\xef\xbf\xbd<a>");
  CHECK(to_utf8("\xe3\"x\x81", "shift_jis") == "\xef\xbf\xbd\"x\xef\xbf\xbd");
  CHECK(to_utf8("\xa4\r\n\x8f\xa2", "euc-jp") == "\xef\xbf\xbd\r\n\xef\xbf\xbd\xef\xbf\xbd");
  // Escape sequences that nobody closed end with the line.
  CHECK(to_utf8("\x1b$B2q5D\r\nplain", "iso-2022-jp") == "会議\r\nplain");
  CHECK(to_utf8("\x0e"
                "H8\nx",
                "iso-2022-kr") == "회\nx");
  CHECK(to_utf8("~{;aRi\nab ~~", "hz-gb-2312") == "会议\nab ~");
  CHECK(to_utf8("\x1b$B2q5", "iso-2022-jp") == "会\xef\xbf\xbd");
  CHECK(to_utf8("\x1b(I1\x1b(J\\\x1b.A\x1bNd", "iso-2022-jp-2") == "ｱ\\ä");
  CHECK(to_utf8("\x1b", "iso-2022-jp") == "\x1b");
  // GBK under the name of GB 2312, Windows-949 under that of KS C 5601.
  CHECK(to_utf8("\x96\x7c", "gb2312") == to_utf8("\x96\x7c", "gbk"));
  CHECK(to_utf8("\x81\x41", "ks_c_5601-1987") == "갂");
}

TEST_CASE("names of charsets as they are sent") {
  for (const char* name : {"shift-jis",
                           "x-sjis",
                           "Shift_JIS",
                           "windows-31j",
                           "cp932",
                           "csShiftJIS",
                           "ISO-2022-JP",
                           "iso-2022-jp-ms",
                           "x-euc-jp",
                           "EUC-JP",
                           "ujis",
                           "gb2312",
                           "GB_2312-80",
                           "x-gbk",
                           "gb18030",
                           "hz-gb-2312",
                           "big5",
                           "Big5-HKSCS",
                           "cn-big5",
                           "x-big5",
                           "euc-kr",
                           "ks_c_5601-1987",
                           "KSC5601",
                           "cp949",
                           "x-windows-949",
                           "iso-2022-kr",
                           "iso-2022-cn",
                           "unicode-1-1-utf-7",
                           "utf-7",
                           "utf-16le",
                           "cp-850",
                           "IBM850",
                           "cp866",
                           "macintosh",
                           "x-mac-roman",
                           "x-mac-cyrillic",
                           "koi8-u",
                           "tis-620",
                           "utf8mb4",
                           "win-1251",
                           "KS_C_5601-1987*ko"})
    CHECK(charset_known(name));
  std::string_view names = charset_names();
  int count = 0;
  while (!names.empty()) {
    const std::string_view name = names.substr(0, names.find(' '));
    INFO(name);
    CHECK(charset_known(name));
    names.remove_prefix(std::min(names.size(), name.size() + 1));
    ++count;
  }
  CHECK(count > 50);
  CHECK(charset_shape("GB2312") == CharsetShape::Paired);
  CHECK(charset_shape("iso-2022-jp") == CharsetShape::Shifted);
  CHECK(charset_shape("utf-8") == CharsetShape::Plain);
  CHECK(charset_shape("utf-16") == CharsetShape::Shifted);
}

TEST_CASE("folding twice is folding once, for every character") {
  for (char32_t c = 1; c < 0x110000; ++c) {
    if (c == 0xd800) c = 0xe000;
    std::string text;
    dmail::append_utf8(text, c);
    const std::string folded = fold_case(text);
    if (fold_case(folded) != folded || !dmail::is_utf8(folded) || folded.size() > 4 * text.size())
      FAIL_CHECK("U+" << std::hex << static_cast<uint32_t>(c));
  }
}

TEST_CASE("letters are equal whichever way they are written") {
  const std::vector<std::pair<const char*, const char*>> same = {
      {"Müller", "mu\u0308ller"},
      {"\u212b", "å"},
      {"한국", "\u1112\u1161\u11ab\u1100\u116e\u11a8"},
      {"ệ", "e\u0302\u0323"},
      {"ệ", "e\u0323\u0302"},
      {"が", "か\u3099"},
      {"ΐ", "ι\u0308\u0301"},
      {"\u2126", "ω"},
      {"Ǖ", "U\u0308\u0304"},
      {"й", "И\u0306"},
      {"〜", "～"},
  };
  for (const auto& [one, other] : same) CHECK(fold_case(one) == fold_case(other));
  CHECK(fold_case("e\u0302\u0301") !=
        fold_case("e\u0301\u0302"));  // marks of one class keep their order
}
