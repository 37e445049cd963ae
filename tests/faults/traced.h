// A program and everything it starts under ptrace, stopped before and behind each system call.
// Linux on x86-64 and arm64.
#pragma once

#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <set>

namespace faults {

[[noreturn]] inline void die(const char* what) {
  std::perror(what);
  std::exit(99);
}

class Traced {
 public:
  virtual ~Traced() = default;

  // The exit status of the program, 128 and the signal that ended it, or 200 after kill_all().
  int run(char** program) {
    const pid_t child = ::fork();
    if (child < 0) die("fork");
    if (child == 0) {
      ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
      ::raise(SIGSTOP);
      ::execv(program[0], program);
      ::_exit(127);
    }
    int status = 0;
    if (::waitpid(child, &status, 0) != child) die("waitpid");
    constexpr long kOptions = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
                              PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;
    if (::ptrace(PTRACE_SETOPTIONS, child, nullptr, kOptions) != 0) die("ptrace");
    alive_.insert(child);
    ::ptrace(PTRACE_SYSCALL, child, nullptr, nullptr);
    return loop(child);
  }

 protected:
  // `pid` stands before the call that `call` names, or behind it.
  virtual void before(pid_t pid, const __ptrace_syscall_info& call) = 0;
  virtual void behind(pid_t pid, const __ptrace_syscall_info& call) = 0;

  void kill_all() {
    killed_ = true;
    for (pid_t p : alive_) ::kill(p, SIGKILL);
  }

 private:
  int loop(pid_t first) {
    int result = 0;
    while (!alive_.empty()) {
      int status = 0;
      const pid_t pid = ::waitpid(-1, &status, __WALL);
      if (pid < 0) {
        if (errno == EINTR) continue;
        break;
      }
      alive_.insert(pid);
      if (WIFEXITED(status) || WIFSIGNALED(status)) {
        alive_.erase(pid);
        if (pid == first) result = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        continue;
      }
      if (killed_) {
        ::kill(pid, SIGKILL);
        continue;
      }
      int pass_on = 0;
      const int signal = WSTOPSIG(status);
      if (signal == (SIGTRAP | 0x80))
        system_call(pid);
      else if (status >> 16 == 0 && signal != SIGSTOP && signal != SIGTRAP)
        pass_on = signal;
      ::ptrace(PTRACE_SYSCALL, pid, nullptr, pass_on);
    }
    return killed_ ? 200 : result;
  }

  void system_call(pid_t pid) {
    __ptrace_syscall_info info{};
    if (::ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof info, &info) <= 0) return;
    if (info.op == PTRACE_SYSCALL_INFO_ENTRY)
      before(pid, info);
    else if (info.op == PTRACE_SYSCALL_INFO_EXIT)
      behind(pid, info);
  }

  std::set<pid_t> alive_;
  bool killed_ = false;
};

}  // namespace faults
