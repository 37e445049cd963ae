// The frames by which a jailed process asks for a login: the same in imapd, dpopd
// (login_protocol.h) and dsmtpd (dsmtpd/requests.h), with numbers of their own.
//
//   jailed -> monitor  Authenticate  user, secret, method       -> Accepted | Refused
//                      SaslStart     mechanism, "1" | "0" (an initial response is there), initial,
//                                    tls-exporter, tls-unique, client proof
//                                                     -> SaslChallenge | Accepted | Refused
//                      SaslStep      response                     -> the same
//                      SaslCancel                                 -> Refused
//                      TlsFacts      version, cipher, "1" | "0" (resumed)    no answer; once
//   monitor -> jailed  Accepted
//                      Refused       why, "last" when there are no more tries, else ""
//                      SaslChallenge bytes
//
// Authenticate is for secrets that the client sends in the clear; its method is one of LOGIN (the
// IMAP command, too), PLAIN, USER, OAUTHBEARER, XOAUTH2 (the secret is a bearer token).  All other
// mechanisms are SaslStart's; so is APOP (initial response: "USER DIGEST").  SaslStep and
// SaslCancel are permitted only while an exchange is open, and then no other request but these (and
// TlsFacts, notes) is.  What comes with success (SCRAM's v=) is a SaslChallenge, answered by an
// empty SaslStep.  Bytes are raw; base64 is the dialogues'.  The bindings are empty where there are
// none. TlsFacts are for the log only.
//
// Refused says "wrong" (secret, no such user, an account that may not), "temporary" (nobody can
// tell now), "unavailable" (this mechanism cannot be had), "limit" (the account has too many
// sessions) or "cancelled".
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "privsep/frame.h"

namespace dmail::privsep {

enum GateFrame : uint8_t {
  kAuthenticate = 32,
  kSaslStart = 33,
  kSaslStep = 34,
  kSaslCancel = 35,
  kTlsFacts = 36,
  kAccepted = 48,
  kRefused = 49,
  kSaslChallenge = 50,
};

inline constexpr size_t kAuthenticateFields = 3;
inline constexpr size_t kSaslStartFields = 6;
inline constexpr size_t kTlsFactsFields = 3;
inline constexpr size_t kMaxTlsFact = 80;
inline constexpr int kMaxTries = 3;       // refused logins of a connection, through STARTTLS
inline constexpr int kMaxCancels = 3;     // cancelled exchanges, likewise
inline constexpr int kMaxSaslSteps = 10;  // responses of one exchange

// Accepted, Refused or SaslChallenge, taken apart.
struct GateAnswer {
  enum class Kind { Accepted, Wrong, Temporary, Unavailable, Limit, Cancelled, Challenge };
  Kind kind = Kind::Temporary;
  std::string challenge;
  bool last = false;  // no more tries
};
Frame frame_of(const GateAnswer& answer);
Result<GateAnswer> gate_answer_of(const Frame& frame);

}  // namespace dmail::privsep
