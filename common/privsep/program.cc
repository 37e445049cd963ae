#include "privsep/program.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdlib>

#include "base/ascii.h"
#include "base/number.h"
#include "base/text.h"
#include "io/child.h"
#include "io/stream.h"
#include "privsep/drop.h"
#include "privsep/place.h"
#include "privsep/sanitized.h"

namespace dmail::privsep {
namespace {

struct Prepared {
  OwnedFd program;
  int source[kPlaces];
  std::vector<char*> arguments;
  std::vector<char*> environment;
  std::string zone;
};

Status prepare(const ProgramPlan& plan, Prepared& out) {
  std::fill(std::begin(out.source), std::end(out.source), -1);
  for (const auto& [ours, theirs] : plan.descriptors) {
    if (theirs < 0 || theirs >= kPlaces || ours < 0)
      return Error{ErrorKind::BadInput, "Internal error", "a descriptor out of range"};
    out.source[theirs] = ours;
  }
  out.program = OwnedFd(::open(plan.program.c_str(), O_PATH | O_CLOEXEC));
  if (!out.program.valid()) return system_error(concat("open ", plan.program), errno);
  for (const std::string& a : plan.arguments) out.arguments.push_back(const_cast<char*>(a.c_str()));
  out.arguments.push_back(nullptr);
  // Nothing of our environment passes on but the time zone.
  if (const char* zone = std::getenv("TZ"); zone != nullptr) {
    out.zone = concat("TZ=", zone);
    out.environment.push_back(out.zone.data());
  }
  out.environment.push_back(nullptr);
  return {};
}

Status confine() {
  struct Limit {
    __rlimit_resource what;
    rlim_t most;
  };
  constexpr Limit kLimits[] = {{RLIMIT_NPROC, 0},         {RLIMIT_NOFILE, 64},
                               {RLIMIT_FSIZE, 16u << 20}, {RLIMIT_CPU, 20},
                               {RLIMIT_AS, 256u << 20},   {RLIMIT_CORE, 0}};
  for (const Limit& limit : kLimits) {
    if (kSanitized && limit.what == RLIMIT_AS) continue;
    const rlimit both{limit.most, limit.most};
    if (::setrlimit(limit.what, &both) != 0) return system_error("setrlimit", errno);
  }
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return system_error("no_new_privs", errno);
  return {};
}

Error place_and_exec(const ProgramPlan& plan, const Prepared& prepared) {
  if (Status done = become(plan.ids); !done) return std::move(done.error());
  if (plan.confined)
    if (Status done = confine(); !done) return std::move(done.error());
  if (plan.seconds > 0) ::alarm(static_cast<unsigned>(plan.seconds));
  if (!place_descriptors(prepared.source, prepared.program.get()))
    return system_error("placing descriptors", errno);
  ::syscall(SYS_execveat, kPlaces, "", prepared.arguments.data(), prepared.environment.data(),
            AT_EMPTY_PATH);
  return system_error(concat("exec ", plan.program), errno);
}

}  // namespace

Error run_as(const ProgramPlan& plan) {
  Prepared prepared;
  if (Status done = prepare(plan, prepared); !done) return std::move(done.error());
  return place_and_exec(plan, prepared);
}

Result<pid_t> start_as(const ProgramPlan& plan) {
  Prepared prepared;
  DMAIL_TRY(prepare(plan, prepared));
  int pipe[2];
  if (::pipe2(pipe, O_CLOEXEC) != 0) return system_error("pipe", errno);
  OwnedFd report(pipe[0]);
  OwnedFd report_in(pipe[1]);
  // A true copy, not shared memory: from setuid on, the user's other processes may touch the child.
  const pid_t pid = ::fork();
  if (pid < 0) return system_error("fork", errno);
  if (pid == 0) {
    // Beyond the places, where only the exec closes it.
    const int told = ::fcntl(report_in.get(), F_DUPFD_CLOEXEC, kPlaces + 1);
    const Error error = place_and_exec(plan, prepared);
    const size_t size = std::min<size_t>(error.log.size(), PIPE_BUF);
    if (::write(told, error.log.data(), size) < 0) ::_exit(126);
    ::_exit(127);
  }
  report_in.reset();
  if (!wait_readable(report.get(), Deadline::in_ms(plan.start_ms))) {
    (void)reap(pid, Deadline::in_ms(0));
    return Error{ErrorKind::TryLater, "Internal error",
                 concat(plan.program, " did not start within ", plan.start_ms,
                        " ms: is its process stopped by another one of uid ", plan.ids.uid, '?')};
  }
  char text[PIPE_BUF];
  ssize_t n = 0;
  while ((n = ::read(report.get(), text, sizeof text)) < 0 && errno == EINTR) continue;
  if (n == 0) return pid;
  (void)reap(pid, Deadline::in_ms(plan.start_ms));
  return Error{ErrorKind::Io, "Internal error",
               std::string(text, n > 0 ? static_cast<size_t>(n) : 0)};
}

namespace {

Error ids_refused(const account::Account& account, std::string why) {
  return Error{ErrorKind::NoPermission, "Mail of this account cannot be served",
               concat(std::move(why), " (account ", escaped(account.user), ')')};
}

bool is_listed(const std::vector<std::string>& numbers, gid_t gid) {
  for (const std::string& line : numbers)
    for (std::string_view word : split_words(line))
      if (parse_u64(word) == gid) return true;
  return false;
}

// The ids that a module named.
Result<Ids> named_ids(const account::Account& account, Ids mail, Ids modules,
                      const conf::Settings& settings, const std::string& passwd_file) {
  const uid_t uid = *account.uid;
  auto own = ids_of(uid, passwd_file);
  if (!own) return own;
  const Ids ids{uid, account.gid.value_or(own->gid)};
  // Whoever has this uid has all passwords.
  if (uid == modules.uid)
    return ids_refused(account, concat("uid ", uid, " is module_user's, which runs no session"));
  // unixauth has looked, with the whole name service, and knows unix_uid_minimum.
  if (settings.authent_method == "unix_user") return ids;
  if (uid != mail.uid && uid < static_cast<uint64_t>(settings.unix_uid_minimum))
    return ids_refused(
        account, concat("uid ", uid, " is below unix_uid_minimum ", settings.unix_uid_minimum));
  if (ids.gid == own->gid || ids.gid == mail.gid || is_listed(settings.account_gids, ids.gid))
    return ids;
  return ids_refused(account, concat("gid ", ids.gid, " is not the group of uid ", uid, " (",
                                     own->gid, "): add it to account_gids if it is meant"));
}

Result<Ids> not_root(const account::Account& account, Result<Ids> ids) {
  if (ids && (ids->uid == 0 || ids->gid == 0))
    return ids_refused(account, "the account's ids are root's");
  return ids;
}

}  // namespace

Result<Ids> ids_for_account(const account::Account& account, bool become_user,
                            const conf::Settings& settings, const std::string& passwd_file) {
  if (!is_root()) return Ids{::getuid(), ::getgid()};
  if (!account.uid || !become_user)
    return not_root(account, ids_of(settings.mail_user, passwd_file));
  const TwoIds both = ids_of_two(settings.mail_user, settings.module_user, passwd_file);
  const auto or_none = [](const Result<Ids>& ids) { return ids ? *ids : Ids{}; };
  return not_root(account, named_ids(account, or_none(both.first), or_none(both.second), settings,
                                     passwd_file));
}

std::string process_title(std::string_view program, const conf::Settings& settings,
                          std::string_view user, std::string_view client_ip) {
  constexpr size_t kMaxTitleUser = 100;
  std::string title(program);
  if (settings.process_title == "none") return title;
  if (!user.empty()) {
    title += ": ";
    for (const char c : user.substr(0, kMaxTitleUser)) title += is_graph(c) ? c : '?';
  }
  if (settings.process_title == "address" && !client_ip.empty())
    title += concat(" [", client_ip, ']');
  return title;
}

Result<OwnedFd> text_descriptor(std::string_view text) {
  // A short text fits into a pipe; a long one needs a file, and memory has one.
  constexpr size_t kPipeHolds = 4096;
  OwnedFd in, out;
  if (text.size() <= kPipeHolds) {
    int pipe[2];
    if (::pipe2(pipe, O_CLOEXEC) != 0) return system_error("pipe", errno);
    in.reset(pipe[1]);
    out.reset(pipe[0]);
  } else {
    out.reset(::memfd_create("start", MFD_CLOEXEC));
    if (!out.valid()) return system_error("memfd", errno);
  }
  const int target = in.valid() ? in.get() : out.get();
  while (!text.empty()) {
    const ssize_t n = ::write(target, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return system_error("write of the session start", errno);
    text.remove_prefix(static_cast<size_t>(n));
  }
  if (!in.valid() && ::lseek(out.get(), 0, SEEK_SET) != 0) return system_error("lseek", errno);
  return out;
}

std::string sibling(std::string_view libexec_path, std::string_view name) {
  if (!libexec_path.empty()) return concat(libexec_path, '/', name);
  char self[PATH_MAX];
  const ssize_t n = ::readlink("/proc/self/exe", self, sizeof self);
  if (n <= 0 || static_cast<size_t>(n) >= sizeof self) return concat(DMAIL_LIBEXEC, '/', name);
  const std::string_view path(self, static_cast<size_t>(n));
  return concat(path.substr(0, path.rfind('/') + 1), name);
}

}  // namespace dmail::privsep
