// The system calls left to a jailed program, as a hand-written filter: libseccomp costs more to
// start than the whole program.  Read it as a table; the program under it is a list of
// equal-and-allow pairs.
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <ctime>
#include <iterator>
#include <string_view>

#include "privsep/frame.h"
#include "privsep/jail.h"
#include "privsep/sanitized.h"

namespace dmail::privsep {
namespace {

#if defined(__x86_64__)
constexpr uint32_t kArchitecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr uint32_t kArchitecture = AUDIT_ARCH_AARCH64;
#else
#error "no system call filter for this processor yet"
#endif

constexpr size_t kMaxInstructions = 160;

constexpr int kAlways[] = {
    // bytes and waiting
    SYS_read, SYS_write, SYS_recvfrom, SYS_sendto, SYS_recvmsg, SYS_shutdown, SYS_close, SYS_ppoll,
#ifdef SYS_poll
    SYS_poll,
#endif
    // memory; mmap and mprotect are looked at below
    SYS_brk, SYS_munmap, SYS_mremap, SYS_madvise,
    // time, chance, who am I
    SYS_clock_gettime, SYS_gettimeofday, SYS_clock_nanosleep, SYS_nanosleep, SYS_getrandom,
    SYS_getpid, SYS_gettid,
    // the C library and its locks
    SYS_futex, SYS_sysinfo, SYS_sched_yield, SYS_rt_sigreturn, SYS_rt_sigprocmask,
    SYS_restart_syscall, SYS_exit, SYS_exit_group};

constexpr int kForFiles[] = {SYS_pread64,   SYS_pwrite64,  SYS_lseek,
                             SYS_ftruncate, SYS_fdatasync, SYS_fsync};

// What enter_wide_jail takes away.
constexpr int kNeverWide[] = {
    // programs and processes
    SYS_execve, SYS_execveat, SYS_clone, SYS_clone3, SYS_unshare, SYS_setns,
#ifdef SYS_fork
    SYS_fork, SYS_vfork,
#endif
    // other processes
    SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev, SYS_kill, SYS_tkill, SYS_tgkill,
    SYS_pidfd_open, SYS_pidfd_getfd, SYS_pidfd_send_signal, SYS_rt_sigqueueinfo,
    SYS_rt_tgsigqueueinfo, SYS_kcmp, SYS_process_madvise,
    // the system
    SYS_mount, SYS_umount2, SYS_pivot_root, SYS_chroot, SYS_bpf, SYS_perf_event_open,
    SYS_userfaultfd, SYS_io_uring_setup, SYS_keyctl, SYS_add_key, SYS_request_key, SYS_seccomp};

constexpr size_t kLookedAt = 3;  // mmap, mprotect, setsockopt: by their arguments
static_assert(std::size(kAlways) + 1 + std::size(kForFiles) + kLookedAt <= 45,
              "jail.h promises it");

class Filter {
 public:
  void put(uint16_t code, uint32_t k, uint8_t yes = 0, uint8_t no = 0) {
    if (size_ < program_.size()) program_[size_] = sock_filter{code, yes, no, k};
    ++size_;
  }
  void load(size_t offset) { put(BPF_LD | BPF_W | BPF_ABS, static_cast<uint32_t>(offset)); }
  void answer(uint32_t what) { put(BPF_RET | BPF_K, what); }
  void allow(int call) {
    put(BPF_JMP | BPF_JEQ | BPF_K, static_cast<uint32_t>(call), 0, 1);
    answer(SECCOMP_RET_ALLOW);
  }
  // `call` only while none of `bits` is set in the low word of its argument number `index`.
  void allow_without(int call, size_t index, uint32_t bits) {
    put(BPF_JMP | BPF_JEQ | BPF_K, static_cast<uint32_t>(call), 0, 4);
    load_argument(index);
    put(BPF_JMP | BPF_JSET | BPF_K, bits, 0, 1);
    answer(SECCOMP_RET_KILL_PROCESS);
    answer(SECCOMP_RET_ALLOW);
  }
  // `call` only with this value.
  void allow_with(int call, size_t index, uint32_t value) {
    put(BPF_JMP | BPF_JEQ | BPF_K, static_cast<uint32_t>(call), 0, 4);
    load_argument(index);
    put(BPF_JMP | BPF_JEQ | BPF_K, value, 1, 0);
    answer(SECCOMP_RET_KILL_PROCESS);
    answer(SECCOMP_RET_ALLOW);
  }
  // `call` only with both.
  void allow_with(int call, size_t first, uint32_t value, size_t second, uint32_t other) {
    put(BPF_JMP | BPF_JEQ | BPF_K, static_cast<uint32_t>(call), 0, 6);
    load_argument(first);
    put(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 2);
    load_argument(second);
    put(BPF_JMP | BPF_JEQ | BPF_K, other, 1, 0);
    answer(SECCOMP_RET_KILL_PROCESS);
    answer(SECCOMP_RET_ALLOW);
  }
  bool install() {
    if (size_ > program_.size()) {
      errno = E2BIG;
      return false;
    }
    const sock_fprog program{static_cast<unsigned short>(size_), program_.data()};
    return ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0;
  }

