// What a program in the wide jail can still do, and what kills it.
#include <catch2/catch.hpp>

#include <fcntl.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>

#include "privsep/jail.h"
#include "privsep/sanitized.h"

using namespace dmail::privsep;

namespace {

// Wait status of a child that does `work` in the jail.
int in_jail(const std::function<bool()>& work) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    const rlimit none{0, 0};
    ::setrlimit(RLIMIT_CORE, &none);
    if (!enter_wide_jail()) ::_exit(3);
    ::_exit(work() ? 0 : 4);
  }
  int status = -1;
  ::waitpid(pid, &status, 0);
  return status;
}

bool killed(const std::function<void()>& work) {
  const int status = in_jail([&] {
    work();
    return true;
  });
  return WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS;
}

}  // namespace

TEST_CASE("the wide jail: files, but no programs, processes or looks into others") {
  CHECK(in_jail([] { return ::open("/etc/passwd", O_RDONLY) >= 0; }) == 0);
  CHECK(in_jail([] { return ::getppid() > 0; }) == 0);
  if (kSanitized) return;
  char name[] = "/bin/true";
  char* const words[] = {name, nullptr};
  CHECK(killed([&] { ::execve(name, words, nullptr); }));
  CHECK(killed([&] { ::syscall(SYS_execveat, AT_FDCWD, name, words, nullptr, 0); }));
  CHECK(killed([] { (void)!::fork(); }));
  CHECK(killed([] { ::syscall(SYS_clone3, nullptr, 0); }));
  CHECK(killed([] { ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr); }));
  CHECK(killed([] { ::kill(::getppid(), 0); }));
  siginfo_t info{};
  info.si_code = SI_QUEUE;
  CHECK(killed([&] { ::syscall(SYS_rt_sigqueueinfo, ::getppid(), 0, &info); }));
  CHECK(killed([&] { ::syscall(SYS_rt_tgsigqueueinfo, ::getppid(), ::getppid(), 0, &info); }));
  CHECK(killed([] { ::prlimit(::getppid(), RLIMIT_CPU, nullptr, nullptr); }));
  CHECK(in_jail([] {
          rlimit own{};
          return ::prlimit(0, RLIMIT_CPU, nullptr, &own) == 0 &&
                 ::getrlimit(RLIMIT_NOFILE, &own) == 0;
        }) == 0);
  CHECK(killed([] { (void)!::chroot("/"); }));
  CHECK(killed([] { ::syscall(SYS_keyctl, 0, 0, 0, 0, 0); }));
#if defined(__x86_64__)
  CHECK(killed([] { ::syscall(0x40000000 + SYS_getpid); }));  // x32's numbers
#endif
}
