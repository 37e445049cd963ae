// Runs a program and everything it starts under ptrace, counts the system calls that change files,
// and kills the lot at the n-th, or makes that one fail.
//
//   stepper --report FILE [--kill N | --fail N ENOSPC|EIO] -- PROGRAM ARGUMENT...
//
// FILE gets one line: the number of calls seen, and the name of the n-th.  Counted are calls on
// regular files and directories (not on sockets and pipes): write, pwrite, writev, pwritev,
// ftruncate, fallocate, fsync, fdatasync, rename, link, unlink, mkdir, rmdir, symlink, open with
// O_CREAT or O_TRUNC, sendfile and copy_file_range.  --kill stops before the call is carried out.
// The exit status is the program's, or 200 after --kill.  Linux on x86-64 and arm64.
#include <elf.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <set>
#include <string>

namespace {

enum class Kind { OnDescriptor, OnPath, Open, OpenAt };

struct Call {
  const char* name;
  Kind kind;
};

const std::map<long, Call>& calls() {
  static const std::map<long, Call> table = {
      {SYS_write, {"write", Kind::OnDescriptor}},
      {SYS_pwrite64, {"pwrite", Kind::OnDescriptor}},
      {SYS_writev, {"writev", Kind::OnDescriptor}},
      {SYS_pwritev, {"pwritev", Kind::OnDescriptor}},
      {SYS_ftruncate, {"ftruncate", Kind::OnDescriptor}},
      {SYS_fallocate, {"fallocate", Kind::OnDescriptor}},
      {SYS_fsync, {"fsync", Kind::OnDescriptor}},
      {SYS_fdatasync, {"fdatasync", Kind::OnDescriptor}},
      {SYS_sendfile, {"sendfile", Kind::OnDescriptor}},
      {SYS_copy_file_range, {"copy_file_range", Kind::OnDescriptor}},
      {SYS_renameat, {"renameat", Kind::OnPath}},
      {SYS_renameat2, {"renameat2", Kind::OnPath}},
      {SYS_linkat, {"linkat", Kind::OnPath}},
      {SYS_unlinkat, {"unlinkat", Kind::OnPath}},
      {SYS_symlinkat, {"symlinkat", Kind::OnPath}},
      {SYS_mkdirat, {"mkdirat", Kind::OnPath}},
      {SYS_openat, {"openat", Kind::OpenAt}},
#ifdef SYS_open  // newer processors have only the calls above
      {SYS_rename, {"rename", Kind::OnPath}},
      {SYS_link, {"link", Kind::OnPath}},
      {SYS_unlink, {"unlink", Kind::OnPath}},
      {SYS_symlink, {"symlink", Kind::OnPath}},
      {SYS_mkdir, {"mkdir", Kind::OnPath}},
      {SYS_rmdir, {"rmdir", Kind::OnPath}},
      {SYS_open, {"open", Kind::Open}},
#endif
  };
  return table;
}

struct Options {
  std::string report;
  long at = 0;  // 0: only count
  int fail_with = 0;
  char** program = nullptr;
};

[[noreturn]] void die(const char* what) {
  std::perror(what);
  std::exit(99);
}

// sendfile's target is the first argument, copy_file_range's the third.
bool on_a_file(pid_t pid, const __ptrace_syscall_info& info) {
  const auto fd = info.entry.args[info.entry.nr == SYS_copy_file_range ? 2 : 0];
  struct stat st {};
  const std::string link =
      "/proc/" + std::to_string(pid) + "/fd/" + std::to_string(static_cast<int>(fd));
  if (::stat(link.c_str(), &st) != 0) return false;
  return S_ISREG(st.st_mode) || S_ISDIR(st.st_mode);
}

bool counts(pid_t pid, const __ptrace_syscall_info& info) {
  const auto it = calls().find(static_cast<long>(info.entry.nr));
  if (it == calls().end()) return false;
  switch (it->second.kind) {
    case Kind::OnPath:
      return true;
    case Kind::Open:
      return (info.entry.args[1] & (O_CREAT | O_TRUNC)) != 0;
    case Kind::OpenAt:
      return (info.entry.args[2] & (O_CREAT | O_TRUNC)) != 0;
    case Kind::OnDescriptor:
      return on_a_file(pid, info);
  }
  return false;
}

// The call that `pid` stands before is not carried out.
void skip_call(pid_t pid) {
#if defined(__x86_64__)
  ::ptrace(PTRACE_POKEUSER, pid, offsetof(user_regs_struct, orig_rax), -1L);
#elif defined(__aarch64__)
  int none = -1;
  iovec v{&none, sizeof none};
  ::ptrace(PTRACE_SETREGSET, pid, NT_ARM_SYSTEM_CALL, &v);
#else
#error "how is a system call taken back on this processor?"
#endif
}

// What the call that `pid` stands behind returned.
void set_result(pid_t pid, long result) {
#if defined(__x86_64__)
  ::ptrace(PTRACE_POKEUSER, pid, offsetof(user_regs_struct, rax), result);
#else
  user_regs_struct r{};
  iovec v{&r, sizeof r};
  if (::ptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, &v) != 0) return;
  r.regs[0] = static_cast<unsigned long long>(result);
  ::ptrace(PTRACE_SETREGSET, pid, NT_PRSTATUS, &v);
#endif
}

