#include "base/ascii.h"
#include "base/text.h"
#include "dsmtpd/trace.h"
#include "mail/mail_date.h"

namespace dmail::dsmtpd {
namespace {

std::string clean(std::string_view value) {
  std::string out(value.substr(0, kMaxTraceValue));
  for (char& c : out)
    if (is_control(c) || is_8bit(c)) c = '?';
  return out;
}

}  // namespace

std::string trace_headers(const Trace& trace, int64_t when, int zone_minutes) {
  std::string out = concat("Return-Path: <", clean(trace.sender), ">\r\nReceived: from ",
                           trace.helo.empty() ? "unknown" : clean(trace.helo));
  if (!trace.client_ip.empty()) out += concat(" ([", clean(trace.client_ip), "])");
  out += concat(" by ", clean(trace.host));
  if (!trace.protocol.empty()) out += concat(" with ", clean(trace.protocol));
  if (!trace.session_id.empty()) out += concat(" id ", clean(trace.session_id));
  out += concat(" ; ", mail::format_date({when, zone_minutes}), "\r\nX-Rcpt-To: <",
                clean(trace.recipient), ">\r\n");
  return out;
}

}  // namespace dmail::dsmtpd
