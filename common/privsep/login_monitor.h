// One connection before login, seen by root: the state behind the request table of imapd and dpopd.
// Internal to privsep; monitor.h is what programs use.
#pragma once

#include <sys/types.h>

#include <string_view>
#include <utility>

#include "account/account.h"
#include "conf/settings.h"
#include "io/clock.h"
#include "log/log.h"
#include "privsep/connection.h"
#include "privsep/frame.h"
#include "privsep/gate.h"
#include "privsep/login_protocol.h"
#include "privsep/monitor.h"
#include "privsep/program.h"
#include "privsep/remote.h"
#include "privsep/tls_files.h"

namespace dmail::privsep {

class LoginMonitor {
 public:
  // States, as bits for the request table.
  enum State : uint32_t { BeforeLogin = 1, LoggedIn = 2, Replaced = 4, Exchanging = 8 };
  static constexpr uint32_t kAny = BeforeLogin | LoggedIn | Exchanging;

  LoginMonitor(const Daemon& daemon, conf::Settings settings, log::Log& log, Endpoints ends,
               bool tls)
      : daemon_(daemon),
        settings_(std::move(settings)),
        log_(log),
        ends_(std::move(ends)),
        tls_(tls),
        gate_(settings_, log_, ends_, daemon.service, channel_) {
    if (tls) gate_.set_tls(tls_files_);
  }

  [[nodiscard]] uint32_t state() const { return state_; }
  [[nodiscard]] bool done() const { return state_ == Replaced; }

  // Whether there is room for one more connection of this address; before run().
  bool take_place() { return gate_.places().take_address(ends_.client_ip); }
  // Returns when the connection is over without a session.  Throws ConnectionOver when it could not
  // even begin.
  void run();

  void on_authenticate(Frame& frame);
  void on_sasl_start(Frame& frame);
  void on_sasl_step(Frame& frame);
  void on_sasl_cancel(Frame& frame);
  void on_tls_facts(Frame& frame);
  void on_certificate_for(Frame& frame);
  void on_start_tls(Frame& frame);
  void on_hand_over(Frame& frame);
  void on_forwarded(Frame& frame);
  void on_note(Frame& frame);

 private:
  void start_login(bool greet);
  void end_login(bool now);
  void follow_gate();
  [[noreturn]] void become_session(const ProgramPlan& plan);

  // login_remote.cc: accounts on other hosts.  True when the hand-over is theirs, and answered.
  bool handed_to_remote(Frame& frame);
  void refer(const RemoteHost& host);
  Status proxy(const RemoteHost& host, Frame& frame);

  const Daemon& daemon_;
  conf::Settings settings_;
  log::Log& log_;
  Endpoints ends_;
  bool tls_;
  uint32_t state_ = BeforeLogin;
  Channel channel_;
  TlsFiles tls_files_{settings_, log_};
  pid_t login_ = -1;
  Deadline deadline_ = Deadline::in_seconds(kLoginSeconds + 5);
  Gate gate_;
  bool forwarded_ = false;  // this login program has told for whom its client comes
  bool passed_on_ = false;  // by another server: the session goes no further
  int notes_ = 0;
};

}  // namespace dmail::privsep
