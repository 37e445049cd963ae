#include "dsmtpd/handoff.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/text.h"
#include "io/child.h"
#include "io/file.h"
#include "io/stream.h"
#include "privsep/program.h"
#include "privsep/session_start.h"
#include "privsep/user_files.h"

namespace dmail::dsmtpd {
namespace {

constexpr size_t kMaxOutcome = 500;  // what a delivery program may say, bytes

Reply not_now(const std::string& address) {
  return answer(451, "4.3.0", concat("<", address, ">: Mailbox cannot be reached now"));
}

struct Outcome {
  int status = -1;  // exit status; -1: killed, or stopped because it took too long
  std::string text;
};

// Reads what the child says until it is gone.
Outcome wait_for(pid_t pid, int pipe, Deadline deadline) {
  Outcome outcome;
  char window[256];
  for (bool open = true; open;) {
    if (!wait_readable(pipe, deadline)) {
      outcome.text = "took too long";
      break;
    }
    const ssize_t n = ::read(pipe, window, sizeof window);
    if (n > 0 && outcome.text.size() < kMaxOutcome)
      outcome.text.append(window, static_cast<size_t>(n));
    open = n > 0 || (n < 0 && errno == EINTR);
  }
  // The pipe may close before the program ends; it has nothing left to do that takes time.  But it
  // runs as the recipient, who may have stopped it.
  const int status = reap(pid, deadline);
  if (WIFEXITED(status)) outcome.status = WEXITSTATUS(status);
  while (!outcome.text.empty() && outcome.text.back() == '\n') outcome.text.pop_back();
  return outcome;
}

Result<OwnedFd> start_text(const conf::Settings& settings, const DeliveryPlan& plan) {
  const account::Account& account = plan.recipient->account;
  privsep::SessionStart start;
  start.service = plan.lmtp ? "lmtp" : "smtp";
  start.user = account.user;
  start.drop_file = account.drop_file;
  start.folders = account.folders;
  start.quota_bytes = account.quota_bytes;
  start.session_id = plan.trace.session_id;
  start.client_ip = plan.trace.client_ip;
  start.tls = plan.tls;
  start.pending = serialise(plan.trace);
  start.settings = settings;
  return privsep::text_descriptor(privsep::serialise(start));
}

Result<Outcome> run(const conf::Settings& settings, const log::Log& log, const DeliveryPlan& plan) {
  const account::Account& account = plan.recipient->account;
  auto ids = privsep::ids_for_account(account, true, settings);
  if (!ids) return std::move(ids.error());
  DMAIL_TRY(privsep::prepare_mail({plan.recipient->base, &account, *ids, plan.mail_ids}));
  auto start = start_text(settings, plan);
  if (!start) return std::move(start.error());
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return system_error("pipe", errno);
  const OwnedFd report(ends[0]);
  OwnedFd report_in(ends[1]);

  privsep::ProgramPlan program;
  program.program = privsep::sibling(settings.libexec_path, "dsmtpd-deliver");
  program.arguments = {
      privsep::process_title("dsmtpd-deliver", settings, account.user, plan.trace.client_ip)};
  program.ids = *ids;
  program.descriptors = {
      {plan.spool, 0}, {report_in.get(), 1}, {2, 2}, {start->get(), privsep::kStartFd}};
  if (log.fd() >= 0) program.descriptors.emplace_back(log.fd(), privsep::kLogFd);
  auto pid = privsep::start_as(program);
  if (!pid) return std::move(pid.error());
  report_in.reset();
  return wait_for(*pid, report.get(),
                  Deadline::in_seconds(settings.lock_timeout + kDeliverySeconds));
}

}  // namespace

bool is_fault_status(int status) {
  return status != EX_OK && status != EX_UNAVAILABLE && status != EX_TEMPFAIL;
}

Reply reply_for_exit(int status, const std::string& address) {
  auto about = [&](const char* text) { return concat("<", address, ">: ", text); };
  switch (status) {
    case EX_OK:
      return answer(250, "2.0.0", about("Delivered"));
    case EX_UNAVAILABLE:
      return answer(552, "5.2.2", about("Mailbox is full"));
    case EX_CANTCREAT:
      return answer(452, "4.3.1", about("No room on the server now"));
    case EX_TEMPFAIL:
      return answer(451, "4.2.0", about("Mailbox is in use"));
    case EX_DATAERR:
      return answer(451, "4.2.0", about("Mailbox is damaged"));
    case EX_NOPERM:
    case EX_CONFIG:
    case EX_USAGE:
      return answer(451, "4.3.5", about("Mailbox cannot be reached now"));
    default:
      return not_now(address);
  }
}

Result<OwnedFd> open_spool_file(const conf::Settings& settings) {
  const std::string directory = settings.work_path + "/spool";
  int fd = ::open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (fd < 0 && errno == ENOENT && (::mkdir(directory.c_str(), 0700) == 0 || errno == EEXIST))
    fd = ::open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (fd >= 0) return OwnedFd(fd);
  if (errno != EOPNOTSUPP && errno != EISDIR)
    return system_error(concat("spool file in ", directory), errno);
  // A file system without O_TMPFILE.
  std::string name = directory + "/data.XXXXXX";
  fd = ::mkostemp(name.data(), O_CLOEXEC);
  if (fd < 0) return system_error(concat("spool file in ", directory), errno);
  ::unlink(name.c_str());
  return OwnedFd(fd);
}

Status check_room(const conf::Settings& settings, int fd, uint64_t announced) {
  struct statvfs room {};
  // What cannot be told is no reason to refuse mail.
  return ::fstatvfs(fd, &room) == 0 ? check_room(settings, room, announced) : Status();
}

Status check_room(const conf::Settings& settings, const struct statvfs& room, uint64_t announced) {
  const uint64_t free = uint64_t{room.f_bavail} * room.f_frsize;
  // Of a small file system a sixteenth is enough.
  const uint64_t kept = std::min(static_cast<uint64_t>(settings.smtp_min_free),
                                 uint64_t{room.f_blocks} * room.f_frsize / 16);
  if (free >= kept && free - kept >= announced) return {};
  return Error{ErrorKind::NoSpace, "",
               concat(settings.work_path, "/spool: ", free, " bytes are free; smtp_min_free keeps ",
                      kept, ", the message has ", announced)};
}

Result<OwnedFd> reopen_for_reading(int fd) {
  const std::string path = concat("/proc/self/fd/", fd);
  OwnedFd readable(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!readable.valid()) return system_error("reopen the spool file", errno);
  return readable;
}

Reply deliver(const conf::Settings& settings, log::Log& log, const DeliveryPlan& plan) {
  const Recipient& recipient = *plan.recipient;
  auto outcome = run(settings, log, plan);
  Reply reply =
      outcome ? reply_for_exit(outcome->status, recipient.address) : not_now(recipient.address);
  const std::string_view text = !outcome ? outcome.error().log : outcome->text;
  const bool fault = outcome ? is_fault_status(outcome->status) : is_fault(outcome.error());
  log.line(fault ? log::Level::Error : log::Level::Info,
           reply.code == 250 ? "delivered" : "not-delivered",
           {{"from", plan.trace.sender},
            {"to", recipient.address},
            {"user", recipient.account.user},
            {"ip", plan.mail->client_ip},
            {"protocol", plan.trace.protocol},
            {"login", plan.mail->login},
            {"size", plan.mail->size},
            {"message_id", plan.mail->message_id},
            {"mailbox", recipient.account.drop_file},
            {"code", reply.code},
            {"text", text}});
  return reply;
}

}  // namespace dmail::dsmtpd
