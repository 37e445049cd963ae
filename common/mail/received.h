// The Received line that a host puts before a message it takes (RFC 5321 section 4.4), in the shape
// of the original:
//   Received: from HELO ([IP]) by HOST with PROTOCOL id SESSION ; DATE
// Control and 8-bit bytes of a value become `?`, so that it can start no line of its own.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace dmail::mail {

inline constexpr size_t kMaxReceivedValue = 1024;  // what is longer is cut

struct ReceivedFacts {
  std::string_view helo, client_ip, host, protocol, session_id;  // empty: left out
};
std::string received_line(const ReceivedFacts& facts, int64_t when, int zone_minutes);

// `value` as it may stand in such a line.
std::string clean_value(std::string_view value);

}  // namespace dmail::mail
