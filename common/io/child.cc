#include "io/child.h"

#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "io/owned_fd.h"

namespace dmail {
namespace {

constexpr int kLookAgainMs = 20;  // on a kernel without pidfd_open

// Whether `pid` was gone, and reaped, before the deadline.
bool gone_by(pid_t pid, int pidfd, Deadline deadline, int& status) {
  for (;;) {
    const pid_t reaped = ::waitpid(pid, &status, WNOHANG);
    if (reaped == pid || (reaped < 0 && errno != EINTR)) return true;
    if (deadline.passed()) return false;
    pollfd p{pidfd, POLLIN, 0};
    const int left = deadline.left_ms();
    (void)::poll(&p, 1, pidfd >= 0 ? left : std::min(left, kLookAgainMs));
  }
}

}  // namespace

int reap(pid_t pid, Deadline patience) {
  const OwnedFd ended(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  int status = 0;
  if (gone_by(pid, ended.get(), patience, status)) return status;
  ::kill(pid, SIGKILL);
  // A system call into a file system that the child's user serves does not end before he lets it.
  if (gone_by(pid, ended.get(), Deadline::in_ms(kKilledMs), status)) return status;
  return SIGKILL;
}

}  // namespace dmail
