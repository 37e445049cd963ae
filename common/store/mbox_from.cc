#include "store/mbox_from.h"

#include <algorithm>

#include "base/ascii.h"
#include "base/text.h"
#include "io/clock.h"
#include "mail/mail_date.h"

namespace dmail::store {
namespace {

bool is_one_of(std::string_view word, std::string_view names) {
  if (word.size() != 3) return false;
  for (size_t i = 0; i < names.size(); i += 3)
    if (iequals(word, names.substr(i, 3))) return true;
  return false;
}

bool all_digits(std::string_view s) {
  for (char c : s)
    if (!is_digit(c)) return false;
  return !s.empty();
}

bool is_numeric_zone(std::string_view s) {
  return s.size() == 5 && (s[0] == '+' || s[0] == '-') && all_digits(s.substr(1));
}

bool is_zone(std::string_view s) {
  if (is_numeric_zone(s)) return true;
  if (s.empty() || s.size() > 5) return false;
  for (char c : s)
    if (!is_upper(c)) return false;
  return true;
}

// "hh:mm" or "hh:mm:ss"; the hour may have one digit.
bool is_time(std::string_view s) {
  std::string hour;
  if (s.size() == 4 || s.size() == 7) s = hour = concat('0', s);
  if (s.size() != 5 && s.size() != 8) return false;
  for (size_t i = 0; i < s.size(); ++i)
    if (i % 3 == 2 ? s[i] != ':' : !is_digit(s[i])) return false;
  return true;
}

std::string_view take_word(std::string_view& s) {
  while (!s.empty() && is_blank(s[0])) s.remove_prefix(1);
  size_t n = 0;
  while (n < s.size() && !is_blank(s[n])) ++n;
  const std::string_view word = s.substr(0, n);
  s.remove_prefix(n);
  return word;
}

constexpr std::string_view kDays = "MonTueWedThuFriSatSun";
constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";

// All of `s` is: [day ","] day-of-month month year time [zone] ["(" comment ")"].
std::optional<mail::MailDate> take_rfc5322(std::string_view s) {
  const std::string_view all = s;
  std::string_view word = take_word(s);
  if (word.ends_with(',')) {
    if (!is_one_of(word.substr(0, word.size() - 1), kDays)) return std::nullopt;
    word = take_word(s);
  }
  if (!all_digits(word) || word.size() > 2 || !is_one_of(take_word(s), kMonths))
    return std::nullopt;
  word = take_word(s);
  if (word.size() != 4 || !all_digits(word) || !is_time(take_word(s))) return std::nullopt;
  word = take_word(s);
  if (is_zone(word)) word = take_word(s);
  if (word.starts_with('(')) word = all.ends_with(')') ? std::string_view() : word;
  if (!word.empty()) return std::nullopt;
  return mail::parse_from_line_date(all);
}

// All of `s` is: day month day-of-month time [zone] year [zone] ["remote from" host].
std::optional<mail::MailDate> take_date(std::string_view s) {
  const std::string_view all = s;
  if (!is_one_of(take_word(s), kDays)) return take_rfc5322(all);
  if (!is_one_of(take_word(s), kMonths)) return std::nullopt;
  const std::string_view day = take_word(s);
  if (!all_digits(day) || day.size() > 2 || !is_time(take_word(s))) return std::nullopt;
  std::string_view word = take_word(s);
  if (is_zone(word)) word = take_word(s);
  if (word == "DST") word = take_word(s);
  if (word.size() != 4 || !all_digits(word)) return std::nullopt;
  word = take_word(s);
  if (is_zone(word)) word = take_word(s);
  if (word == "DST") word = take_word(s);
  if (word == "remote") {
    if (take_word(s) != "from" || take_word(s).empty()) return std::nullopt;
    word = take_word(s);
  }
  if (!word.empty()) return std::nullopt;
  return mail::parse_from_line_date(all);
}

}  // namespace

std::optional<FromLine> parse_from_line(std::string_view bytes) {
  if (!bytes.starts_with(kFromStart)) return std::nullopt;
  const size_t end = bytes.substr(0, kMaxFromLine).find('\n');
  if (end == bytes.npos) return std::nullopt;
  std::string_view line = bytes.substr(0, end);
  if (line.ends_with('\r')) line.remove_suffix(1);
  std::string_view rest = line.substr(kFromStart.size());
  constexpr size_t asctime_size = 24;
  if (rest.size() > asctime_size && is_blank(rest[rest.size() - asctime_size - 1])) {
    const std::string_view sender = rest.substr(0, rest.size() - asctime_size);
    if (const auto date = mail::parse_asctime(rest.substr(sender.size())))
      return FromLine{end + 1, trim(sender), date->seconds, date->zone_minutes, date->zoned};
  }
  // The sender may hold blanks: the date begins at the first word from which it can be read.
  for (;;) {
    while (!rest.empty() && is_blank(rest[0])) rest.remove_prefix(1);
    if (rest.empty()) return std::nullopt;
    if (const auto date = take_date(rest)) {
      const size_t sender = line.size() - rest.size();
      return FromLine{end + 1, trim(line.substr(kFromStart.size(), sender - kFromStart.size())),
                      date->seconds, date->zone_minutes, date->zoned};
    }
    take_word(rest);
  }
}

void read_as_local_time(FromLine& line) {
  if (line.zoned) return;
  // The offset of the moment meant; what the offset at the same time of UTC is leads there.
  const int64_t guess = line.seconds - int64_t{local_zone_minutes(line.seconds)} * 60;
  line.zone_minutes = local_zone_minutes(guess);
  line.seconds = std::max<int64_t>(line.seconds - int64_t{line.zone_minutes} * 60, 0);
  line.zoned = true;
}

std::string format_from_line(std::string_view sender, int64_t seconds) {
  std::string out(kFromStart);
  for (char c : sender.substr(0, kMaxFromSender))
    out.push_back(c == ' ' || is_control(c) ? '_' : c);
  if (sender.empty()) out += "MAILER-DAEMON";
  out += ' ';
  out += mail::format_from_line_date({seconds, 0});
  out += '\n';
  return out;
}

}  // namespace dmail::store
