// Running a program as an ordinary user: the end of a monitor (run_as) or a child of it (start_as).
// Neither ever runs anything as root.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "account/account.h"
#include "base/result.h"
#include "conf/settings.h"
#include "io/owned_fd.h"
#include "privsep/ids.h"

namespace dmail::privsep {

struct ProgramPlan {
  std::string program;                 // path
  std::vector<std::string> arguments;  // argv[0] first
  std::vector<std::pair<int, int>>
      descriptors;           // {ours, the program's (below 12)}; others are closed
  Ids ids;                   // as become() takes them
  int seconds = 0;           // its life, then SIGALRM; 0: as long as it likes
  int start_ms = 10 * 1000;  // until it runs
  bool confined = false;     // gains no rights, starts nothing, few files, memory and time
};

// The program replaces this process: returns only with what went wrong, and then the process may
// have changed its ids and descriptors and must end soon.
Error run_as(const ProgramPlan& plan);
// As a child.  Returns once the program runs.  A child that has not come so far within start_ms
// (its user's other processes may stop it) is killed, and that is an Error.
Result<pid_t> start_as(const ProgramPlan& plan);

// Whom to serve an account as: its own ids, else, where `become_user` is false or it has no uid,
// the mail user; never root, nor module_user.  An external module does not get to choose among the
// system's: a uid below unix_uid_minimum and a group that is neither the uid's own nor the mail
// user's nor in account_gids are refused.  Where we are not root: ourselves.
Result<Ids> ids_for_account(const account::Account& account, bool become_user,
                            const conf::Settings& settings,
                            const std::string& passwd_file = "/etc/passwd");

// What ps(1) shows of a program as its first argument, as the setting process_title wants it:
// "imapd-session: joe@virt.example [192.0.2.1]".  An empty user or address is left out; bytes that
// a terminal could take for something else are '?'.
std::string process_title(std::string_view program, const conf::Settings& settings,
                          std::string_view user, std::string_view client_ip);

// A descriptor from which `text` can be read once, for kStartFd.
Result<OwnedFd> text_descriptor(std::string_view text);

// A sibling program: in `libexec_path` when that is set, else beside this executable.
std::string sibling(std::string_view libexec_path, std::string_view name);

}  // namespace dmail::privsep
