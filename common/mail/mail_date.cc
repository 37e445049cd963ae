#include "mail/mail_date.h"

#include <algorithm>
#include <array>

#include "base/ascii.h"
#include "base/number.h"
#include "base/text.h"

namespace dmail::mail {

namespace {

constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
constexpr std::array<std::string_view, 7> kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr int64_t kDaySeconds = 86400;
constexpr int kMaxComment = 100;  // nested parentheses in a date

struct NamedZone {
  std::string_view name;
  int minutes;
};
// RFC 5322 section 4.3, and what Unix systems write.  Other names, the military letters among them,
// say nothing.
constexpr NamedZone kZones[] = {
    {"UT", 0},      {"UTC", 0},    {"GMT", 0},    {"EDT", -240}, {"EST", -300}, {"CDT", -300},
    {"CST", -360},  {"MDT", -360}, {"MST", -420}, {"PDT", -420}, {"PST", -480}, {"AKDT", -480},
    {"AKST", -540}, {"HST", -600}, {"ADT", -180}, {"AST", -240}, {"NDT", -150}, {"NST", -210},
    {"WET", 0},     {"WEST", 60},  {"BST", 60},   {"CET", 60},   {"CEST", 120}, {"MET", 60},
    {"MEZ", 60},    {"MEST", 120}, {"MESZ", 120}, {"EET", 120},  {"EEST", 180}, {"MSK", 180},
    {"SAST", 120},  {"JST", 540},  {"KST", 540},  {"HKT", 480},  {"SGT", 480},  {"AWST", 480},
    {"ACST", 570},  {"ACDT", 630}, {"AEST", 600}, {"AEDT", 660}, {"NZST", 720}, {"NZDT", 780}};

struct Civil {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
};

int month_days(int year, int month) {
  constexpr std::array<int, 12> days = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  return month == 2 && leap ? 29 : days[static_cast<size_t>(month - 1)];
}

Civil civil_from_seconds(int64_t seconds) {
  const int64_t days = (seconds >= 0 ? seconds : seconds - (kDaySeconds - 1)) / kDaySeconds;
  const int of_day = static_cast<int>(seconds - days * kDaySeconds);
  // Years begin in March here, so that the leap day comes last; 146097 days make 400 years.
  const int64_t z = days + 719468;
  const int64_t era = (z >= 0 ? z : z - 146096) / 146097;
  const int doe = static_cast<int>(z - era * 146097);
  const int yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
  const int doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
  const int mp = (5 * doy + 2) / 153;
  Civil c;
  c.day = doy - (153 * mp + 2) / 5 + 1;
  c.month = mp < 10 ? mp + 3 : mp - 9;
  c.year = static_cast<int>(era * 400) + yoe + (c.month <= 2 ? 1 : 0);
  c.hour = of_day / 3600;
  c.minute = of_day / 60 % 60;
  c.second = of_day % 60;
  return c;
}

// Local time as written, keeping what is printed within four digits of a year.
Civil local_civil(const MailDate& date) {
  constexpr int64_t first = -62167219200;  // year 0
  constexpr int64_t last = 253402300799;   // end of year 9999
  const int64_t seconds = std::clamp(date.seconds, first, last) + int64_t{date.zone_minutes} * 60;
  return civil_from_seconds(std::clamp(seconds, first, last));
}

std::optional<MailDate> make_date(const Civil& c, int zone_minutes) {
  if (c.year < 0 || c.year > 9999 || c.month < 1 || c.month > 12 || c.day < 1 ||
      c.day > month_days(c.year, c.month) || c.hour > 23 || c.minute > 59 || c.second > 60)
    return std::nullopt;
  MailDate date;
  date.zone_minutes = zone_minutes;
  date.seconds = days_from_civil(c.year, c.month, c.day) * kDaySeconds + c.hour * 3600 +
                 c.minute * 60 + c.second - zone_minutes * 60;
  return date;
}

// The From_ line's date is a mark, its value of no weight: Nov 31 and 25 o'clock are the nearest
// that there are.
Civil nearest(Civil c) {
  if (c.month < 1 || c.month > 12) return c;
  c.day = std::clamp(c.day, 1, month_days(c.year, c.month));
  c.hour = std::min(c.hour, 23);
  c.minute = std::min(c.minute, 59);
  c.second = std::min(c.second, 60);
  return c;
}

enum class Values { AsTheyAre, Nearest };

std::optional<MailDate> make_date(const Civil& c, std::optional<int> zone, Values values) {
  auto date = make_date(values == Values::Nearest ? nearest(c) : c, zone.value_or(0));
  if (date) date->zoned = zone.has_value();
  return date;
}

// 1 to 12; 0 when `word` does not begin with the name of a month.
int month_number(std::string_view word) {
  for (size_t i = 0; i < kMonths.size(); ++i)
    if (word.size() >= 3 && iequals(word.substr(0, 3), kMonths[i])) return static_cast<int>(i) + 1;
  return 0;
}

// "hhmm" of a numeric zone; nullopt for what no clock on earth shows.
std::optional<int> zone_value(char sign, std::string_view digits) {
  const auto value = parse_u32(digits, 9999);
  if (digits.size() != 4 || !value || *value / 100 > 23 || *value % 100 > 59) return std::nullopt;
  const int minutes = static_cast<int>(*value / 100 * 60 + *value % 100);
  return sign == '-' ? -minutes : minutes;
}

// Numbers, words and single bytes of a date; blanks and comments between them are dropped.
class Tokens {
 public:
  explicit Tokens(std::string_view s) : rest_(s) { skip(); }

