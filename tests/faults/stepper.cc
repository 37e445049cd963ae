// Runs a program and everything it starts under ptrace, counts the system calls that change files,
// and kills the lot at the n-th, or makes that one fail.
//
//   stepper --report FILE [--kill N | --fail N ENOSPC|EIO] -- PROGRAM ARGUMENT...
//
// FILE gets one line: the number of calls seen, and the name of the n-th.  Counted are calls on
// regular files and directories (not on sockets and pipes): write, pwrite, writev, pwritev,
// ftruncate, fallocate, fsync, fdatasync, sync_file_range, rename, link, unlink, mkdir, rmdir,
// symlink, open with O_CREAT or O_TRUNC, sendfile and copy_file_range.  --kill stops before the
// call is carried out. The exit status is the program's, or 200 after --kill.  Linux on x86-64 and
// arm64.
#include <elf.h>
#include <fcntl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>

#include "tests/faults/traced.h"

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
      {SYS_sync_file_range, {"sync_file_range", Kind::OnDescriptor}},
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

class Stepper : public faults::Traced {
 public:
  explicit Stepper(Options options) : options_(std::move(options)) {}

  int run() {
    const int result = Traced::run(options_.program);
    write_report();
    return result;
  }

 protected:
  void before(pid_t pid, const __ptrace_syscall_info& call) override {
    if (!counts(pid, call)) return;
    if (++seen_ != options_.at) return;
    name_ = calls().at(static_cast<long>(call.entry.nr)).name;
    if (options_.fail_with != 0) {
      skip_call(pid);
      failing_ = pid;
      return;
    }
    kill_all();
  }

  void behind(pid_t pid, const __ptrace_syscall_info&) override {
    if (failing_ != pid) return;
    set_result(pid, -options_.fail_with);
    failing_ = 0;
  }

 private:
  void write_report() const {
    FILE* f = std::fopen(options_.report.c_str(), "w");
    if (f == nullptr) faults::die("report");
    std::fprintf(f, "%ld %s\n", seen_, name_.empty() ? "-" : name_.c_str());
    std::fclose(f);
  }

  Options options_;
  long seen_ = 0;
  std::string name_;
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
