#include "io/child.h"

#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "io/owned_fd.h"

namespace dmail {

int reap(pid_t pid, Deadline patience) {
  const OwnedFd ended(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  pollfd p{ended.get(), POLLIN, 0};
  int n = 0;
  // A kernel without pidfd_open has nobody to be patient with.
  while (ended.valid() && (n = ::poll(&p, 1, patience.left_ms())) < 0 && errno == EINTR) continue;
  if (n <= 0) ::kill(pid, SIGKILL);
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
  return status;
}

}  // namespace dmail
