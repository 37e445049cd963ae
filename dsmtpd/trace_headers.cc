#include "base/text.h"
#include "dsmtpd/trace.h"
#include "mail/received.h"

namespace dmail::dsmtpd {

std::string trace_headers(const Trace& trace, int64_t when, int zone_minutes) {
  const mail::ReceivedFacts facts{trace.helo, trace.client_ip, trace.host, trace.protocol,
                                  trace.session_id};
  return concat("Return-Path: <", mail::clean_value(trace.sender), ">\r\n",
                mail::received_line(facts, when, zone_minutes), "X-Rcpt-To: <",
                mail::clean_value(trace.recipient), ">\r\n");
}

}  // namespace dmail::dsmtpd
