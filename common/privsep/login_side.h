// The jailed login program's half of the privilege boundary: everything but the protocol it speaks.
// A program's main() is enter_jail(), then run_login() with its dialogue.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "io/line_reader.h"
#include "io/stream.h"
#include "io/tls.h"
#include "privsep/frame.h"
#include "privsep/login_protocol.h"
#include "privsep/sasl_dialogue.h"
#include "privsep/xclient.h"

namespace dmail::privsep {

inline constexpr int kMaxLoginCommands = 100;  // of one connection before its login, TLS anew

class LoginSide : private SaslTalk {
 public:
  // Takes the start frame, and shakes hands when it says TLS.  Throws ConnectionOver.
  LoginSide();

  [[nodiscard]] const LoginStart& start() const { return start_; }
  [[nodiscard]] bool tls() const { return tls_ != nullptr; }
  [[nodiscard]] bool may_log_in() const { return tls() || start_.plaintext_ok; }
  [[nodiscard]] bool offers_tls() const { return !tls() && start_.tls_offered; }
  [[nodiscard]] Deadline deadline() const { return deadline_; }
  LineReader& in() { return reader_; }
  void write(std::string_view bytes);

  // What may be offered, and used, here and now (mechanisms.h).
  [[nodiscard]] const std::string& mechanisms() const { return start_.mechanisms; }
  // LOGIN; USER and PASS.
  [[nodiscard]] bool password_commands() const;

  SaslOutcome authenticate(std::string_view user, std::string_view secret, std::string_view method);
  SaslOutcome apop(std::string_view user, std::string_view digest);
  // AUTHENTICATE, AUTH.  `respond` as SaslTalk::response.
  using Respond = std::function<std::optional<std::string>(const std::string& challenge)>;
  SaslOutcome sasl(std::string_view mechanism, std::optional<std::string> initial, Respond respond);
  // After a refusal, of hand_over() too: there are no more tries, the connection has to end.
  [[nodiscard]] bool out_of_tries() const { return out_of_tries_; }

  // Before the go-ahead is written: false when the client has sent more already.
  bool nothing_unread();
  // After it: asks for the TLS program and waits to be ended.
  [[noreturn]] void start_tls();

  // After Accepted.  Does not return when it works: without TLS this process is done, with TLS it
  // carries bytes until the session ends.  Returns when the mailbox cannot be served now.
  void hand_over(std::string_view tag, std::string_view command);

  // After hand_over() has returned: where the account is, when that is why (a URL for IMAP, else a
  // host's name); empty otherwise.
  [[nodiscard]] const std::string& referral() const { return referral_; }

  // For whom the client says it comes; false when it is not trusted with that.  The first time
  // counts.
  bool forwarded(const XClient& xclient);

  void finish();  // the last byte is written

  // A line of the log, as far as kMaxNotes go.
  void note(std::string_view event, std::string_view text);

 private:
  void accept_tls();
  GateAnswer ask(const Frame& request) override;
  std::optional<std::string> response(const std::string& challenge) override;
  Respond respond_;
  Channel channel_;
  LoginStart start_;
  Deadline deadline_;
  FdStream plain_;
  std::unique_ptr<TlsStream> tls_;
  Stream* stream_;
  LineReader reader_;
  std::string referral_;
  bool forwarded_ = false;
  bool asked_ = false;  // of the monitor, in the last SASL exchange
  int notes_ = 0;
  bool out_of_tries_ = false;
};

// The first line of a browser that was led here (any page can post to any port).
bool is_http_request(std::string_view line);

// enter_jail(), then `dialogue` with a LoginSide; `late` is sent when the time before login is
// over. The value for main().
int run_login(void (*dialogue)(LoginSide&), std::string_view late);

}  // namespace dmail::privsep
