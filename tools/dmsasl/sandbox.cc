#include "tools/dmsasl/sandbox.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include "base/text.h"
#include "privsep/jail.h"
#include "privsep/sanitized.h"

namespace dmail::dmsasl {
namespace {

constexpr size_t kMaxKeytab = 256 * 1024;
constexpr rlim_t kMemory = 256u << 20, kReplayCache = 16u << 20, kCpuSeconds = 20;

// Never more than the monitor left us.
bool limit(decltype(RLIMIT_AS) what, rlim_t value) {
  rlimit l{};
  if (::getrlimit(what, &l) != 0) return false;
  l.rlim_cur = l.rlim_max = std::min(value, l.rlim_max);
  return ::setrlimit(what, &l) == 0;
}

}  // namespace

Status give_up_rights() {
  if (::geteuid() == 0 || ::getuid() == 0)
    return Error{ErrorKind::NoPermission, "", "does not run as root"};
  ::clearenv();
  if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return system_error("PR_SET_DUMPABLE", errno);
  if (!limit(RLIMIT_CORE, 0) || !limit(RLIMIT_NPROC, 0)) return system_error("setrlimit", errno);
  return {};
}

Status place_keytab(int fd) {
  if (::fcntl(fd, F_GETFD) < 0) return Error{ErrorKind::NotFound, "", "no kerberos_keytab"};
  const int memory = ::memfd_create("keytab", 0);
  if (memory < 0) return system_error("memfd", errno);
  size_t total = 0;
  char window[4096];
  for (;;) {
    const ssize_t n = ::read(fd, window, sizeof window);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return system_error("read keytab", errno);
    if (n == 0) break;
    total += static_cast<size_t>(n);
    if (total > kMaxKeytab) return Error{ErrorKind::Limit, "", "keytab too large"};
    if (::write(memory, window, static_cast<size_t>(n)) != n) return system_error("memfd", errno);
    ::explicit_bzero(window, sizeof window);
  }
  ::close(fd);
  // Through the descriptor's own name: nobody else may open it (we are not dumpable), and each
  // opening reads from the start.
  const std::string name = concat("FILE:/proc/self/fd/", memory);
  if (::setenv("KRB5_KTNAME", name.c_str(), 1) != 0) return system_error("setenv", errno);
  return {};
}

Status place_replay_cache(int fd) {
  if (::fcntl(fd, F_GETFD) < 0) return {};
  const std::string name = concat("file2:/proc/self/fd/", fd, "/replay");
  if (::setenv("KRB5RCACHENAME", name.c_str(), 1) != 0) return system_error("setenv", errno);
  return {};
}

Status close_sandbox(bool files) {
  bool set = limit(RLIMIT_CPU, kCpuSeconds) && limit(RLIMIT_NOFILE, files ? 64 : 16);
  if (!privsep::kSanitized)
    set = set && limit(RLIMIT_AS, kMemory) && limit(RLIMIT_FSIZE, files ? kReplayCache : 0);
  if (!set) return system_error("setrlimit", errno);
  return files ? privsep::enter_wide_jail() : privsep::enter_jail();
}

}  // namespace dmail::dmsasl
