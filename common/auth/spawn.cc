#include "auth/spawn.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

namespace dmail::auth {
namespace {

// ThreadSanitizer makes a fork of every vfork: then the child's failure, written into memory that
// is no longer ours, has to come through a pipe.
#if defined(__SANITIZE_THREAD__)
constexpr bool kVforkCopies = true;
#elif defined(__has_feature)
constexpr bool kVforkCopies = __has_feature(thread_sanitizer);
#else
constexpr bool kVforkCopies = false;
#endif

// Everything the child needs, made before vfork: between vfork and exec it may not allocate, and it
// shares our memory.
struct Plan {
  char* const* words;
  char* const* environment;
  int input, output, null;
  uid_t uid;
  gid_t gid;
  int tell = -1;            // where kVforkCopies
  volatile int failed = 0;  // errno of the step that failed
};

std::vector<char*> pointers(const std::vector<std::string>& strings) {
  std::vector<char*> out;
  for (const std::string& s : strings) out.push_back(const_cast<char*>(s.c_str()));
  out.push_back(nullptr);
  return out;
}

// Raw system calls: the C library's wrappers talk to threads and cancel handlers that are the
// parent's.
bool give_up_ids(const Plan& plan) {
  if (plan.uid == 0) return true;
  if (syscall(SYS_setgroups, 0, nullptr) != 0) return false;
  if (syscall(SYS_setresgid, plan.gid, plan.gid, plan.gid) != 0) return false;
  return syscall(SYS_setresuid, plan.uid, plan.uid, plan.uid) == 0;
}

[[noreturn]] void become(Plan& plan) {
  struct sigaction usual {};
  usual.sa_handler = SIG_DFL;
  for (int s : {SIGPIPE, SIGCHLD, SIGHUP, SIGINT, SIGTERM, SIGALRM})
    ::sigaction(s, &usual, nullptr);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  const bool placed =
      ::dup2(plan.input, 0) == 0 && ::dup2(plan.output, 1) == 1 && ::dup2(plan.null, 2) == 2;
  if (placed) {
    if (syscall(SYS_close_range, 3u, ~0u, CLOSE_RANGE_CLOEXEC) != 0)
      for (int fd = 3; fd < 1024; ++fd)
        if (fd != plan.tell) ::close(fd);
    // Until exec the parent, root, stands still; and from here on processes of the module's user
    // may stop us: nothing comes between.
    if (give_up_ids(plan)) ::execve(plan.words[0], plan.words, plan.environment);
  }
  const int failed = errno != 0 ? errno : EINVAL;
  plan.failed = failed;
  if (kVforkCopies) (void)!::write(plan.tell, &failed, sizeof failed);
  ::_exit(127);
}

// A descriptor above 2, so that the child's dup2 calls don't step on each other.
Result<OwnedFd> above_standard(int fd) {
  const int copy = ::fcntl(fd, F_DUPFD_CLOEXEC, 3);
  if (copy < 0) return system_error("dup", errno);
  return OwnedFd(copy);
}

__attribute__((noinline)) pid_t vfork_and_become(Plan& plan) {
  const pid_t pid = ::vfork();
  if (pid == 0) become(plan);
  return pid;
}

}  // namespace

Result<pid_t> spawn(const HelperCommand& command, int input, int output) {
  const OwnedFd null_low(::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!null_low.valid()) return system_error("open /dev/null", errno);
  Result<OwnedFd> in = above_standard(input), out = above_standard(output),
                  null = above_standard(null_low.get());
  for (auto* fd : {&in, &out, &null})
    if (!*fd) return std::move(fd->error());
  const std::vector<char*> words = pointers(command.words);
  const std::vector<char*> environment = pointers(command.environment);
  Plan plan{words.data(), environment.data(), in->get(),  out->get(),
            null->get(),  command.uid,        command.gid};
  OwnedFd told, tell;
  if (kVforkCopies) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return system_error("pipe", errno);
    told.reset(ends[0]);
    tell.reset(ends[1]);
    plan.tell = tell.get();
  }
  // A handler of ours must not run in the child while it shares our memory.
  sigset_t all, before;
  sigfillset(&all);
  ::sigprocmask(SIG_SETMASK, &all, &before);
  const pid_t pid = vfork_and_become(plan);
  const int vfork_errno = errno;
  ::sigprocmask(SIG_SETMASK, &before, nullptr);
  if (pid < 0) return system_error("vfork", vfork_errno);
  tell.reset();
  if (int failed = 0; kVforkCopies && ::read(told.get(), &failed, sizeof failed) == sizeof failed)
    plan.failed = failed;
  if (plan.failed != 0) {
    while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
    }
    return system_error("run " + command.words[0], plan.failed);
  }
  return pid;
}

}  // namespace dmail::auth
