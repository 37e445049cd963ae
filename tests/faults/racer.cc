// Stops a program before its n-th system call while another one acts, for every interleaving that
// a test wants to force.
//
//   racer --report FILE [--reads R] --point N [--other-reads R] [--other-point M]
//         --first IN OUT --second IN OUT -- PROGRAM ARGUMENT... -+- PROGRAM ARGUMENT...
//
// The first program runs to its N-th counted call; there it stands while the second one runs to its
// end, or to its own M-th counted call, or until it sleeps, which it does only for a lock that the
// first one has.  Then the first goes on to its end (or sleeps in its turn), then the second.  One
// that has a K is killed before its K-th call, which is N (M) or, after it stood there, a later
// one.  IN and OUT are open descriptors.  Calls count from the R-th read of descriptor 0 on (0:
// from the start), so a test gives commands one by one through a pipe that keeps packets apart and
// walks one of them.  Not counted is what no other process can see: memory, signals, waiting, the
// client's connection.
//
// FILE gets one line: calls counted of the first, the number of its N-th or -, how it went, both
// exit statuses; and one with the numbers of all calls counted of the first.  How it went: "missed"
// (the first had fewer calls), "raced" (the second ended while the first stood), "between" (it
// stood at its M-th call, and the first ended meanwhile), "waited" (one had to wait for the other),
// "hung" (not over after kLimit: both are killed). Linux on x86-64 and arm64; single-threaded
// programs that start no others.
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <set>
#include <string>

