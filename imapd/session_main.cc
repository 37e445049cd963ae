// imapd-session: plain IMAP on standard input and output for one user's mail, as that user. Refuses
// to run as root.  Started by the monitor (facts on descriptor 3) or by hand (options).
#include <unistd.h>

#include "base/text.h"
#include "imapd/session.h"
#include "io/client_stream.h"
#include "io/file.h"
#include "io/last_words.h"
#include "log/crash.h"
#include "log/log.h"
#include "privsep/session_start.h"

namespace dmail::imapd {
namespace {

constexpr std::string_view kUsage =
    "usage: imapd-session --drop FILE [--folders DIR] [--user NAME] [--quota BYTES]\n"
    "                     [--config FILE] [--set \"NAME VALUE\"]...\n"
    "IMAP on standard input and output for the mail in FILE and DIR (default FILE.mbx).\n";

void complain(std::string_view text) {
  const std::string line = concat("imapd-session: ", text, "\n");
  if (::write(2, line.data(), line.size()) < 0) return;
}

SessionConfig config_of(privsep::SessionStart& start) {
  SessionConfig config;
  config.user = start.user;
  config.tag = std::move(start.tag);
  config.command = std::move(start.command);
  config.pending = std::move(start.pending);
  config.create_folders = start.settings.create_folders;
  config.message_size_limit = static_cast<uint64_t>(start.settings.message_size_limit);
  config.quota_bytes = start.quota_bytes;
  config.idle_ms = start.settings.imapd_timeout * 1000;
  return config;
}

int serve(privsep::SessionStart& start) {
  log::Log log = log::Log::inherited("imapd", start.session_id, start.settings.log_level);
  set_sync_enabled(start.settings.fsync);
  set_names_in_errors(true);
  log::tell_crashes(log, start.user, start.client_ip);
  const int64_t began = monotonic_ms();
  prepare_signals();
  ClientStream stream(0, 1);
  store::StoreConfig where;
  where.drop_file = start.drop_file;
  where.folders = start.folders;
  where.quota_bytes = start.quota_bytes;
  where.lock_seconds = static_cast<int>(start.settings.lock_timeout);
  where.shared_spool = !start.settings.lock_id.empty();
  where.report = [&](const store::StoreEvent& event) {
    const log::Fields fields = {
        {"user", start.user}, {"mailbox", event.mailbox}, {"text", event.text}};
    event.what == "index-rebuilt" ? log.info(event.what, fields) : log.error(event.what, fields);
  };
  auto store = store::Store::open(std::move(where));
  if (!store) {
    log.line(log::level_of(store.error()), "mailbox-failed",
             {{"user", start.user}, {"ip", start.client_ip}, {"text", store.error().log}});
    const std::string refusal = concat(start.tag.empty() ? "* BYE" : start.tag + " NO",
                                       " [UNAVAILABLE] Mail is unavailable\r\n");
    stream.write(refusal, Deadline::in_seconds(10));
    return 1;
  }
  Session session(**store, stream, config_of(start), [&](bool fault, std::string_view text) {
    log.line(fault ? log::Level::Error : log::Level::Info, "command-failed",
             {{"user", start.user}, {"ip", start.client_ip}, {"text", text}});
  });
  const Session::End end = session.run();
  log.info("session-end", {{"user", start.user},
                           {"ip", start.client_ip},
                           {"reason", end.reason},
                           {"text", end.text},
                           {"seconds", (monotonic_ms() - began) / 1000},
                           {"in", end.octets_in},
                           {"out", end.octets_out},
                           {"commands", end.commands},
                           {"fetched", end.fetched},
                           {"stored", end.stored}});
  if (end.reason == "error") let_last_words_arrive(0, 1);
  return 0;
}

}  // namespace
}  // namespace dmail::imapd

int main(int argc, char** argv) {
  using namespace dmail;
  privsep::answer_help(argc, argv, imapd::kUsage);
  if (::getuid() == 0 || ::geteuid() == 0) {
    imapd::complain("refuses to run as root");
    return 1;
  }
  auto start = privsep::session_start_of(argc, argv, imapd::kUsage);
  if (!start) {
    imapd::complain(start.error().client);
    return 1;
  }
  return imapd::serve(*start);
}
