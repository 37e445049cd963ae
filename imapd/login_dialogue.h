// IMAP before login (RFC 3501 section 6.1 and 6.2): greeting, CAPABILITY NOOP LOGOUT ID STARTTLS
// LOGIN AUTHENTICATE.  Runs in the jail.  The OK of a login is the session's to send; every refusal
// is ours.
//
// Limits: kMaxCommand octets of a command with its literals, kMaxBad commands that we do not
// understand, and the monitor's number of wrong logins; then BYE.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "privsep/login_side.h"

namespace dmail::imapd {

// ID with all that RFC 2971 section 3.3 allows: 30 pairs of 30 and 1,024 octets, as literals, too.
inline constexpr size_t kMaxLoginCommand = 40 * 1024;
inline constexpr int kMaxLoginBad = 3;

class LoginDialogue {
 public:
  explicit LoginDialogue(privsep::LoginSide& side) : side_(side) {}
  void run();

 private:
  enum class Read { Ok, End, TooLong };
  Read read_command();
  void handle();
  void dispatch(std::string_view name, class LoginParser& parser);
  void capability(class LoginParser& parser);
  void id(class LoginParser& parser);
  void start_tls(class LoginParser& parser);
  void login(class LoginParser& parser);
  void authenticate(class LoginParser& parser);
  // The client's answer to a challenge; nullopt when it gave up or was refused (already said).
  std::optional<std::string> response(const std::string& challenge);
  void conclude(const privsep::SaslOutcome& outcome, std::string_view command);
  [[nodiscard]] std::string capabilities() const;

  void untagged(std::string_view text);
  void tagged(std::string_view text);
  void bad(std::string_view text);  // counts
  void bye(std::string_view text);

  privsep::LoginSide& side_;
  std::string command_;  // with its literals in place; may hold a password
  std::string tag_;
  int bad_ = 0;
  int commands_ = 0;
  bool first_ = true;
  bool over_ = false;
};

}  // namespace dmail::imapd
