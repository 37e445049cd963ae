#include "privsep/monitor.h"

#include <signal.h>
#include <unistd.h>

#include "base/text.h"
#include "io/connection_over.h"
#include "io/file.h"
#include "log/log.h"
#include "privsep/connection.h"
#include "privsep/drop.h"
#include "privsep/login_monitor.h"
#include "privsep/monitor_options.h"
#include "privsep/monitor_parts.h"

namespace dmail::privsep {
namespace {

void say(int fd, std::string_view text) {
  // A person's terminal or a client of whom nothing is known: one try.
  if (::write(fd, text.data(), text.size()) < 0) return;
}

// All that the monitor itself ever says to a client.
void say_unavailable(const Daemon& daemon, bool tls,
                     std::string_view text = "Service not available") {
  if (tls) return;  // it would not be understood
  const bool pop = daemon.service == account::Service::Pop;
  say(1, concat(pop ? "-ERR [SYS/TEMP] " : "* BYE [UNAVAILABLE] ", text, "\r\n"));
}

std::string usage(const Daemon& daemon) {
  return concat("usage: ", daemon.name,
                " [-C FILE] [--tls]\n"
                "Serves the connection on descriptors 0 and 1; inetd starts it.\n"
                "  -C FILE    settings (" DMAIL_CONF
                "); -i FILE is the same\n"
                "  --tls      TLS from the first byte\n"
                "  --version, --help\n");
}

}  // namespace

int run_monitor(int argc, char** argv, const Daemon& daemon) {
  const auto options = monitor_options(argc, argv);
  if (!options) {
    say(2, concat(daemon.name, ": ", options.error().log, "\n", usage(daemon)));
    return 2;
  }
  if (options->help) return say(1, usage(daemon)), 0;
  if (options->version) return say(1, concat(daemon.name, " (dmail) " DMAIL_VERSION "\n")), 0;

  if (const Status tidy = tidy_process(); !tidy) return 1;
  ::signal(SIGCHLD, SIG_DFL);
  set_names_in_errors(true);
  auto loaded = conf::load(options->config, daemon.program);
  log::Log log = open_monitor_log(daemon.name, loaded);
  log.set_session(log::new_session_id());
  if (!log_configuration(log, options->config, loaded)) {
    say_unavailable(daemon, options->tls);
    return 1;
  }
  auto ends = endpoints_of(0);
  if (!ends) return log.info("gone", {{"text", ends.error().log}}), 0;
  if (!is_root()) log.info("unprivileged", {{"uid", ::geteuid()}});
  log.debug("connect",
            {{"ip", ends->client_ip}, {"to", ends->local_ip}, {"port", ends->local_port}});
  try {
    LoginMonitor monitor(daemon, std::move(loaded->settings), log, std::move(*ends), options->tls);
    if (monitor.take_place())
      monitor.run();
    else
      say_unavailable(daemon, options->tls, "Too many connections from your address");
  } catch (const ConnectionOver& over) {
    log.error("not-served", {{"text", over.what()}});
    say_unavailable(daemon, options->tls);
    return 1;
  }
  return 0;
}

}  // namespace dmail::privsep
