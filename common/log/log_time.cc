#include "log/log_time.h"

namespace dmail::log {
namespace {

char* number(char* out, int64_t value, int width, char after) {
  for (int i = width - 1; i >= 0; --i, value /= 10) out[i] = static_cast<char>('0' + value % 10);
  out[width] = after;
  return out + width + 1;
}

}  // namespace

void write_time(char* out, int64_t us) {
  const int64_t seconds = us / 1000000;
  const int64_t of_day = seconds % 86400;
  // Days to a date of the proleptic Gregorian calendar, counting years from March.
  const int64_t z = seconds / 86400 + 719468;
  const int64_t era = z / 146097;
  const int64_t day_of_era = z % 146097;
  const int64_t year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const int64_t day_of_year =
      day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const int64_t mp = (5 * day_of_year + 2) / 153;
  const int64_t month = mp < 10 ? mp + 3 : mp - 9;
  out = number(out, year_of_era + era * 400 + (month <= 2 ? 1 : 0), 4, '-');
  out = number(out, month, 2, '-');
  out = number(out, day_of_year - (153 * mp + 2) / 5 + 1, 2, 'T');
  out = number(out, of_day / 3600, 2, ':');
  out = number(out, of_day / 60 % 60, 2, ':');
  out = number(out, of_day % 60, 2, '.');
  number(out, us / 1000 % 1000, 3, 'Z');
}

}  // namespace dmail::log
