// dsmtpd: the root monitor of an SMTP or LMTP connection.  inetd starts it with the connection on
// descriptors 0 and 1.  See monitor.h.
#include <signal.h>
#include <unistd.h>

#include "base/text.h"
#include "dsmtpd/monitor.h"
#include "io/connection_over.h"
#include "io/file.h"
#include "privsep/drop.h"
#include "privsep/monitor_options.h"
#include "privsep/monitor_parts.h"

using namespace dmail;

namespace {

constexpr std::string_view kUsage =
    "usage: dsmtpd [-C FILE] [--tls] [--submission | --lmtp]\n"
    "Serves the connection on descriptors 0 and 1; inetd starts it.\n"
    "  -C FILE       settings (" DMAIL_CONF
    "); -i FILE is the same\n"
    "  --tls         TLS from the first byte\n"
    "  --submission  mail from users, who log in first\n"
    "  --lmtp        LMTP (RFC 2033)\n"
    "  --version, --help\n";

void say(int fd, std::string_view text) {
  // A person's terminal or a client of whom nothing is known: one try.
  if (::write(fd, text.data(), text.size()) < 0) return;
}

dsmtpd::Service service_of(std::string_view option) {
  if (option == "--lmtp") return dsmtpd::Service::Lmtp;
  return option == "--submission" ? dsmtpd::Service::Submission : dsmtpd::Service::Smtp;
}

// All that the monitor itself ever says to a client.
int unavailable(bool tls) {
  if (!tls) say(1, "421 4.3.0 Service not available\r\n");
  return 1;
}
int too_many(bool tls) {
  if (!tls) say(1, "421 4.7.0 Too many connections from your address\r\n");
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const auto options = privsep::monitor_options(argc, argv, {"--lmtp", "--submission"});
  if (!options) {
    say(2, concat("dsmtpd: ", options.error().log, "\n", kUsage));
    return 2;
  }
  if (options->help) return say(1, kUsage), 0;
  if (options->version) return say(1, "dsmtpd (dmail) " DMAIL_VERSION "\n"), 0;

  if (const Status tidy = privsep::tidy_process(); !tidy) return 1;
  ::signal(SIGCHLD, SIG_DFL);
  set_names_in_errors(true);
  auto loaded = conf::load(options->config, conf::kDsmtpd);
  log::Log log = privsep::open_monitor_log("dsmtpd", loaded);
  log.set_session(log::new_session_id());
  if (!privsep::log_configuration(log, options->config, loaded)) return unavailable(options->tls);
  auto ends = privsep::endpoints_of(0);
  if (!ends) return log.info("gone", {{"text", ends.error().log}}), 0;
  if (!privsep::is_root()) log.info("unprivileged", {{"uid", ::geteuid()}});
  log.debug("connect",
            {{"ip", ends->client_ip}, {"to", ends->local_ip}, {"port", ends->local_port}});
  try {
    dsmtpd::Monitor monitor(std::move(loaded->settings), log, std::move(*ends),
                            service_of(options->service), options->tls);
    if (!monitor.take_place()) return too_many(options->tls);
    monitor.run();
  } catch (const ConnectionOver& over) {
    log.error("not-served", {{"text", over.what()}});
    return unavailable(options->tls);
  }
  return 0;
}
