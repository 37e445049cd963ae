// The client's side of a SASL exchange, the same for IMAP's AUTHENTICATE, POP3's AUTH and SMTP's
// AUTH; in the jail.  Mechanisms with a clear secret are taken apart here (sasl.h); for the others
// the bytes go through to the monitor.  Base64, `*`, limits and what came with an early end are
// seen to; the protocol says how a challenge and the outcome look.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "io/tls.h"
#include "privsep/frame.h"
#include "privsep/gate_frames.h"

namespace dmail::privsep {

inline constexpr size_t kMaxSaslLine = 16 * 1024;  // base64 of kMaxSaslMessage

// What an exchange needs of the program around it.
class SaslTalk {
 public:
  virtual ~SaslTalk() = default;
  // A request to the monitor, and its answer.  Throws ConnectionOver.
  virtual GateAnswer ask(const Frame& request) = 0;
  // Sends a challenge (base64) and reads the line that answers it, without its end, at most
  // kMaxSaslLine bytes.  nullopt: none came, and what was to be said about it was said.
  virtual std::optional<std::string> response(const std::string& challenge) = 0;
};

struct SaslRequest {
  std::string_view offered;            // mechanisms.h
  std::string_view mechanism;          // as the client wrote it
  bool may_send_secret = true;         // for the reason of a refusal
  std::optional<std::string> initial;  // base64, "=" for an empty one; wiped
  const TlsStream* tls = nullptr;
};

struct SaslOutcome {
  enum class Kind {
    Accepted,
    Wrong,       // secret, user
    Temporary,   // nobody can tell now
    Limit,       // too many sessions of this account
    Cancelled,   // by the client
    BadMessage,  // `text` says what
    OtherUser,   // wants to act for somebody else
    NotOffered,  // no such mechanism here
    NeedsTls,    // would be, under TLS
    Over,        // SaslTalk::response had none
  };
  Kind kind = Kind::Over;
  std::string_view text;
  bool last = false;  // the monitor takes no more tries: the connection has to end
};
SaslOutcome run_sasl(SaslTalk& talk, SaslRequest request);

// For the log: why an exchange ended of which the monitor may know nothing; empty for what only the
// monitor decides.  What stood in the mechanism's place is told where it looks like one (RFC 4422):
// it might be a secret.
std::string refusal_text(std::string_view mechanism, const SaslOutcome& outcome);

// One login by a secret in hand: IMAP's LOGIN, POP3's PASS.
SaslOutcome ask_authenticate(SaslTalk& talk, std::string_view user, std::string_view secret,
                             std::string_view method);
// APOP (RFC 1939 section 7).
SaslOutcome ask_apop(SaslTalk& talk, std::string_view user, std::string_view digest);

}  // namespace dmail::privsep
