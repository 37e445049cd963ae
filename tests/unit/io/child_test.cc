#include "io/child.h"

#include <sched.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <fstream>
#include <string>

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

// What waits in a file system of its user's is not gone when it is killed.  Here it is the first
// process of a namespace, which goes after its last one, and that is held by us.
TEST_CASE("child: one that cannot be killed is left behind") {
  const auto make = [](unsigned long flags) {
    return static_cast<pid_t>(::syscall(SYS_clone, flags | SIGCHLD, nullptr, nullptr, nullptr, 0));
  };
  pid_t first = make(CLONE_NEWPID);
  if (first < 0) first = make(CLONE_NEWPID | CLONE_NEWUSER);
  if (first == 0) {
    (void)!::fork();
    for (;;) ::pause();
  }
  if (first < 0) {
    WARN("no namespace of processes can be had here");
    return;
  }
  pid_t held = 0;
  const std::string children =
      "/proc/" + std::to_string(first) + "/task/" + std::to_string(first) + "/children";
  for (int i = 0; i < 1000 && !(std::ifstream(children) >> held); ++i) ::usleep(10000);
  REQUIRE(held > 0);
  REQUIRE(::ptrace(PTRACE_SEIZE, held, nullptr, nullptr) == 0);
  const int64_t began = monotonic_ms();
  const int status = reap(first, Deadline::in_ms(50));
  CHECK(WIFSIGNALED(status));
  CHECK(WTERMSIG(status) == SIGKILL);
  CHECK(monotonic_ms() - began >= kKilledMs);
  CHECK(monotonic_ms() - began < kKilledMs + 10000);
  CHECK(::waitpid(first, nullptr, WNOHANG) == 0);
  ::waitpid(held, nullptr, __WALL);
  ::waitpid(first, nullptr, 0);
}

}  // namespace dmail
