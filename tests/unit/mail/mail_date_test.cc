#include "mail/mail_date.h"

#include <catch2/catch.hpp>
#include <limits>

using namespace dmail::mail;

namespace {

int64_t seconds(std::string_view date) {
  const auto d = parse_date(date);
  return d ? d->seconds : -1;
}
int zone(std::string_view date) {
  const auto d = parse_date(date);
  return d ? d->zone_minutes : -1;
}
std::string imap(const MailDate& date) {
  std::string out;
  append_imap_date_time(out, date);
  return out;
}

}  // namespace

TEST_CASE("days_from_civil") {
  CHECK(days_from_civil(1970, 1, 1) == 0);
  CHECK(days_from_civil(2000, 3, 1) == 11017);
  CHECK(days_from_civil(1969, 12, 31) == -1);
  CHECK(days_from_civil(9999, 12, 31) == 2932896);
}

TEST_CASE("RFC 5322 dates") {
  CHECK(seconds("Wed, 16 Aug 2000 14:11:15 +1200 (NZST)") == 966391875);
  CHECK(zone("Wed, 16 Aug 2000 14:11:15 +1200 (NZST)") == 720);
  CHECK(seconds("16 Aug 2000 02:11:15 GMT") == 966391875);
  CHECK(seconds("16 Aug 2000 02:11 -0000") == 966391860);
  CHECK(seconds(" Wed,16\r\n Aug (a (nested\\)) one) 2000\t02 : 11 : 15 ") == 966391875);
  CHECK(seconds("Tue, 15 Aug 2000 22:11:15 EDT") == 966391875);
  CHECK(zone("Tue, 15 Aug 2000 22:11:15 PST") == -480);
  CHECK(zone("Tue, 15 Aug 2000 22:11:15 Z") == 0);
  CHECK(seconds("Tue, 15-Aug-00 22.11.15 -0400") == 966391875);
  CHECK(seconds("Thursday, 1 January 1970 00:00:00 +0000") == 0);
  CHECK(seconds("31 Dec 1998 23:59:60 +0000") == 915148800);
}

TEST_CASE("asctime dates in a Date field") {
  CHECK(seconds("Wed Aug 16 02:11:15 2000") == 966391875);
  CHECK(seconds("Wed Aug 16 14:11:15 2000 +1200") == 966391875);
  CHECK(seconds("Tue Aug 15 22:11:15 EDT 2000") == 966391875);
}

TEST_CASE("M17: bad and odd dates") {
  CHECK_FALSE(parse_date("Fri, 31 Feb 99999 25:61:61 +9999"));
  CHECK_FALSE(parse_date("Fri, 31 Feb 2000 10:00:00 +0000"));
  CHECK_FALSE(parse_date("29 Feb 1900 10:00:00 +0000"));
  CHECK(parse_date("29 Feb 2000 10:00:00 +0000"));
  CHECK(seconds("1 Jan 0000 00:00:00 +0000") == -62167219200);
  CHECK_FALSE(parse_date("0 Jan 2000 00:00:00 +0000"));
  CHECK_FALSE(parse_date("1 Jan 2000 24:00:00 +0000"));
  CHECK(seconds("1 Jan 1969 00:00:00 +0000") == -365 * 86400);
  CHECK_FALSE(parse_date("1 Foo 2000 00:00:00 +0000"));
  CHECK_FALSE(parse_date(""));
  CHECK_FALSE(parse_date("((((("));
  CHECK_FALSE(parse_date("Mon"));
  CHECK_FALSE(parse_date("Mon, 1"));
  CHECK_FALSE(parse_date("99999999999999999999 Jan 2000 00:00"));
  CHECK_FALSE(parse_date(std::string(100000, '(')));
  CHECK(seconds("19 Jan 2038 03:14:08 +0000") == 2147483648);
  CHECK(seconds("7 Feb 2106 06:28:16 +0000") == 4294967296);
  CHECK(seconds("31 Dec 9999 23:59:59 +0000") == 253402300799);
  CHECK(seconds("1 Jan 49 00:00:00 +0000") == 2493072000);  // 2049
  CHECK(seconds("1 Jan 98 00:00:00 +0000") == 883612800);   // 1998
  CHECK(seconds("1 Jan 100 00:00:00 +0000") == 946684800);  // 2000, as 1900 + 100
  CHECK(seconds("1 Jan 2000 00:00:00 -0730") == 946684800 + 27000);
  CHECK(zone("1 Jan 2000 00:00:00 +9999") == 0);  // no such zone: taken for UTC
  CHECK(zone("1 Jan 2000 00:00:00 +12") == 0);
}

TEST_CASE("From_ line dates") {
  const auto plain = parse_from_line_date("Sat Dec 26 09:37:48 1998");
  REQUIRE(plain);
  CHECK(plain->seconds == 914665068);
  CHECK_FALSE(plain->zoned);
  CHECK(parse_from_line_date("Wed Dec 31 19:00:00 1969")->seconds == 0);
  CHECK(parse_from_line_date("Sat Dec  6 09:37 1998"));
  CHECK(parse_from_line_date("Sat Dec 26 01:37:48 PST 1998")->seconds == 914665068);
  CHECK(parse_from_line_date("Sat Dec 26 10:37:48 1998 +0100")->zone_minutes == 60);
  CHECK_FALSE(parse_from_line_date("Sat Dec 26"));
  CHECK_FALSE(parse_from_line_date("here you find 1:2"));
}

