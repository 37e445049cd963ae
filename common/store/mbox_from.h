// The From_ line that begins every message of an mbox file: "From " sender, blank, a date as
// asctime writes it.
//
// A line is taken for one only when it has the form: day and month names, a day and time of digits
// (Nov 31 is as good as Nov 30: the line is a mark), a year of four digits, then at most a time
// zone or "remote from HOST", or a date as RFC 5322 has it; at most kMaxFromLine bytes with its
// line end. Inside foreign mail an empty line must precede it, too (mbox_scan.cc): agents write
// one, and a letter that quotes a From_ line in the middle of a paragraph does not fall in two.
// Whatever we store has every line that begins "From " quoted.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace dmail::store {

inline constexpr size_t kMaxFromLine = 1024;
inline constexpr size_t kMaxFromSender = 320;
inline constexpr std::string_view kFromStart = "From ";

struct FromLine {
  size_t length = 0;  // with its line end
  std::string_view sender;
  int64_t seconds = 0;  // 0 for what is before 1970
  int zone_minutes = 0;
  bool zoned = true;  // false: no zone is said, and `seconds` are as if it were UTC
};

// The From_ line at the front of `bytes`; nullopt when there is none, or its line end is not there.
std::optional<FromLine> parse_from_line(std::string_view bytes);
// What a line without a zone means where another agent wrote it: local time.
void read_as_local_time(FromLine& line);
// Blanks and control bytes of `sender` become '_'; empty: MAILER-DAEMON.  Date in UTC; with LF.
std::string format_from_line(std::string_view sender, int64_t seconds);

}  // namespace dmail::store