  [[nodiscard]] bool at_digit() const { return !rest_.empty() && is_digit(rest_[0]); }
  [[nodiscard]] bool at_alpha() const { return !rest_.empty() && is_alpha(rest_[0]); }
  bool take(char c) {
    if (rest_.empty() || rest_[0] != c) return false;
    rest_.remove_prefix(1);
    skip();
    return true;
  }
  std::string_view word() { return run(is_alpha); }
  [[nodiscard]] std::string_view peek_word() const {
    size_t n = 0;
    while (n < rest_.size() && is_alpha(rest_[n])) ++n;
    return rest_.substr(0, n);
  }
  std::string_view digits() { return run(is_digit); }
  std::optional<int> number(size_t max_digits) {
    const std::string_view d = digits();
    const auto v = d.size() <= max_digits ? parse_u32(d) : std::nullopt;
    return v ? std::optional<int>(static_cast<int>(*v)) : std::nullopt;
  }
  char sign() {
    if (take('+')) return '+';
    return take('-') ? '-' : '\0';
  }

 private:
  template <typename Class>
  std::string_view run(Class in_class) {
    size_t n = 0;
    while (n < rest_.size() && in_class(rest_[n])) ++n;
    const std::string_view r = rest_.substr(0, n);
    rest_.remove_prefix(n);
    skip();
    return r;
  }
  void skip() {
    int depth = 0;
    size_t n = 0;
    for (; n < rest_.size(); ++n) {
      const char c = rest_[n];
      if (c == '(' && depth < kMaxComment)
        ++depth;
      else if (c == ')' && depth > 0)
        --depth;
      else if (c == '\\' && depth > 0 && n + 1 < rest_.size())
        ++n;
      else if (depth == 0 && !is_space(c))
        break;
    }
    rest_.remove_prefix(n);
  }
  std::string_view rest_;
};

// hour ":" minute [":" second]; a dot is taken for a colon, as some programs write it.
bool take_time(Tokens& t, Civil& c) {
  const auto hour = t.number(2);
  if (!hour || (!t.take(':') && !t.take('.'))) return false;
  const auto minute = t.number(2);
  if (!minute) return false;
  std::optional<int> second = 0;
  if (t.take(':') || t.take('.')) second = t.number(2);
  if (!second) return false;
  c.hour = *hour;
  c.minute = *minute;
  c.second = *second;
  return true;
}

// RFC 5322 section 4.3: two digits below 50 are of this century, others and three digits of the
// last.
bool take_year(Tokens& t, Civil& c) {
  const std::string_view d = t.digits();
  const auto year = parse_u32(d, 9999);
  if (!year || d.size() < 2 || d.size() > 4) return false;
  c.year = static_cast<int>(*year);
  if (d.size() == 2) c.year += c.year < 50 ? 2000 : 1900;
  if (d.size() == 3) c.year += 1900;
  return true;
}

std::optional<int> take_zone(Tokens& t) {
  if (const char sign = t.sign(); sign != '\0') return zone_value(sign, t.digits());
  const std::string_view name = t.word();
  const int summer = t.at_alpha() && iequals(t.peek_word(), "DST") ? 60 : 0;  // "MET DST"
  if (summer != 0) t.word();
  for (const NamedZone& zone : kZones)
    if (iequals(name, zone.name)) return zone.minutes + summer;
  return std::nullopt;
}

MailDate not_before_1970(MailDate date) {
  date.seconds = std::max<int64_t>(date.seconds, 0);
  return date;
}

// What follows the day's name in asctime order: month day time [zone] year [zone].
std::optional<MailDate> take_asctime(Tokens& t, int month, Values values) {
  Civil c;
  c.month = month;
  const auto day = t.number(2);
  if (!day || !take_time(t, c)) return std::nullopt;
  c.day = *day;
  std::optional<int> zone;
  if (!t.at_digit()) zone = take_zone(t);
  if (!take_year(t, c)) return std::nullopt;
  if (!zone) zone = take_zone(t);
  return make_date(c, zone, values);
}

std::optional<MailDate> take_date(std::string_view value, Values values) {
  Tokens t(value);
  if (t.at_alpha()) {
    const std::string_view word = t.word();
    if (!t.take(',') && t.at_alpha()) return take_asctime(t, month_number(t.word()), values);
    if (!t.at_digit() || month_number(word) != 0) return std::nullopt;
  }
  Civil c;
  const auto day = t.number(2);
  t.take('-');  // 16-Aug-2000, as news software once wrote
  c.month = month_number(t.word());
  t.take('-');
  if (!day || !take_year(t, c) || !take_time(t, c)) return std::nullopt;
  c.day = *day;
  return make_date(c, take_zone(t), values);
}

void append_time(std::string& out, const Civil& c) {
  append_padded(out, static_cast<uint64_t>(c.hour), 2);
  out += ':';
  append_padded(out, static_cast<uint64_t>(c.minute), 2);
  out += ':';
  append_padded(out, static_cast<uint64_t>(c.second), 2);
}

void append_zone(std::string& out, int minutes) {
  const int size = std::min(minutes < 0 ? -minutes : minutes, 24 * 60 - 1);
  out += minutes < 0 ? '-' : '+';
  append_padded(out, static_cast<uint64_t>(size / 60 * 100 + size % 60), 4);
}

std::string_view day_name(const Civil& c) {
  const int64_t days = days_from_civil(c.year, c.month, c.day);
  return kDays[static_cast<size_t>(((days + 4) % 7 + 7) % 7)];
}

std::string_view month_name(const Civil& c) { return kMonths[static_cast<size_t>(c.month - 1)]; }

}  // namespace

int64_t days_from_civil(int year, int month, int day) {
  const int64_t y = int64_t{year} - (month <= 2 ? 1 : 0);
  const int64_t era = (y >= 0 ? y : y - 399) / 400;
  const int64_t yoe = y - era * 400;
  const int64_t doy = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
  return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

std::optional<MailDate> parse_date(std::string_view value) {
  return take_date(value, Values::AsTheyAre);
}

std::optional<MailDate> parse_from_line_date(std::string_view s) {
  const auto date = take_date(s, Values::Nearest);
  return date ? std::optional(not_before_1970(*date)) : std::nullopt;
}

std::optional<MailDate> parse_asctime(std::string_view s) {
  constexpr std::string_view form = "Www Mmm dd hh:mm:ss yyyy";
  if (s.size() != form.size()) return std::nullopt;
  bool right = true;
  for (size_t i = 0; i < form.size(); ++i) {
    if (form[i] == ' ' || form[i] == ':')
      right &= s[i] == form[i];
    else
      right &= i < 8 || is_digit(s[i]) || (i == 8 && s[i] == ' ');
  }
  if (!right) return std::nullopt;
  const auto two = [s](size_t at) { return (s[at] & 15) * 10 + (s[at + 1] & 15); };
  Civil c;
  c.day = two(8);  // the blank counts as 0
  c.hour = two(11), c.minute = two(14), c.second = two(17);
  c.year = two(20) * 100 + two(22);
  for (size_t i = 0; i < kMonths.size() && c.month == 0; ++i)
    if (s.substr(4, 3) == kMonths[i]) c.month = static_cast<int>(i) + 1;
  if (std::find(kDays.begin(), kDays.end(), s.substr(0, 3)) == kDays.end()) return std::nullopt;
  const auto date = make_date(c, std::nullopt, Values::Nearest);
  return date ? std::optional(not_before_1970(*date)) : std::nullopt;
}

// date-day-fixed "-" date-month "-" date-year SP time SP zone (RFC 3501 section 9), nothing else.
std::optional<MailDate> parse_imap_date_time(std::string_view s) {
  if (s.size() == 25) {  // one digit for the day: taken, as others do
    if (!is_digit(s[0]) || s[1] != '-') return std::nullopt;
  } else if (s.size() != 26) {
    return std::nullopt;
  }
  const size_t day_size = s.size() - 24;
  std::string_view day = s.substr(0, day_size);
  if (day.size() == 2 && day[0] == ' ') day.remove_prefix(1);
  s.remove_prefix(day_size);
  if (s[0] != '-' || s[4] != '-' || s[9] != ' ' || s[12] != ':' || s[15] != ':' || s[18] != ' ')
    return std::nullopt;
  const auto number = [&s](size_t at, size_t size) { return parse_u32(s.substr(at, size)); };
  const auto day_of_month = parse_u32(day);
  const auto year = number(5, 4);
  const auto hour = number(10, 2);
  const auto minute = number(13, 2);
  const auto second = number(16, 2);
  if (!day_of_month || !year || !hour || !minute || !second) return std::nullopt;
  if (s[19] != '+' && s[19] != '-') return std::nullopt;
  const auto zone = zone_value(s[19], s.substr(20));
  if (!zone) return std::nullopt;
  const auto date = make_date(
      {static_cast<int>(*year), month_number(s.substr(1, 3)), static_cast<int>(*day_of_month),
       static_cast<int>(*hour), static_cast<int>(*minute), static_cast<int>(*second)},
      *zone);
  return date ? std::optional(not_before_1970(*date)) : std::nullopt;
}

std::string format_date(const MailDate& date) {
  const Civil c = local_civil(date);
  std::string out = concat(day_name(c), ", ", c.day, ' ', month_name(c), ' ');
  append_padded(out, static_cast<uint64_t>(c.year), 4);
  out += ' ';
  append_time(out, c);
  out += ' ';
  append_zone(out, date.zone_minutes);
  return out;
}

std::string format_from_line_date(const MailDate& date) {
  const Civil c = local_civil({date.seconds, 0});
  std::string out = concat(day_name(c), ' ', month_name(c), c.day < 10 ? "  " : " ", c.day, ' ');
  append_time(out, c);
  out += ' ';
  append_padded(out, static_cast<uint64_t>(c.year), 4);
  return out;
}

void append_imap_date_time(std::string& out, const MailDate& date) {
  const Civil c = local_civil(date);
  if (c.day < 10) out += ' ';
  append(out, c.day);
  out += '-';
  out += month_name(c);
  out += '-';
  append_padded(out, static_cast<uint64_t>(c.year), 4);
  out += ' ';
  append_time(out, c);
  out += ' ';
  append_zone(out, date.zone_minutes);
}

}  // namespace dmail::mail
