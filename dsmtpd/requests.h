// What the root monitor and its jailed session say to each other (frames of privsep/frame.h).
//
//   monitor -> session  Start        once, first: StartFacts' fields
//   session -> monitor  AddRecipient local part, domain  -> Answer
//                       Forget                           no answer
//                       OpenSpool                        -> Spool with a descriptor, or
//                       Answer Deliver      helo, protocol, sender, Message-ID -> one Answer a
//                       recipient,
//                                    in order
//                       MessageRefused  protocol, sender, Message-ID, code, text   no answer
//                       (privsep/gate_frames.h: Authenticate, SaslStart ... ), outside a mail
//                       transaction, not over LMTP
//                       StartTls     (the go-ahead is written)  -> another session, with TLS
//                       (privsep/tls_protocol.h: CertificateFor)  in the handshake
//                       Forwarded    client's address, port, session, "1" | "0"
//                                    (privsep/xclient.h); outside a mail transaction -> Forwarded,
//                                    or the end when that client has connections enough
//                       Note         event, text         no answer; a line of the log
//                       Ended        reason, text, octets in and out, commands   no answer; the
//                       last
//
// An Answer is a reply for the client: code, enhanced code, text.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "dsmtpd/session.h"
#include "privsep/frame.h"
#include "privsep/gate_frames.h"

namespace dmail::dsmtpd {

enum RequestType : uint8_t {
  kStart = 1,
  kAddRecipient = 2,
  kForget = 3,
  kOpenSpool = 4,
  kDeliver = 5,
  kStartTls = 7,
  kNote = 8,
  kAnswer = 9,
  kSpool = 10,
  kForwarded = 11,
  kMessageRefused = 12,
  kEnded = 13,
};

inline constexpr int kMaxNotes = 100;  // lines one session may have logged
inline constexpr size_t kMaxNote = 500;

struct StartFacts {
  SessionFacts session;
  bool greet = true;         // false after STARTTLS
  bool tls_by_name = false;  // more certificates can be asked for (privsep/tls_protocol.h)
  std::string stamp;         // for the request of a client certificate
  conf::Settings settings;   // the rows that the session may see
};

privsep::Frame frame_of(const StartFacts& start);
Result<StartFacts> start_of(const privsep::Frame& frame);

privsep::Frame frame_of(const Reply& reply);  // its first line
Result<Reply> reply_of(const privsep::Frame& frame);

// Whether a text from the session may stand in a header or an envelope: no control byte.
bool is_clean(std::string_view text);

}  // namespace dmail::dsmtpd