namespace {

constexpr int kLimit = 100;    // seconds for both
constexpr int kAsleep = 3;     // looks in a row that find a program sleeping: it waits
constexpr long kLookNs = 2e6;  // between two looks

[[noreturn]] void die(const char* what) {
  std::perror(what);
  std::exit(99);
}

const std::set<long>& unseen_calls() {
  static const std::set<long> table = {
      SYS_brk,
      SYS_munmap,
      SYS_mprotect,
      SYS_madvise,
      SYS_mremap,
      SYS_rt_sigaction,
      SYS_rt_sigprocmask,
      SYS_rt_sigreturn,
      SYS_ppoll,
      SYS_sendto,
      SYS_getpid,
      SYS_uname,
      SYS_setsockopt,
      SYS_execve,
      SYS_exit_group,
      SYS_getuid,
      SYS_geteuid,
      SYS_getgid,
      SYS_getegid,
      SYS_prctl,
      SYS_getrandom,
      SYS_futex,
      SYS_set_tid_address,
      SYS_prlimit64,
      SYS_set_robust_list,
      SYS_rseq,
      SYS_clock_nanosleep,
      SYS_nanosleep,
#ifdef SYS_poll  // newer processors have only the calls above
      SYS_poll,
      SYS_arch_prctl,
#endif
  };
  return table;
}

struct Party {
  char** program = nullptr;
  int in = -1, out = -1;
  long reads = 0, point = 0;  // point 0: it is not stopped anywhere
  long kill_at = 0;
  pid_t pid = -1;
  long reads_seen = 0, seen = 0;
  std::string call = "-";
  std::string calls;
  bool traced = false, exec_seen = false, at_point = false, ended = false;
  int status = 0;
};

void start(Party& p) {
  p.traced = p.point > 0;
  p.pid = ::fork();
  if (p.pid < 0) die("fork");
  if (p.pid != 0) return;
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  if (::dup2(p.in, 0) < 0 || ::dup2(p.out, 1) < 0) ::_exit(126);
  for (int fd = 3; fd < 256; ++fd) ::close(fd);
  if (p.traced) {
    ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
    ::raise(SIGSTOP);
  }
  ::execv(p.program[0], p.program);
  ::_exit(127);
}

void begin_trace(const Party& p) {
  int status = 0;
  if (::waitpid(p.pid, &status, 0) != p.pid || !WIFSTOPPED(status)) die("waitpid");
  constexpr long kOptions = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;
  if (::ptrace(PTRACE_SETOPTIONS, p.pid, nullptr, kOptions) != 0) die("ptrace");
  ::ptrace(PTRACE_SYSCALL, p.pid, nullptr, nullptr);
}

// Whether the program stands before the call it is to be stopped at.
bool reached(Party& p) {
  __ptrace_syscall_info info{};
  if (::ptrace(PTRACE_GET_SYSCALL_INFO, p.pid, sizeof info, &info) <= 0) return false;
  if (info.op != PTRACE_SYSCALL_INFO_ENTRY || !p.exec_seen) return false;
  const auto call = static_cast<long>(info.entry.nr);
  const bool talks =
      (call == SYS_read || call == SYS_write || call == SYS_writev || call == SYS_readv) &&
      info.entry.args[0] <= 2;
  if (talks) {
    if (call == SYS_read && info.entry.args[0] == 0) ++p.reads_seen;
    return false;
  }
  if (p.reads_seen < p.reads || unseen_calls().contains(call)) return false;
  p.calls += ' ' + std::to_string(call);
  if (++p.seen != p.point) return false;
  p.call = std::to_string(call);
  return true;
}

bool sleeps(pid_t pid) {
  const std::string path = "/proc/" + std::to_string(pid) + "/stat";
  FILE* f = std::fopen(path.c_str(), "r");
  if (f == nullptr) return false;
  char text[512] = "";
  const size_t n = std::fread(text, 1, sizeof text - 1, f);
  std::fclose(f);
  text[n] = 0;
  const char* end = std::strrchr(text, ')');
  return end != nullptr && end[1] == ' ' && end[2] == 'S';
}

// One event of `p`; false: there is none.
bool event(Party& p) {
  int status = 0;
  const pid_t pid = ::waitpid(p.pid, &status, WNOHANG);
  if (pid != p.pid) return false;
  if (WIFEXITED(status) || WIFSIGNALED(status)) {
    p.ended = true;
    p.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return true;
  }
  int pass_on = 0;
  const int signal = WSTOPSIG(status);
  if (signal == (SIGTRAP | 0x80)) {
    if (reached(p)) {
      p.at_point = true;
      return true;
    }
  } else if (status >> 16 == PTRACE_EVENT_EXEC) {
    p.exec_seen = true;
  } else if (status >> 16 == 0 && signal != SIGSTOP && signal != SIGTRAP) {
    pass_on = signal;
  }
  ::ptrace(PTRACE_SYSCALL, p.pid, nullptr, pass_on);
  return true;
}

time_t limit = 0;

// Until `p` has ended, stands at its point, or (`may_sleep`) sleeps.  False: hung.
bool drive(Party& p, bool may_sleep) {
  sigset_t child;
  ::sigemptyset(&child);
  ::sigaddset(&child, SIGCHLD);
  int asleep = 0;
  while (!p.ended && !p.at_point) {
    if (event(p)) {
      asleep = 0;
      continue;
    }
    const timespec look{0, kLookNs};
    if (::sigtimedwait(&child, nullptr, &look) > 0) continue;
    asleep = sleeps(p.pid) ? asleep + 1 : 0;
    if (may_sleep && asleep >= kAsleep) return true;
    if (std::time(nullptr) > limit) return false;
  }
  return true;
}

// On from the point, and not stopped any more; or no further.
void let_go(Party& p) {
  if (!p.at_point) return;
  p.at_point = false;
  if (p.kill_at == p.point) {
    ::kill(p.pid, SIGKILL);
    return;
  }
  if (p.kill_at > p.point) {
    p.point = p.kill_at;
    ::ptrace(PTRACE_SYSCALL, p.pid, nullptr, nullptr);
    return;
  }
  p.traced = false;
  ::ptrace(PTRACE_DETACH, p.pid, nullptr, nullptr);
}

const char* race(Party& first, Party& second) {
  start(first);
  if (first.traced) begin_trace(first);
  if (!drive(first, false)) return "hung";
  const bool stood = first.at_point;
  start(second);
  if (second.traced) begin_trace(second);
  if (!drive(second, true)) return "hung";
  const bool second_over = second.ended, second_stands = second.at_point;
  let_go(first);
  if (!drive(first, !second.ended)) return "hung";
  const bool first_over = first.ended;
  let_go(second);
  while (!first.ended || !second.ended) {
    // One of them may still wait for the other.
    if (!drive(second, !first.ended) || !drive(first, !second.ended)) return "hung";
    let_go(second);
    let_go(first);
  }
  if (!stood) return "missed";
  if (second_over) return "raced";
  return second_stands && first_over ? "between" : "waited";
}

Party* parse(int argc, char** argv, Party& first, Party& second, std::string& report) {
  for (int i = 1; i < argc; ++i) {
    const std::string a = argv[i];
    const bool one = i + 1 < argc, two = i + 2 < argc;
    if (a == "--report" && one) {
      report = argv[++i];
    } else if (a == "--reads" && one) {
      first.reads = std::atol(argv[++i]);
    } else if (a == "--point" && one) {
      first.point = std::atol(argv[++i]);
    } else if (a == "--other-reads" && one) {
      second.reads = std::atol(argv[++i]);
    } else if (a == "--other-point" && one) {
      second.point = std::atol(argv[++i]);
    } else if (a == "--kill" && one) {
      first.kill_at = std::atol(argv[++i]);
    } else if (a == "--other-kill" && one) {
      second.kill_at = std::atol(argv[++i]);
    } else if ((a == "--first" || a == "--second") && two) {
      Party& p = a == "--first" ? first : second;
      p.in = std::atoi(argv[++i]);
      p.out = std::atoi(argv[++i]);
    } else if (a == "--" && one) {
      first.program = argv + i + 1;
      for (i = i + 1; i < argc && std::string(argv[i]) != "-+-";) ++i;
      if (i + 1 >= argc) return nullptr;
      argv[i] = nullptr;
      second.program = argv + i + 1;
      return &first;
    } else {
      return nullptr;
    }
  }
  return nullptr;
}

}  // namespace

int main(int argc, char** argv) {
  Party first, second;
  std::string report;
  if (parse(argc, argv, first, second, report) == nullptr || report.empty() || first.in < 0 ||
      second.in < 0 || first.point < 1) {
    std::fputs(
        "usage: racer --report FILE [--reads R] --point N [--other-reads R] [--other-point M]\n"
        "             [--kill K] [--other-kill K] --first IN OUT --second IN OUT\n"
        "             -- PROGRAM ARG... -+- PROGRAM ARG...\n",
        stderr);
    return 64;
  }
  sigset_t child;
  ::sigemptyset(&child);
  ::sigaddset(&child, SIGCHLD);
  ::sigprocmask(SIG_BLOCK, &child, nullptr);
  limit = std::time(nullptr) + kLimit;
  const char* how = race(first, second);
  for (const Party* p : {&first, &second})
    if (p->pid > 0 && !p->ended) ::kill(p->pid, SIGKILL);
  FILE* f = std::fopen(report.c_str(), "w");
  if (f == nullptr) die("report");
  std::fprintf(f, "%ld %s %s %d %d\n%s\n", first.seen, first.call.c_str(), how, first.status,
               second.status, first.calls.c_str());
  return std::fclose(f) == 0 ? 0 : 99;
}
