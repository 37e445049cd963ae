// What the monitor of imapd or dpopd and its jailed login program say to each other.
//
//   monitor -> login  Start      once, first: LoginStart's fields
//   login -> monitor  (gate_frames.h: Authenticate, SaslStart ... )  until a login is accepted
//                     StartTls   (the go-ahead is written)
//                                -> the monitor ends this login program, starts the one with TLS
//                     HandOver   tag, command, pending  -> Go (with TLS: and a socket), or Refused,
//                                or Referral (a URL or a host's name) and then Refused
//                     Forwarded  client's address, port, session, "1" | "0" (xclient.h)
//                                -> Forwarded, or the end when that client has connections
//                                enough; once, before a login is accepted
//                     (tls_protocol.h: CertificateFor)  in the handshake
//                     Note       event, text            no answer; a line of the log
//
// StartTls is permitted until a login is accepted and outside an exchange, HandOver after one,
// once.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "privsep/frame.h"
#include "privsep/gate_frames.h"
#include "privsep/tls_protocol.h"

namespace dmail::privsep {

enum LoginFrame : uint8_t {
  kLoginStart = 1,
  kStartTls = 3,
  kHandOver = 4,
  kNote = 5,
  kGo = 8,
  kForwarded = 9,
  kReferral = 10,
};

inline constexpr int kLoginSeconds = 180;  // from connect to login, all together
inline constexpr int kMaxNotes = 20;       // lines one login program may have logged
inline constexpr size_t kMaxNote = 500;

struct LoginStart {
  std::string service;        // "imap", "pop"
  std::string host;           // for the greeting
  bool tls = false;           // the first bytes are a handshake
  bool greet = true;          // false after STARTTLS
  bool tls_offered = false;   // STARTTLS may be asked for
  bool plaintext_ok = false;  // this address may log in without TLS
  int seconds = kLoginSeconds;
  std::string tls_minimum;
  std::string tls_ciphers;
  bool tls_by_name = false;  // there are more certificates to ask for (tls_protocol.h)
  // Random, made by the monitor for this connection, in angle brackets: APOP's, and what a client
  // certificate's proof must hold.
  std::string stamp;
  bool trusted_peer = false;  // it may say for whom it comes
  bool referrals = false;     // RFC 2221
  std::string mechanisms;     // what may be offered here and now (mechanisms.h), blanks between
};

Frame frame_of(const LoginStart& start);
Result<LoginStart> login_start_of(const Frame& frame);

}  // namespace dmail::privsep
