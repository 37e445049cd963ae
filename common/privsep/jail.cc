#include "privsep/jail.h"

#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/text.h"
#include "io/clock.h"
#include "io/owned_fd.h"
#include "privsep/drop.h"
#include "privsep/place.h"
#include "privsep/sanitized.h"

namespace dmail::privsep {
namespace {

constexpr size_t kChildStack = 64 * 1024;

Error refused(std::string log) {
  return Error{ErrorKind::NoPermission, "Internal error", std::move(log)};
}

// The directory to chroot into, made when only its last component is missing.
Result<OwnedFd> open_root_directory(const std::string& path) {
  if (path.empty() || path[0] != '/') return refused("jail_path is not absolute");
  int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0 && errno == ENOENT && ::mkdir(path.c_str(), 0755) == 0)
    fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  OwnedFd directory(fd);
  if (!directory.valid()) return system_error(concat("open jail_path ", path), errno);
  struct stat st {};
  if (::fstat(fd, &st) != 0) return system_error("fstat of jail_path", errno);
  if (st.st_uid != 0 || (st.st_mode & 022) != 0)
    return refused(concat("jail_path ", path, " is not root's alone"));
  char entries[512];  // room for more than "." and ".."
  const long n = ::syscall(SYS_getdents64, fd, entries, sizeof entries);
  if (n < 0) return system_error("read jail_path", errno);
  if (n > 48) return refused(concat("jail_path ", path, " is not empty"));
  return directory;
}

// The present offset in the form of POSIX: "TZ=<+1300>-13:00".  There are no zone files in the
// jail.
std::string zone_text(int minutes) {
  const uint64_t size = static_cast<uint64_t>(minutes < 0 ? -minutes : minutes);
  std::string out = concat("TZ=<", minutes < 0 ? '-' : '+');
  append_padded(out, size / 60, 2);
  append_padded(out, size % 60, 2);
  append(out, minutes < 0 ? ">" : ">-");
  append_padded(out, size / 60, 2);
  out += ':';
  append_padded(out, size % 60, 2);
  return out;
}

// All that the child needs, made before it exists: it runs in our memory and must not allocate.
struct ChildWork {
  int source[kPlaces];
  int program = -1;
  int root_directory = -1;  // -1: not root
  const JailPlan* plan = nullptr;
  char* const* arguments = nullptr;
  char* zone = nullptr;               // "TZ=..."
  const char* failed_step = nullptr;  // written by the child
  int failure = 0;
};

bool limit(decltype(RLIMIT_AS) what, uint64_t value) {
  const rlimit l{value, value};
  return ::setrlimit(what, &l) == 0;
}

// Raw calls: the C library's wrappers may want to tell other threads, and this memory is the
// parent's.
bool lose_root(ChildWork& work) {
  const Ids ids = work.plan->ids;
  return ::chroot(".") == 0 && ::chdir("/") == 0 && ::syscall(SYS_setgroups, 0, nullptr) == 0 &&
         ::syscall(SYS_setresgid, ids.gid, ids.gid, ids.gid) == 0 &&
         ::syscall(SYS_setresuid, ids.uid, ids.uid, ids.uid) == 0 &&
         ::syscall(SYS_setuid, 0) != 0 && ::syscall(SYS_setgid, 0) != 0;
}

bool set_limits(const JailPlan& plan) {
  if (!kSanitized && !limit(RLIMIT_AS, plan.address_space)) return false;
  if (!kSanitized && !limit(RLIMIT_FSIZE, plan.file_size)) return false;
  return limit(RLIMIT_CORE, 0) && limit(RLIMIT_NPROC, 0) &&
         limit(RLIMIT_NOFILE, std::max<uint64_t>(plan.open_files, kPlaces + 1));
}

int child_main(void* argument) {
  ChildWork& work = *static_cast<ChildWork*>(argument);
  const bool root = work.root_directory >= 0;
  auto fail = [&](const char* step) {
    work.failure = errno;
    work.failed_step = step;
    ::_exit(127);
  };
  ::umask(077);
  if (root && ::fchdir(work.root_directory) != 0) fail("jail_path");
  if (!place_descriptors(work.source, work.program)) fail("descriptors");
  if (root && !lose_root(work)) fail("giving up root");
  if (!set_limits(*work.plan)) fail("limits");
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) fail("no_new_privs");
  // After the change of ids, which takes it back.
  if (work.plan->ends_with_us && ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0)
    fail("parent death signal");
  char* const environment[] = {work.zone, nullptr};
  ::syscall(SYS_execveat, kPlaces, "", work.arguments, environment, AT_EMPTY_PATH);
  fail("exec");
  return 127;
}

}  // namespace

Result<pid_t> start_jailed(const JailPlan& plan) {
  ChildWork work;
  work.plan = &plan;
  std::fill(std::begin(work.source), std::end(work.source), -1);
  for (const auto& [ours, childs] : plan.descriptors) {
    if (childs < 0 || childs >= kPlaces || ours < 0) return refused("bad descriptor for the jail");
    work.source[childs] = ours;
  }
  const OwnedFd program(::open(plan.program.c_str(), O_PATH | O_CLOEXEC));
  if (!program.valid()) return system_error(concat("open ", plan.program), errno);
  work.program = program.get();
  OwnedFd root_directory;
  if (is_root()) {
    if (!plan.ids.valid() || plan.ids.uid == 0 || plan.ids.gid == 0)
      return refused("the login user must not be root");
    auto directory = open_root_directory(plan.root_directory);
    if (!directory) return std::move(directory.error());
    root_directory = std::move(*directory);
    work.root_directory = root_directory.get();
  }
  std::vector<char*> arguments;
  for (const std::string& a : plan.arguments) arguments.push_back(const_cast<char*>(a.c_str()));
  arguments.push_back(nullptr);
  work.arguments = arguments.data();

  std::string zone;
  if (plan.local_time) {
    zone = zone_text(local_zone_minutes(wall_seconds()));
    work.zone = zone.data();
  }

  // Shared memory and a suspended parent, as with vfork(2), but on a stack of its own.
  void* stack = ::mmap(nullptr, kChildStack, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
  if (stack == MAP_FAILED) return system_error("stack of a child", errno);
  const pid_t pid = ::clone(child_main, static_cast<char*>(stack) + kChildStack,
                            (kSanitized ? 0 : CLONE_VM) | CLONE_VFORK | SIGCHLD, &work);
  const int clone_failure = errno;
  ::munmap(stack, kChildStack);
  if (pid < 0) return system_error("clone", clone_failure);
  if (kSanitized && ::waitpid(pid, nullptr, WNOHANG) == pid) work.failed_step = "(not told)";
  if (work.failed_step == nullptr) return pid;
  ::waitpid(pid, nullptr, 0);
  return system_error(concat("jail for ", plan.program, ", step \"", work.failed_step, "\""),
                      work.failure);
}

}  // namespace dmail::privsep
