#include <catch2/catch.hpp>

#include "base/ascii.h"
#include "base/base64.h"
#include "base/crc32.h"
#include "base/number.h"
#include "base/text.h"
#include "base/uid_set.h"
#include "base/utf7.h"

using namespace dmail;

TEST_CASE("byte classes hold for all 256 values") {
  for (int i = 0; i < 256; ++i) {
    const char c = static_cast<char>(i);
    CHECK(is_digit(c) == (i >= '0' && i <= '9'));
    CHECK(is_control(c) == (i < 32 || i == 127));
    CHECK(is_8bit(c) == (i >= 128));
    CHECK(is_graph(c) == (i > 32 && i < 127));
  }
}

TEST_CASE("numbers are checked") {
  CHECK(parse_u32("4294967295") == 4294967295u);
  CHECK_FALSE(parse_u32("4294967296"));
  CHECK_FALSE(parse_u32(""));
  CHECK_FALSE(parse_u32("-1"));
  CHECK_FALSE(parse_u32(" 1"));
  CHECK(parse_u64("18446744073709551615") == 18446744073709551615ull);
  CHECK_FALSE(parse_u64("18446744073709551616"));
  // A limit below the last digit.
  CHECK_FALSE(parse_u64("3", 2));
  CHECK_FALSE(parse_u64("9", 0));
  CHECK(parse_u64("2", 2) == 2u);
  CHECK_FALSE(parse_u64("25", 24));
  CHECK(parse_hex("ffFF") == 0xffffu);
  CHECK_FALSE(parse_hex("fg"));
}

TEST_CASE("base64 round trip and strictness") {
  for (size_t n = 0; n < 70; ++n) {
    std::string s;
    for (size_t i = 0; i < n; ++i) s.push_back(static_cast<char>(i * 37));
    CHECK(base64_decode(base64_encode(s)) == s);
  }
  CHECK_FALSE(base64_decode("A==="));
  CHECK_FALSE(base64_decode("AB=C"));
  CHECK_FALSE(base64_decode("A"));
  CHECK_FALSE(base64_decode("AB=="));  // spare bits are not zero
  CHECK_FALSE(base64_decode("!!!!"));
}

TEST_CASE("modified UTF-7 is canonical both ways") {
  CHECK(utf7_encode("Entw\xc3\xbcrfe") == "Entw&APw-rfe");
  CHECK(utf7_decode("Entw&APw-rfe") == "Entw\xc3\xbcrfe");
  CHECK(utf7_decode("~peter/mail/&U,BTFw-/&ZeVnLIqe-") ==
        "~peter/mail/\xe5\x8f\xb0\xe5\x8c\x97/\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e");
  CHECK(utf7_decode("a&-b") == "a&b");
  CHECK(utf7_encode("a&b") == "a&-b");
  for (const char* bad : {"&", "&-&", "&AAA-", "&AC8-", "&2D0-", "a&APw", "&APw-&APw-", "caf\xe9"})
    CHECK_FALSE(utf7_decode(bad));
  CHECK_FALSE(utf7_encode("\xff"));
  CHECK_FALSE(is_utf8("\xed\xa0\x80"));
  CHECK_FALSE(is_utf8("\xc0\xaf"));
}

TEST_CASE("sequence sets are normalised and bounded") {
  CHECK(UidSet::parse("5,1:3,2:4", 10)->to_string() == "1:5");
  CHECK(UidSet::parse("*", 7)->to_string() == "7");
  CHECK(UidSet::parse("9:*", 7)->to_string() == "7:9");
  CHECK(UidSet::parse("4294967295:1", 7)->count() == 4294967295ull);
  for (const char* bad : {"", "0", "1,", ",1", "1:", ":1", "4294967296", "a", "1::2", "01"})
    CHECK_FALSE(UidSet::parse(bad, 7));
  CHECK(UidSet::parse("*", 0)->empty());
  UidSet s;
  for (uint32_t i = 1; i <= 5; ++i) s.add(i);
  s.add(9);
  CHECK(s.to_string() == "1:5,9");
  CHECK(s.contains(3));
  CHECK_FALSE(s.contains(6));
}

TEST_CASE("wildcards and escapes") {
  CHECK(wildcard_match("1.2.3.*", "1.2.3.44"));
  CHECK_FALSE(wildcard_match("1.2.3.*", "1.2.4.4"));
  CHECK(wildcard_match("*%*%*", "a%b%c"));
  CHECK(escaped("a\r\n\"\\") == "a\\x0d\\x0a\\\"\\\\");
  CHECK(crc32("123456789") == 0xcbf43926u);
}
