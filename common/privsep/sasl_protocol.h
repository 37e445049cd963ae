// What a monitor and the authentication program dmsasl say to each other: one exchange of one SASL
// mechanism (or APOP), one process.
//
//   monitor -> dmsasl  Begin       once, first: SaslBegin's fields
//                      Step        the client's response
//                      Secret      answer to WantSecret: "ok" "no" "dead", the account's name as
//                                  the pipeline gives it (also for "no", where there is one), then
//                                  label name, value, ... as Authenticator::secret gave them
//   dmsasl -> monitor  WantSecret  user name as the client gave it; at most once
//                      Challenge   bytes for the client; the monitor answers with Step
//                      Done        authentication id, authorization id ("": none asked for)
//                      Failed      why, user ("": not known yet), text for the log
//
// Bytes are raw; base64 is the dialogues' affair.  What comes with success (SCRAM's v=,
// DIGEST-MD5's rspauth) is a Challenge that the client answers with an empty Step, then Done.  A
// client that cancels costs no frame: the monitor closes the channel.  Failed "wrong": not
// authenticated, whatever the client did wrong; "temporary": nobody can tell now (WantSecret was
// answered "dead"); "unavailable": this mechanism cannot be had (no keytab, no certificate).  After
// Done or Failed dmsasl ends, with status 0.
//
// The monitor runs its name pipeline over WantSecret's user and asks Authenticator::secret; it
// answers "no" for a name that no rule lets in, too: the exchange then runs to its end with salt
// and iterations made up from `decoy_key` and that name, and fails as a wrong password does.  It
// accepts Done only for the very name of WantSecret; EXTERNAL and GSSAPI have no WantSecret, there
// it resolves Done's.
//
// dmsasl is started as auth_user (never root) with descriptors: kMonitorFd (5); and, where there
// are such files, opened by the monitor: kClientCaFd, kServerCertificateFd (EXTERNAL; PEM),
// kKeytabFd (GSSAPI; kerberos_keytab).  So these files may be root's.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "auth/authenticator.h"
#include "auth/secret.h"
#include "base/result.h"
#include "io/tls_transcript.h"
#include "privsep/frame.h"

namespace dmail::privsep {

enum ExchangeFrame : uint8_t {
  kExchangeBegin = 1,
  kExchangeStep = 2,
  kExchangeSecret = 3,
  kExchangeWantSecret = 4,
  kExchangeChallenge = 5,
  kExchangeDone = 6,
  kExchangeFailed = 7,
};

inline constexpr int kClientCaFd = 6;
inline constexpr int kServerCertificateFd = 7;
inline constexpr int kKeytabFd = 8;
inline constexpr int kReplayFd = 9;                   // directory of Kerberos' replay cache
inline constexpr size_t kMaxSaslMessage = 12 * 1024;  // one message, either way
inline constexpr size_t kMaxBinding = 256;
inline constexpr size_t kMaxExchangeText = 255;  // host, realm, names
inline constexpr int kExchangeSeconds = 180;     // all of it
inline constexpr size_t kDecoyKeySize = 32;

struct SaslBegin {
  std::string service;    // "imap", "pop", "smtp"
  std::string host;       // GSSAPI's service principal is SERVICE/HOST
  std::string realm;      // login_realm
  std::string mechanism;  // upper case; "APOP" too: its initial response is "USER DIGEST"
  bool has_initial = false;
  std::string initial;
  std::string tls_exporter, tls_unique;  // channel bindings, raw; empty when there are none
  bool plus_offered = false;  // the -PLUS form of this mechanism was among those advertised
  std::string proof;          // client_proof() of io/tls.h, or empty
  std::string tls_stamp;      // the monitor's, in the TLS program's request for a certificate
  std::string apop_stamp;     // "<...>" of the greeting
  std::string client_ip;
  std::string kerberos_realm;  // its principals go by their name alone; empty: none do
  std::string decoy_key;       // kDecoyKeySize bytes, secret, the same for years on this host
  SaslBegin() = default;
  SaslBegin(SaslBegin&&) = default;
  SaslBegin& operator=(SaslBegin&&) = default;
  ~SaslBegin();  // wipes decoy_key
};

Frame frame_of(const SaslBegin& begin);
Result<SaslBegin> sasl_begin_of(const Frame& frame);  // BadInput, Limit

// Secret, of the authenticator's answer.  The labels are the caller's to wipe.
Frame secret_frame(const auth::Answer& answer, std::string_view account);
struct SecretAnswer {
  auth::Answer::Kind kind = auth::Answer::Kind::Dead;
  std::string account;
  auth::Labels labels;
};
Result<SecretAnswer> secret_of(const Frame& frame);

// The decoy key of this host, from the file sasl-decoy in `work_path`, made there (0600) when it is
// missing.  For the monitor.  Corrupt; NoPermission for a file that is not ours alone.
Result<std::string> host_decoy_key(const std::string& work_path);

}  // namespace dmail::privsep
