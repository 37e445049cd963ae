// POP3 before login (RFC 1939 AUTHORIZATION state, RFC 2449, 2595, 5034): banner, USER PASS APOP
// CAPA STLS AUTH NOOP QUIT.  Runs in the jail.  The +OK of a login is the session's to send; every
// refusal is ours.
//
// Limits: kMaxLoginLine octets of a line, kMaxLoginBad commands that we do not understand, and the
// monitor's number of wrong logins; then the connection ends.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "privsep/login_side.h"

namespace dmail::dpopd {

inline constexpr size_t kMaxLoginLine = 8192;  // a PLAIN message may be long
inline constexpr int kMaxLoginBad = 3;

class LoginDialogue {
 public:
  explicit LoginDialogue(privsep::LoginSide& side) : side_(side) {}
  void run();

 private:
  void handle(std::string_view line);
  void dispatch(std::string_view name, std::string_view argument, bool has_argument);
  void capa();
  void user(std::string_view name);
  void pass(std::string_view password);
  void auth(std::string_view argument, bool has_argument);
  void apop(std::string_view argument);
  bool refuse_password();
  [[nodiscard]] bool offers_apop() const;
  [[nodiscard]] std::string sasl_mechanisms() const;
  void start_tls();
  void xclient(std::string_view attributes);
  std::optional<std::string> response(const std::string& challenge);
  void conclude(const privsep::SaslOutcome& outcome, std::string_view command);

  void good(std::string_view text);
  void error(std::string_view text);
  void bad(std::string_view text);  // counts
  void end(std::string_view text);

  privsep::LoginSide& side_;
  std::string line_;  // may hold a password
  std::string user_;
  int bad_ = 0;
  int commands_ = 0;
  bool first_ = true;
  bool over_ = false;
};

}  // namespace dmail::dpopd
