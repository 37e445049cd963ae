// One connection before login, seen by root: the state behind the request table of imapd and dpopd.
// Internal to privsep; monitor.h is what programs use.
#pragma once

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "account/account.h"
#include "auth/authenticator.h"
#include "conf/settings.h"
#include "io/clock.h"
#include "log/log.h"
#include "privsep/connection.h"
#include "privsep/frame.h"
#include "privsep/ids.h"
#include "privsep/login_protocol.h"
#include "privsep/monitor.h"
#include "privsep/program.h"

namespace dmail::privsep {

class LoginMonitor {
 public:
  // States, as bits for the request table.
  enum State : uint32_t { BeforeLogin = 1, LoggedIn = 2, Replaced = 4 };

  LoginMonitor(const Daemon& daemon, conf::Settings settings, log::Log& log, Endpoints ends,
               bool tls)
      : daemon_(daemon),
        settings_(std::move(settings)),
        log_(log),
        ends_(std::move(ends)),
        tls_(tls) {}

  [[nodiscard]] uint32_t state() const { return state_; }
  [[nodiscard]] bool done() const { return state_ == Replaced; }

  // Returns when the connection is over without a session.  Throws ConnectionOver when it could not
  // even begin.
  void run();

  void on_authenticate(Frame& frame);
  void on_start_tls(Frame& frame);
  void on_hand_over(Frame& frame);
  void on_note(Frame& frame);

 private:
  void start_login(bool greet);
  void end_login(bool now);
  void refuse(const char* why);
  void log_in(std::string_view user, std::string_view password);
  void failed(std::string_view user, const char* why, std::string_view text);
  Ids mail_ids();
  [[noreturn]] void become_session(const ProgramPlan& plan);

  const Daemon& daemon_;
  conf::Settings settings_;
  log::Log& log_;
  Endpoints ends_;
  bool tls_;
  uint32_t state_ = BeforeLogin;
  Channel channel_;
  pid_t login_ = -1;
  Deadline deadline_ = Deadline::in_seconds(kLoginSeconds + 5);
  std::unique_ptr<auth::Authenticator> authenticator_;
  std::optional<account::Account> account_;
  std::string base_;              // the drop path of the account's domain
  const char* answer_ = "wrong";  // what a refusal says
  int tries_ = 0;
  int notes_ = 0;
};

}  // namespace dmail::privsep
