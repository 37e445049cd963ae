// The header lines a delivery puts before a message (RFC 5321 section 4.4), in the shape of the
// original:
//   Return-Path: <SENDER>
//   Received: from HELO ([IP]) by HOST with PROTOCOL id SESSION ; DATE
//   X-Rcpt-To: <RECIPIENT>
// Values that a client chose hold no control and no 8-bit byte (checked by parse_trace, and again
// by trace_headers), so that they can start no line of their own.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace dmail::dsmtpd {

inline constexpr size_t kMaxTraceValue = 1024;

struct Trace {
  std::string sender;  // empty: <>
  std::string recipient;
  std::string helo;
  std::string client_ip;  // empty: not an internet connection
  std::string host;
  std::string protocol;
  std::string session_id;
};

// To pass a Trace to dsmtpd-deliver.
std::string serialise(const Trace& trace);
Result<Trace> parse_trace(std::string_view text);

std::string trace_headers(const Trace& trace, int64_t when, int zone_minutes);

}  // namespace dmail::dsmtpd
