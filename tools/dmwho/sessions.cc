#include "tools/dmwho/sessions.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <memory>
#include <optional>
#include <set>
#include <tuple>

#include "base/number.h"
#include "base/text.h"

namespace dmail::dmwho {
namespace {

using Directory = std::unique_ptr<DIR, int (*)(DIR*)>;

Directory open_dir(const std::string& path) { return {::opendir(path.c_str()), ::closedir}; }

std::string link_text(const std::string& path) {
  char text[PATH_MAX];
  const ssize_t n = ::readlink(path.c_str(), text, sizeof text);
  return {text, n > 0 ? static_cast<size_t>(n) : 0};
}

std::string program_of(pid_t pid) {
  std::string path = link_text(concat("/proc/", pid, "/exe"));
  constexpr std::string_view kDeleted = " (deleted)";
  if (path.ends_with(kDeleted)) path.resize(path.size() - kDeleted.size());
  return path.substr(path.rfind('/') + 1);
}

// The facts that a process holds, and the number of their inode.
std::optional<std::pair<privsep::SessionFacts, ino_t>> facts_of(pid_t pid) {
  const std::string wanted = concat("/memfd:", privsep::kFactsName, " (deleted)");
  const std::string path = concat("/proc/", pid, "/fd");
  const Directory directory = open_dir(path);
  while (const dirent* entry = directory ? ::readdir(directory.get()) : nullptr) {
    const std::string file = concat(path, '/', entry->d_name);
    if (link_text(file) != wanted) continue;
    const OwnedFd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    struct stat st {};
    if (!fd.valid() || ::fstat(fd.get(), &st) != 0) continue;
    if (auto facts = privsep::sealed_facts(fd.get(), ::geteuid()))
      return std::pair(std::move(*facts), st.st_ino);
  }
  return std::nullopt;
}

bool has_ended(int process, int wait_ms) {
  pollfd p{process, POLLIN, 0};
  return ::poll(&p, 1, wait_ms) > 0;
}

}  // namespace

Result<std::vector<Session>> sessions() {
  const Directory proc = open_dir("/proc");
  if (!proc) return system_error("open /proc", errno);
  std::vector<Session> found;
  std::set<ino_t> seen;  // a child between fork and exec holds what its parent does
  while (const dirent* entry = ::readdir(proc.get())) {
    const auto number = parse_u32(entry->d_name, INT_MAX);
    if (!number || *number == 0) continue;
    Session session;
    session.pid = static_cast<pid_t>(*number);
    session.process.reset(static_cast<int>(::syscall(SYS_pidfd_open, session.pid, 0)));
    if (!session.process.valid()) continue;
    auto facts = facts_of(session.pid);
    if (!facts || !seen.insert(facts->second).second) continue;
    session.facts = std::move(facts->first);
    session.program = program_of(session.pid);
    // What was read is this process's as long as it has not ended.
    if (!has_ended(session.process.get(), 0)) found.push_back(std::move(session));
  }
  std::sort(found.begin(), found.end(), [](const Session& a, const Session& b) {
    return std::tie(a.facts.user, a.facts.since, a.pid) <
           std::tie(b.facts.user, b.facts.since, b.pid);
  });
  return found;
}

bool end_session(const Session& session, int patience_ms) {
  const int process = session.process.get();
  if (::syscall(SYS_pidfd_send_signal, process, SIGTERM, nullptr, 0) != 0) return false;
  if (has_ended(process, patience_ms)) return true;
  (void)::syscall(SYS_pidfd_send_signal, process, SIGKILL, nullptr, 0);
  return has_ended(process, patience_ms);
}

}  // namespace dmail::dmwho
