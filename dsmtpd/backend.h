// What the dialogue needs from outside: recipients, a place for the message, delivery, passwords.
// The session knows only this; monitor_client.h asks the root monitor, tests have their own.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "dsmtpd/path_parser.h"
#include "dsmtpd/reply.h"
#include "privsep/gate_frames.h"
#include "privsep/xclient.h"

namespace dmail::dsmtpd {

struct Envelope {
  std::string helo;
  std::string protocol;    // "SMTP", "ESMTP", "ESMTPS", "ESMTPA", "ESMTPSA", "LMTP", "LMTPS" ...
  std::string sender;      // Path::text(); empty for <>
  std::string message_id;  // of the header: printable bytes; empty: there is none
  size_t recipients = 0;   // accepted since the last forget()
};

// What the log is to know of a dialogue that is over.
struct SessionEnd {
  std::string reason;  // quit closed refused idle lost tls
  std::string text;    // more about it
  uint64_t octets_in = 0, octets_out = 0, commands = 0;
};

class Backend {
 public:
  virtual ~Backend() = default;
  // Accepted (code 250): the recipient is part of the message from now on.
  virtual Reply add_recipient(const Path& path) = 0;
  virtual void forget() = 0;  // all recipients
  // An empty file for a message of so many octets, 0: not known; the descriptor stays the
  // backend's.
  virtual Result<int> open_spool(uint64_t announced) = 0;
  // The spool file's message to every recipient, in order; `answer` gets one reply for each;
  // then the recipients are forgotten.
  virtual void deliver(const Envelope& envelope, const std::function<void(Reply)>& answer) = 0;
  // It was refused as a whole; the recipients stay.
  virtual void message_refused(const Envelope& envelope, const Reply& reply) = 0;
  // A request of a login (privsep/gate_frames.h).
  virtual privsep::GateAnswer ask_gate(const privsep::Frame& request) = 0;
  // For whom the peer says it comes.
  virtual void forwarded(const privsep::XClient& xclient) = 0;
  // A line of the log (bounded by whoever writes it).
  virtual void note(std::string_view event, std::string_view text) = 0;
  // The connection goes to a program that speaks TLS; nothing else is called after it.
  virtual void start_tls() = 0;
};

}  // namespace dmail::dsmtpd