class Stepper {
 public:
  explicit Stepper(Options options) : options_(std::move(options)) {}

  int run() {
    const pid_t child = ::fork();
    if (child < 0) die("fork");
    if (child == 0) {
      ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
      ::raise(SIGSTOP);
      ::execv(options_.program[0], options_.program);
      ::_exit(127);
    }
    int status = 0;
    if (::waitpid(child, &status, 0) != child) die("waitpid");
    constexpr long kOptions = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
                              PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;
    if (::ptrace(PTRACE_SETOPTIONS, child, nullptr, kOptions) != 0) die("ptrace");
    alive_.insert(child);
    ::ptrace(PTRACE_SYSCALL, child, nullptr, nullptr);
    const int result = loop(child);
    write_report();
    return result;
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
    if (info.op == PTRACE_SYSCALL_INFO_EXIT) {
      if (failing_ != pid) return;
      set_result(pid, -options_.fail_with);
      failing_ = 0;
      return;
    }
    if (info.op != PTRACE_SYSCALL_INFO_ENTRY) return;
    if (!counts(pid, info)) return;
    if (++seen_ != options_.at) return;
    name_ = calls().at(static_cast<long>(info.entry.nr)).name;
    if (options_.fail_with != 0) {
      skip_call(pid);
      failing_ = pid;
      return;
    }
    killed_ = true;
    for (pid_t p : alive_) ::kill(p, SIGKILL);
  }

  void write_report() const {
    FILE* f = std::fopen(options_.report.c_str(), "w");
    if (f == nullptr) die("report");
    std::fprintf(f, "%ld %s\n", seen_, name_.empty() ? "-" : name_.c_str());
    std::fclose(f);
  }

  Options options_;
  std::set<pid_t> alive_;
  long seen_ = 0;
  std::string name_;
  bool killed_ = false;
  pid_t failing_ = 0;
};

Options parse(int argc, char** argv) {
  Options o;
  for (int i = 1; i < argc; ++i) {
    const std::string a = argv[i];
    if (a == "--report" && i + 1 < argc)
      o.report = argv[++i];
    else if (a == "--kill" && i + 1 < argc)
      o.at = std::atol(argv[++i]);
    else if (a == "--fail" && i + 2 < argc) {
      o.at = std::atol(argv[++i]);
      o.fail_with = std::string(argv[++i]) == "EIO" ? EIO : ENOSPC;
    } else if (a == "--" && i + 1 < argc) {
      o.program = argv + i + 1;
      break;
    }
  }
  if (o.program == nullptr || o.report.empty()) {
    std::fputs(
        "usage: stepper --report FILE [--kill N | --fail N ENOSPC|EIO] -- PROGRAM ARGUMENT...\n",
        stderr);
    std::exit(64);
  }
  return o;
}

}  // namespace

int main(int argc, char** argv) { return Stepper(parse(argc, argv)).run(); }
