// How long a sender of DATA may go on: time is earned by octets, at kMinDataRate, never more than a
// window of it is kept, and none buys more than kMaxDataSeconds in all.
#pragma once

#include <algorithm>
#include <cstdint>

#include "dsmtpd/limits.h"

namespace dmail::dsmtpd {

class DataPace {
 public:
  DataPace(int64_t window_ms, int64_t now_ms)
      : window_ms_(window_ms),
        end_ms_(now_ms + window_ms),
        last_ms_(now_ms + kMaxDataSeconds * 1000) {}
  [[nodiscard]] int64_t left(int64_t now_ms) const { return std::min(end_ms_, last_ms_) - now_ms; }
  void received(uint64_t octets, int64_t now_ms) {
    earned_ += octets * 1000;
    const auto ms = static_cast<int64_t>(earned_ / kMinDataRate);
    earned_ %= kMinDataRate;
    end_ms_ = std::min(end_ms_ + ms, now_ms + window_ms_);
  }

 private:
  int64_t window_ms_, end_ms_, last_ms_;
  uint64_t earned_ = 0;  // of the next millisecond
};

}  // namespace dmail::dsmtpd
