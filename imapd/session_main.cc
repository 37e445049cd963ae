// imapd-session: plain IMAP on standard input and output for one user's mail, as that user. Refuses
// to run as root.  Started by the monitor (facts on descriptor 3) or by hand (options).
#include <unistd.h>

#include "base/text.h"
#include "imapd/client_stream.h"
#include "imapd/session.h"
#include "io/file.h"
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
  prepare_signals();
  ClientStream stream(0, 1);
  store::StoreConfig where;
  where.drop_file = start.drop_file;
  where.folders = start.folders;
  where.quota_bytes = start.quota_bytes;
  where.lock_seconds = static_cast<int>(start.settings.lock_timeout);
  where.shared_spool = !start.settings.lock_id.empty();
  auto store = store::Store::open(std::move(where));
  if (!store) {
    log.error("store", {{"user", start.user}, {"text", store.error().log}});
    const std::string refusal = concat(start.tag.empty() ? "* BYE" : start.tag + " NO",
                                       " [UNAVAILABLE] Mail is unavailable\r\n");
    stream.write(refusal, Deadline::in_seconds(10));
    return 1;
  }
  Session session(**store, stream, config_of(start), [&](std::string_view text) {
    log.info("session", {{"user", start.user}, {"text", text}});
  });
  session.run();
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
