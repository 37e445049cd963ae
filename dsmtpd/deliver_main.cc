// dsmtpd-deliver: stores the message on descriptor 0 in the INBOX of one user, as that user.
//
// Started by dsmtpd with the spool file on 0, a pipe for the outcome on 1, SessionStart on 3 (its
// pending bytes are the Trace) and the log on 4; by hand with options.  Refuses to run as root.
// Exit status 0 only when the message is on the disk, else one of <sysexits.h>:
//   EX_UNAVAILABLE over quota   EX_CANTCREAT no space   EX_TEMPFAIL mailbox locked   EX_IOERR
//   EX_NOPERM   EX_DATAERR the mailbox is damaged   EX_CONFIG, EX_USAGE
// One line of text for the sender goes to descriptor 1.
#include <signal.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <string>
#include <vector>

#include "base/text.h"
#include "dsmtpd/trace.h"
#include "io/clock.h"
#include "io/connection_over.h"
#include "io/file.h"
#include "log/log.h"
#include "privsep/session_start.h"
#include "store/store.h"

using namespace dmail;
using namespace dmail::dsmtpd;

namespace {

constexpr size_t kWindow = 64 * 1024;

constexpr std::string_view kUsage =
    "usage: dsmtpd-deliver --user NAME --drop FILE [--folders DIR] [--quota BYTES]\n"
    "                      [--sender ADDRESS] [--rcpt ADDRESS] [--helo NAME] [--host NAME] "
    "<message\n"
    "Stores the message on standard input in the drop file.  Must not be root.\n"
    "Exit status 0 when it is on the disk; otherwise as in sysexits.h, and nothing was stored.\n";

int say(int status, std::string_view text) {
  const std::string line = concat(text, "\n");
  return ::write(1, line.data(), line.size()) < 0 ? EX_OSERR : status;
}

int status_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::OverQuota:
      return EX_UNAVAILABLE;
    case ErrorKind::NoSpace:
      return EX_CANTCREAT;
    case ErrorKind::InUse:
    case ErrorKind::TryLater:
      return EX_TEMPFAIL;
    case ErrorKind::NoPermission:
      return EX_NOPERM;
    case ErrorKind::Corrupt:
      return EX_DATAERR;
    default:
      return EX_IOERR;
  }
}

// Takes our own options out of `words`; the rest is session_start_of's.
Trace take_trace_options(std::vector<char*>& words) {
  Trace trace;
  trace.helo = "localhost";
  trace.host = "localhost";
  trace.protocol = "local";
  std::vector<char*> rest{words[0]};
  for (size_t i = 1; i < words.size(); ++i) {
    const std::string_view word = words[i];
    std::string* value = word == "--sender" ? &trace.sender
                         : word == "--rcpt" ? &trace.recipient
                         : word == "--helo" ? &trace.helo
                         : word == "--host" ? &trace.host
                                            : nullptr;
    if (value != nullptr && i + 1 < words.size()) {
      *value = words[++i];
    } else {
      rest.push_back(words[i]);
    }
  }
  words = std::move(rest);
  return trace;
}

// By position: the offset of the spool file is shared with deliveries to others.  Only by hand can
// it be a pipe.
Result<size_t> read_spool(bool pipe, std::string& window, uint64_t at) {
  if (!pipe) return read_at(0, window, at);
  for (;;) {
    const ssize_t n = ::read(0, window.data(), window.size());
    if (n >= 0) return static_cast<size_t>(n);
    if (errno != EINTR) return system_error("read the message", errno);
  }
}

Status copy_spool(store::Appender& appender) {
  std::string window(kWindow, '\0');
  const bool pipe = ::lseek(0, 0, SEEK_CUR) < 0 && errno == ESPIPE;
  for (uint64_t at = 0;;) {
    auto n = read_spool(pipe, window, at);
    if (!n) return std::move(n.error());
    if (*n == 0) return {};
    DMAIL_TRY(appender.write(std::string_view(window).substr(0, *n)));
    at += *n;
  }
}

Status deliver(const privsep::SessionStart& start, const Trace& trace, log::Log& log) {
  store::StoreConfig config;
  config.drop_file = start.drop_file;
  config.folders = start.folders;
  config.quota_bytes = start.quota_bytes;
  config.lock_seconds = static_cast<int>(start.settings.lock_timeout);
  config.shared_spool = !start.settings.lock_id.empty();
  config.report = [&](const store::StoreEvent& event) {
    const log::Fields fields = {
        {"user", start.user}, {"mailbox", event.mailbox}, {"text", event.text}};
    event.what == "index-rebuilt" ? log.info(event.what, fields) : log.error(event.what, fields);
  };
  auto mail = store::Store::open(std::move(config));
  if (!mail) return std::move(mail.error());
  auto appender = (*mail)->append("INBOX");
  if (!appender) return std::move(appender.error());
  const int64_t now = wall_seconds();
  const int zone = local_zone_minutes(now);
  store::Appender::Meta meta;
  meta.internal_date = now;
  meta.zone_minutes = zone;
  meta.envelope_sender = trace.sender;
  DMAIL_TRY((*appender)->begin(std::move(meta)));
  DMAIL_TRY((*appender)->write(trace_headers(trace, now, zone)));
  DMAIL_TRY(copy_spool(**appender));
  DMAIL_TRY((*appender)->end());
  auto done = (*appender)->commit();
  if (!done) return std::move(done.error());
  return {};
}

int run(int argc, char** argv) {
  privsep::answer_help(argc, argv, kUsage);
  if (::geteuid() == 0 || ::getuid() == 0) return say(EX_NOPERM, "dsmtpd-deliver must not be root");
  ::signal(SIGXFSZ, SIG_IGN);
  ::signal(SIGPIPE, SIG_IGN);
  ::umask(077);
  std::vector<char*> words(argv, argv + argc);
  const bool by_hand = argc > 1;
  Trace trace = take_trace_options(words);
  auto start = privsep::session_start_of(static_cast<int>(words.size()), words.data(), kUsage);
  if (!start) return say(EX_USAGE, start.error().log);
  log::Log log =
      by_hand ? log::Log::to_stderr("dsmtpd-deliver", log::Level::Error)
              : log::Log::inherited("dsmtpd-deliver", start->session_id, start->settings.log_level);
  if (!by_hand) {
    auto parsed = parse_trace(start->pending);
    if (!parsed) {
      log.error("deliver-failed", {{"user", start->user}, {"text", parsed.error().log}});
      return say(EX_CONFIG, "Internal error");
    }
    trace = std::move(*parsed);
  }
  if (trace.recipient.empty()) trace.recipient = start->user;
  set_names_in_errors(true);
  set_sync_enabled(start->settings.fsync);
  if (Status done = deliver(*start, trace, log); !done) {
    const Error& error = done.error();
    log.line(log::level_of(error), "deliver-failed",
             {{"user", start->user}, {"text", error.log.empty() ? error.client : error.log}});
    return say(status_of(error.kind), error.client);
  }
  return say(EX_OK, "Delivered");
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const ConnectionOver& over) {
    return say(EX_IOERR, "The mailbox cannot be read");
  }
}
