#include "io/clock.h"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <string_view>

namespace dmail {

int64_t wall_seconds() { return wall_microseconds() / 1000000; }

int64_t wall_microseconds() {
  timespec t{};
  clock_gettime(CLOCK_REALTIME, &t);
  return t.tv_sec * int64_t{1000000} + t.tv_nsec / 1000;
}

int64_t monotonic_ms() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * int64_t{1000} + t.tv_nsec / 1000000;
}

int local_zone_minutes(int64_t when) {
  static const bool zone_is_read = (tzset(), true);
  // Many hosts keep UTC; taking a date apart costs as much as reading a short mail.
  if (zone_is_read && daylight == 0 && timezone == 0 && std::string_view(tzname[0]) == "UTC")
    return 0;
  tm local{};
  const time_t t = when;
  if (localtime_r(&t, &local) == nullptr) return 0;
  return static_cast<int>(local.tm_gmtoff / 60);
}

int Deadline::left_ms() const {
  return static_cast<int>(std::clamp<int64_t>(at_ - monotonic_ms(), 0, 2'000'000'000));
}

}  // namespace dmail
