// Time: wall clock for what is stored, monotonic clock for what waits.
#pragma once

#include <cstdint>

namespace dmail {

int64_t wall_seconds();       // since 1970-01-01 UTC
int64_t wall_microseconds();  // likewise
int64_t monotonic_ms();       // never goes backwards; only differences mean anything
// Minutes east of UTC of the local zone at `when` (reads /etc/localtime through the C library).
int local_zone_minutes(int64_t when);

// A point in time after which waiting is over.
class Deadline {
 public:
  static Deadline in_ms(int64_t ms) { return Deadline(monotonic_ms() + ms); }
  static Deadline in_seconds(int64_t s) { return in_ms(s * 1000); }
  // Milliseconds left for poll(2): at least 0, at most about 24 days.
  [[nodiscard]] int left_ms() const;
  [[nodiscard]] bool passed() const { return left_ms() == 0; }

 private:
  explicit Deadline(int64_t at) : at_(at) {}
  int64_t at_;
};

}  // namespace dmail