 private:
  void load_argument(size_t index) {
    // Little-endian: the low word stands first, which is all that these int arguments have.
    load(offsetof(seccomp_data, args) + index * sizeof(uint64_t));
  }
  std::array<sock_filter, kMaxInstructions> program_;
  size_t size_ = 0;
};

}  // namespace

namespace {

Status no_new_rights() {
  if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return system_error("PR_SET_DUMPABLE", errno);
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
    return system_error("PR_SET_NO_NEW_PRIVS", errno);
  return {};
}

}  // namespace

Status enter_wide_jail() {
  DMAIL_TRY(no_new_rights());
  if (kSanitized) return {};
  Filter filter;
  filter.load(offsetof(seccomp_data, arch));
  filter.put(BPF_JMP | BPF_JEQ | BPF_K, kArchitecture, 1, 0);
  filter.answer(SECCOMP_RET_KILL_PROCESS);
  filter.load(offsetof(seccomp_data, nr));
  // x86-64 knows its calls by second numbers, too.
  filter.put(BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 1);
  filter.answer(SECCOMP_RET_KILL_PROCESS);
  for (const int call : kNeverWide) {
    filter.put(BPF_JMP | BPF_JEQ | BPF_K, static_cast<uint32_t>(call), 0, 1);
    filter.answer(SECCOMP_RET_KILL_PROCESS);
  }
  filter.allow_with(SYS_prlimit64, 0, 0);  // its own
  filter.answer(SECCOMP_RET_ALLOW);
  if (!filter.install()) return system_error("system call filter", errno);
  return {};
}

Status enter_jail(const JailRules& rules) {
  // The zone comes as text in TZ; the C library looks for a file of that name once.
  if (std::getenv("TZ") != nullptr) ::tzset();
  DMAIL_TRY(no_new_rights());
  if (kSanitized) return {};
  Filter filter;
  filter.load(offsetof(seccomp_data, arch));
  filter.put(BPF_JMP | BPF_JEQ | BPF_K, kArchitecture, 1, 0);
  filter.answer(SECCOMP_RET_KILL_PROCESS);
  filter.load(offsetof(seccomp_data, nr));
  for (const int call : kAlways) filter.allow(call);
  if (rules.pass_descriptors) filter.allow(SYS_sendmsg);
  if (rules.write_files)
    for (const int call : kForFiles) filter.allow(call);
  // Each of these reads an argument over the call's number, so they stand last and end the search.
  filter.allow_without(SYS_mmap, 2, PROT_EXEC);
  filter.allow_without(SYS_mprotect, 2, PROT_EXEC);
  filter.allow_with(SYS_setsockopt, 1, IPPROTO_TCP, 2, TCP_NODELAY);
  filter.answer(SECCOMP_RET_KILL_PROCESS);
  if (!filter.install()) return system_error("system call filter", errno);
  return {};
}

bool started_by_monitor() {
  struct stat st {};
  if (::fstat(kMonitorFd, &st) == 0 && S_ISSOCK(st.st_mode)) return true;
  constexpr std::string_view kText =
      "This program is started by imapd, dpopd or dsmtpd, which inetd starts; see dmail(7).\n";
  if (::write(STDERR_FILENO, kText.data(), kText.size()) < 0) return false;  // nobody reads it
  return false;
}

}  // namespace dmail::privsep
