#include "io/file_lock.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/number.h"
#include "base/text.h"
#include "io/file.h"

namespace dmail {
namespace {

#ifdef F_OFD_SETLK
constexpr int kSetLock = F_OFD_SETLK;
#else
constexpr int kSetLock = F_SETLK;
#endif

Error in_use(const std::string& log) {
  return Error{ErrorKind::InUse, "The mailbox is locked by another program; try again", log};
}

void pause_ms(int ms) { ::poll(nullptr, 0, ms); }

bool try_lock(int fd, short type, int& failure) {
  struct flock l {};
  l.l_type = type;
  l.l_whence = SEEK_SET;
  if (::fcntl(fd, kSetLock, &l) == 0) return true;
  failure = errno;
  return false;
}

std::string host_name() {
  char name[256] = "";
  if (::gethostname(name, sizeof name - 1) != 0) return "";
  return name;
}

// A dotlock left by a process that is gone.
bool stale(const std::string& path, int stale_seconds) {
  struct stat st {};
  if (::lstat(path.c_str(), &st) != 0 || !S_ISREG(st.st_mode)) return false;
  const bool old = wall_seconds() - st.st_mtime >= stale_seconds;
  auto text = read_file(path, 512);
  if (!text) return false;
  std::string_view rest = *text;
  const auto pid = parse_u32(trim(take_until(rest, '\n')), 0x7fffffff);
  const bool dead = pid && *pid != 0 && ::kill(static_cast<pid_t>(*pid), 0) != 0 && errno == ESRCH;
  // We hold the fcntl lock, so a dotlock of this process is one that could not be removed.
  const bool own = pid && static_cast<pid_t>(*pid) == ::getpid();
  // A number means something only on the host that wrote it.
  if ((dead || own) && trim(rest) == host_name()) return true;
  return old && (dead || !pid || *pid == 0);
}

// Makes `name` with our pid in it, in one step: a lock whose maker died before it wrote its pid
// would hold up everybody until it is old.  Errors are in errno.
bool make_dotlock(const std::string& name) {
  const std::string text = concat(::getpid(), '\n', host_name(), '\n');
  const std::string directory = name.substr(0, name.rfind('/') + 1);
  OwnedFd file(
      ::open(directory.empty() ? "." : directory.c_str(), O_WRONLY | O_TMPFILE | O_CLOEXEC, 0600));
  if (file.valid() && write_at(file.get(), text, 0)) {
    const std::string unnamed = concat("/proc/self/fd/", file.get());
    if (::linkat(AT_FDCWD, unnamed.c_str(), AT_FDCWD, name.c_str(), AT_SYMLINK_FOLLOW) == 0)
      return true;
    if (errno == EEXIST) return false;
  }
  // No files without names here, or no /proc.
  file.reset(::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file.valid()) return false;
  // The text is only for stale locks; a lock without it still holds.
  (void)write_at(file.get(), text, 0).ok();
  return true;
}

}  // namespace

FileLock::FileLock(FileLock&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), dotlock_(std::move(other.dotlock_)) {
  other.dotlock_.clear();
}

FileLock& FileLock::operator=(FileLock&& other) noexcept {
  if (this != &other) {
    release();
    fd_ = std::exchange(other.fd_, -1);
    dotlock_ = std::move(other.dotlock_);
    other.dotlock_.clear();
  }
  return *this;
}

Result<FileLock> FileLock::take(int fd, LockMode mode, Deadline deadline) {
  const short type = mode == LockMode::Shared ? F_RDLCK : F_WRLCK;
  for (int wait = 1;; wait = wait < 20 ? wait * 2 : 25) {
    int failure = 0;
    if (try_lock(fd, type, failure)) {
      FileLock lock;
      lock.fd_ = fd;
      return lock;
    }
    if (failure != EAGAIN && failure != EACCES && failure != EINTR)
      return system_error("lock", failure);
    if (deadline.passed()) return in_use("fcntl lock not had in time");
    pause_ms(wait);
  }
}

Result<FileLock> FileLock::take_with_dotlock(int fd, const std::string& path, Deadline deadline,
                                             int stale_seconds) {
  auto lock = take(fd, LockMode::Exclusive, deadline);
  if (!lock) return lock;
  const std::string name = path + ".lock";
  for (;;) {
    if (make_dotlock(name)) {
      lock->dotlock_ = name;
      return lock;
    }
    if (errno == EACCES || errno == EPERM || errno == EROFS) return lock;
    if (errno != EEXIST && errno != EINTR) return system_error("dotlock " + name, errno);
    if (stale(name, stale_seconds)) {
      ::unlink(name.c_str());
      continue;
    }
    if (deadline.passed()) return in_use(name + " is held");
    pause_ms(10);
  }
}

void FileLock::release() {
  // Tried twice: a lock that stays behind holds everybody off.
  if (!dotlock_.empty() && ::unlink(dotlock_.c_str()) != 0) ::unlink(dotlock_.c_str());
  dotlock_.clear();
  if (fd_ < 0) return;
  struct flock l {};
  l.l_type = F_UNLCK;
  l.l_whence = SEEK_SET;
  (void)::fcntl(fd_, kSetLock, &l);
  fd_ = -1;
}

}  // namespace dmail
