#include "io/child.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>

namespace dmail {

TEST_CASE("child: its own end is waited for, at once and with its status") {
  const int64_t began = monotonic_ms();
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(7);
  const int status = reap(pid, Deadline::in_seconds(20));
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 7);
  CHECK(monotonic_ms() - began < 10000);
}

TEST_CASE("child: one that stays, or is stopped, is killed at the deadline") {
  for (const bool stopped : {false, true}) {
    const pid_t pid = ::fork();
    if (pid == 0) {
      if (stopped) ::raise(SIGSTOP);
      for (;;) ::pause();
    }
    const int64_t began = monotonic_ms();
    const int status = reap(pid, Deadline::in_ms(50));
    CHECK(WIFSIGNALED(status));
    CHECK(WTERMSIG(status) == SIGKILL);
    CHECK(monotonic_ms() - began < 10000);
  }
}

}  // namespace dmail
