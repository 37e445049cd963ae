// The root monitor of imapd and dpopd.  inetd starts it with the connection on descriptors 0 and 1.
// It reads dmail.conf, starts the jailed login program, answers its few requests
// (login_protocol.h), and on success makes the user's files, gives up root for good and becomes the
// session program, which reads SessionStart.  It never reads from the client.  dsmtpd has a monitor
// of its own, from the same parts.
//
// After kMaxTries (gate_frames.h) wrong logins, kLoginSeconds, or any request that is not permitted
// now, it ends.
#pragma once

#include <string_view>

#include "account/account.h"
#include "conf/settings.h"

namespace dmail::privsep {

struct Daemon {
  account::Service service;
  conf::Program program;
  std::string_view name;  // "imapd": NAME-login, NAME-login-tls and NAME-session are its programs
};

// The whole of main().  Options: -C FILE (or -i FILE), --tls, --help, --version.
int run_monitor(int argc, char** argv, const Daemon& daemon);

}  // namespace dmail::privsep
