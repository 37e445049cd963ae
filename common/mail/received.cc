#include "mail/received.h"

#include "base/ascii.h"
#include "base/text.h"
#include "mail/mail_date.h"

namespace dmail::mail {

std::string clean_value(std::string_view value) {
  std::string out(value.substr(0, kMaxReceivedValue));
  for (char& c : out)
    if (is_control(c) || is_8bit(c)) c = '?';
  return out;
}

std::string received_line(const ReceivedFacts& facts, int64_t when, int zone_minutes) {
  std::string out =
      concat("Received: from ", facts.helo.empty() ? "unknown" : clean_value(facts.helo));
  // RFC 5321 section 4.1.3: an IPv6 address has a tag.
  const char* const tag = facts.client_ip.find(':') == std::string_view::npos ? "" : "IPv6:";
  if (!facts.client_ip.empty()) out += concat(" ([", tag, clean_value(facts.client_ip), "])");
  out += concat(" by ", clean_value(facts.host));
  if (!facts.protocol.empty()) out += concat(" with ", clean_value(facts.protocol));
  if (!facts.session_id.empty()) out += concat(" id ", clean_value(facts.session_id));
  return out + concat(" ; ", format_date({when, zone_minutes}), "\r\n");
}

}  // namespace dmail::mail
