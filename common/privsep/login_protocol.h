// What the monitor of imapd or dpopd and its jailed login program say to each other.
//
//   monitor -> login  Start      once, first: LoginStart's fields
//   login -> monitor  Authenticate  user, password            -> Accepted, or Refused (why)
//                     StartTls      (the go-ahead is written)  -> the monitor ends this login
//                     program and
//                                                                 starts the one with TLS
//                     HandOver      tag, command, pending, TLS version and cipher
//                                   -> Go (with TLS: and a socket), or Refused
//                     Note          event, text                no answer; a line of the log
//
// Refused says "wrong" (password, or no such user) or "temporary" (nobody can answer now), and
// "last" when there are no more tries, else "".  Authenticate and StartTls are permitted until a
// login is accepted, HandOver only then, once.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "privsep/frame.h"

namespace dmail::privsep {

enum LoginFrame : uint8_t {
  kLoginStart = 1,
  kAuthenticate = 2,
  kStartTls = 3,
  kHandOver = 4,
  kNote = 5,
  kAccepted = 6,
  kRefused = 7,
  kGo = 8,
};

inline constexpr int kCertificateFd = 6;  // PEM, in the TLS login program
inline constexpr int kKeyFd = 7;
inline constexpr size_t kMaxPem = 128 * 1024;
inline constexpr int kLoginSeconds = 180;  // from connect to login, all together
inline constexpr int kMaxNotes = 20;       // lines one login program may have logged
inline constexpr size_t kMaxNote = 500;

// The file on kCertificateFd or kKeyFd, read to its end and closed.  Limit over kMaxPem.
Result<std::string> read_pem(int fd);

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
};

Frame frame_of(const LoginStart& start);
Result<LoginStart> login_start_of(const Frame& frame);

}  // namespace dmail::privsep
