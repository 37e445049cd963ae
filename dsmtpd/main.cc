// dsmtpd: the root monitor of an SMTP or LMTP connection.  inetd starts it with the connection on
// descriptors 0 and 1.  See monitor.h.
#include <signal.h>
#include <unistd.h>

#include "base/text.h"
#include "dsmtpd/monitor.h"
#include "io/connection_over.h"
#include "privsep/drop.h"

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

struct Options {
  std::string config = DMAIL_CONF;
  bool tls = false;
  dsmtpd::Service service = dsmtpd::Service::Smtp;
};

void say(int fd, std::string_view text) {
  // A person's terminal or a client of whom nothing is known: one try.
  if (::write(fd, text.data(), text.size()) < 0) return;
}

Result<Options> options_of(int argc, char** argv) {
  Options out;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "-C" || word == "-i") {
      if (++i == argc) return Error{ErrorKind::BadInput, "", concat(word, " takes a file name")};
      out.config = argv[i];
    } else if (word == "--tls") {
      out.tls = true;
    } else if (word == "--lmtp") {
      out.service = dsmtpd::Service::Lmtp;
    } else if (word == "--submission") {
      out.service = dsmtpd::Service::Submission;
    } else if (word == "--help") {
      say(1, kUsage);
      ::_exit(0);
    } else if (word == "--version") {
      say(1, "dsmtpd (dmail) " DMAIL_VERSION "\n");
      ::_exit(0);
    } else {
      return Error{ErrorKind::BadInput, "", concat("unknown option ", escaped(word, 40))};
    }
  }
  return out;
}

log::Log open_log(const conf::Settings& settings) {
  log::Place place;
  place.directory = settings.log_path.empty() ? settings.work_path : settings.log_path;
  place.program = "dsmtpd";
  place.max_size = settings.max_log_size;
  place.keep = static_cast<int>(settings.rotated_logs);
  return log::Log::open(place, log::level_of(settings.log_level));
}

void log_remarks(log::Log& log, const std::vector<conf::Remark>& remarks) {
  for (const conf::Remark& r : remarks) {
    const bool error = r.level == conf::Remark::Level::Error;
    if (error || log.wants(log::Level::Debug))
      log.error(error ? "config-error" : "config-warning",
                {{"file", r.file}, {"line", r.line}, {"text", r.text}});
  }
}

// All that the monitor itself ever says to a client.
int unavailable(bool tls) {
  if (!tls) say(1, "421 4.3.0 Service not available\r\n");
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  const auto options = options_of(argc, argv);
  if (!options) {
    say(2, concat("dsmtpd: ", options.error().log, "\n", kUsage));
    return 2;
  }
  if (const Status tidy = privsep::tidy_process(); !tidy) return 1;
  ::signal(SIGCHLD, SIG_DFL);
  auto loaded = conf::load(options->config, conf::kDsmtpd);
  log::Log log = open_log(loaded ? loaded->settings : conf::Settings());
  log.set_session(log::new_session_id());
  if (!loaded) {
    log.error("config-error", {{"file", options->config}, {"text", loaded.error().log}});
    return unavailable(options->tls);
  }
  log_remarks(log, loaded->remarks);
  auto ends = privsep::endpoints_of(0);
  if (!ends) return log.info("gone", {{"text", ends.error().log}}), 0;
  if (!privsep::is_root()) log.info("unprivileged", {{"uid", ::geteuid()}});
  log.debug("connect",
            {{"ip", ends->client_ip}, {"to", ends->local_ip}, {"port", ends->local_port}});
  try {
    dsmtpd::Monitor(std::move(loaded->settings), log, std::move(*ends), options->service,
                    options->tls)
        .run();
  } catch (const ConnectionOver& over) {
    log.error("not-served", {{"text", over.what()}});
    return unavailable(options->tls);
  }
  return 0;
}
