// dpopd-session: POP3 for one user on descriptors 0 and 1, under the user's uid.
#include <unistd.h>

#include <csignal>

#include "base/text.h"
#include "dpopd/session.h"
#include "io/client_stream.h"
#include "io/file.h"
#include "io/last_words.h"
#include "log/crash.h"
#include "log/log.h"
#include "privsep/session_start.h"

namespace {

constexpr std::string_view kUsage =
    "usage: dpopd-session --user NAME --drop FILE [--folders DIR] [--quota BYTES] [--set \"NAME "
    "VALUE\"]...\n"
    "\n"
    "Serves POP3 (after login) on standard input and output for the mail in FILE.  dpopd starts it "
    "for\n"
    "each connection; by hand it is good for tests and for looking at a mailbox:\n"
    "\n"
    "    printf 'LIST\\r\\nQUIT\\r\\n' | dpopd-session --user me --drop ~/mbox\n";

void say(std::string_view text) {
  std::string line = dmail::concat("dpopd-session: ", text, '\n');
  (void)!::write(2, line.data(), line.size());
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  auto start = dmail::privsep::session_start_of(argc, argv, kUsage);
  if (!start) {
    say(start.error().log.empty() ? start.error().client : start.error().log);
    return 64;
  }
  if (::geteuid() == 0 || ::getuid() == 0) {
    say("will not run as root: start it under the uid of the mailbox's owner");
    return 77;
  }
  dmail::set_sync_enabled(start->settings.fsync);
  dmail::log::Log log =
      dmail::log::Log::inherited("dpopd", start->session_id, start->settings.log_level);
  dmail::set_names_in_errors(true);
  dmail::log::tell_crashes(log, start->user, start->client_ip);
  dmail::prepare_signals();
  dmail::ClientStream stream(0, 1);
  dmail::dpopd::Session session(stream, *start, log);
  const int status = session.run();
  if (session.cut_off()) dmail::let_last_words_arrive(0, 1);
  return status;
}