TEST_CASE("asctime dates are read alike on the fast way") {
  for (int64_t t = 0; t < 253402300800; t += 40 * 86400 + 3607) {
    const std::string s = format_from_line_date({t, 0});
    const auto fast = parse_asctime(s), slow = parse_from_line_date(s);
    REQUIRE(fast);
    REQUIRE(slow);
    CHECK(fast->seconds == t);
    CHECK(slow->seconds == t);
    CHECK(fast->zoned == slow->zoned);
  }
  CHECK(parse_asctime("Wed Dec 31 19:00:00 1969")->seconds == 0);
  CHECK(parse_asctime("Sat Dec  6 09:37:48 1998"));
  // Values that cannot be are the nearest that can, on both ways.
  for (const char* odd : {"Sat Dec 32 09:37:48 1998", "Sat Dec 26 24:37:48 1998",
                          "Sat Feb 29 09:60:99 1998", "Sat Dec  0 09:37:48 1998"})
    CHECK(parse_asctime(odd)->seconds == parse_from_line_date(odd)->seconds);
  CHECK(parse_asctime("Sat Dec 32 09:37:48 1998")->seconds == 915097068);
  for (const char* other :
       {"Sat Dec  6 09:37 1998", "sat Dec 26 09:37:48 1998", "Sat Dex 26 09:37:48 1998",
        "Sat Dec 26 09:37:4x 1998", "Sat Dec x6 09:37:48 1998", "Sat Dec 26 09.37:48 1998",
        "Sat Dec 2  09:37:48 1998", "Sat Dec 26 09:37:48 +199", " at Dec 26 09:37:48 1998",
        "Sat Dec 26 09:37:48 19 8"})
    CHECK_FALSE(parse_asctime(other));
}

TEST_CASE("IMAP date-time is strict") {
  const auto d = parse_imap_date_time("17-Jul-1996 02:44:25 -0700");
  REQUIRE(d);
  CHECK(d->seconds == 837596665);
  CHECK(d->zone_minutes == -420);
  CHECK(imap(*d) == "17-Jul-1996 02:44:25 -0700");
  CHECK(parse_imap_date_time(" 1-jul-1996 02:44:25 +0000"));
  CHECK(parse_imap_date_time("1-Jul-1996 02:44:25 +0000"));
  // Before 1970: the nearest date that can be kept.
  CHECK(parse_imap_date_time("17-Jul-1969 02:44:25 +0000")->seconds == 0);
  CHECK(parse_imap_date_time("30-Dec-1899 00:00:00 +0530")->seconds == 0);
  CHECK(parse_imap_date_time("31-Dec-1969 16:00:00 -0800")->seconds == 0);
  CHECK(parse_imap_date_time("01-Jan-1970 00:00:00 +0100")->seconds == 0);
  for (const char* bad :
       {"", "17-Jul-1996", "17-Jul-1996 02:44:25 -0760", "17-Jul-1996 02:44:25 -2400",
        "31-Feb-1996 02:44:25 +0000", "17-Jul-1996 02:44:25 +000x", "17-Jul-1996 02:44:25 00000",
        "-1-Jul-1996 02:44:25 +0000", "117-Jul-996 02:44:25 +0000", "17-Xxx-1996 02:44:25 +0000",
        "17-Jul-1996 02:44:25 +00000"})
    CHECK_FALSE(parse_imap_date_time(bad));
}

TEST_CASE("dates are written") {
  CHECK(format_date({966391875, 720}) == "Wed, 16 Aug 2000 14:11:15 +1200");
  CHECK(format_date({0, -450}) == "Wed, 31 Dec 1969 16:30:00 -0730");
  CHECK(format_from_line_date({914665068, -480}) == "Sat Dec 26 09:37:48 1998");
  CHECK(format_from_line_date({0, 0}) == "Thu Jan  1 00:00:00 1970");
  CHECK(imap({0, 0}) == " 1-Jan-1970 00:00:00 +0000");
}

TEST_CASE("writing survives any value and keeps its width") {
  constexpr auto big = std::numeric_limits<int64_t>::max();
  for (const int64_t s : {big, -big, int64_t{253402300799}, int64_t{-62167219200}})
    for (const int z : {0, 1439, -1439, 1 << 30, -(1 << 30)}) {
      CHECK(imap({s, z}).size() == 26);
      CHECK(format_from_line_date({s, z}).size() == 24);
      CHECK_FALSE(format_date({s, z}).empty());
    }
}

TEST_CASE("what is written reads back") {
  for (int64_t s = 0; s < 200000000000; s += 1234567891) {
    const MailDate d{s, static_cast<int>(s % 1400) - 700};
    if (s + d.zone_minutes * 60 < 0) continue;
    CHECK(parse_date(format_date(d))->seconds == s);
    CHECK(parse_from_line_date(format_from_line_date(d))->seconds == s);
    CHECK(parse_imap_date_time(imap(d))->seconds == s);
    CHECK(parse_imap_date_time(imap(d))->zone_minutes == d.zone_minutes);
  }
}
