// Dates of mail: RFC 5322 date-time (with the obsolete forms), the asctime date of a From_ line,
// and IMAP's date-time.  All arithmetic is checked; years 0 to 9999.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace dmail::mail {

struct MailDate {
  int64_t seconds = 0;   // since 1970-01-01 UTC
  int zone_minutes = 0;  // east of UTC
  bool zoned = true;     // false: it does not say (then read as UTC)
};

// Days since 1970-01-01 of a proleptic Gregorian date.
int64_t days_from_civil(int year, int month, int day);

std::optional<MailDate> parse_date(
    std::string_view value);  // "Wed, 16 Aug 2000 14:11:15 +1200 (NZST)"
std::optional<MailDate> parse_from_line_date(
    std::string_view s);  // "Sat Dec 26 09:37:48 1998", zone optional; never before 1970
// Only the 24 octets that asctime writes, without a zone; as the one above reads them, but fast.
std::optional<MailDate> parse_asctime(std::string_view s);
std::optional<MailDate> parse_imap_date_time(
    std::string_view s);  // "17-Jul-1996 02:44:25 -0700" (day may be " 1"); never before 1970
std::string format_date(const MailDate& date);                       // RFC 5322
std::string format_from_line_date(const MailDate& date);             // asctime, in UTC
void append_imap_date_time(std::string& out, const MailDate& date);  // 26 octets, without quotes

}  // namespace dmail::mail
