// Any bytes as a date of each kind: what is read can be written, and reads back the same.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "mail/mail_date.h"

using namespace dmail::mail;

namespace {

void check(const std::optional<MailDate>& date) {
  if (!date) return;
  std::string text;
  append_imap_date_time(text, *date);
  if (text.size() != 26) std::abort();
  const auto imap = parse_imap_date_time(text);
  if (!imap || imap->seconds != std::max<int64_t>(date->seconds, 0) ||
      imap->zone_minutes != date->zone_minutes)
    std::abort();
  if (date->seconds < 0) return;  // what is before 1970 is only compared with
  const auto mail = parse_date(format_date(*date));
  if (!mail || mail->seconds != date->seconds) std::abort();
  if (date->seconds > 253402300799) return;  // another year in UTC
  const auto line = parse_from_line_date(format_from_line_date(*date));
  if (!line || line->seconds != date->seconds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view s(reinterpret_cast<const char*>(data), size);
  check(parse_date(s));
  check(parse_from_line_date(s));
  check(parse_imap_date_time(s));
  return 0;
}
