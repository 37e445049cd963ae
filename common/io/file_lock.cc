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

// Waiting so long, one passes by whoever has the turn and does not use it.
constexpr int64_t kPoliteMs = 2000;

Error in_use(const std::string& log) {
  return Error{ErrorKind::InUse, "The mailbox is locked by another program; try again", log};
}

void pause_ms(int ms) { ::poll(nullptr, 0, ms); }

// The part of a lock: all of the file, or what is before kTurn (where mail is), or what is behind
// it (where nothing is).  Other agents lock all.
struct Range {
  off_t from, length;  // length 0: without end
};
constexpr off_t kTurn = off_t{1} << 62;
constexpr Range kAll{0, 0}, kMail{0, kTurn}, kNext{kTurn, 0};

bool set_lock(int fd, short type, Range range, int& failure) {
  struct flock l {};
  l.l_type = type;
  l.l_whence = SEEK_SET;
  l.l_start = range.from;
  l.l_len = range.length;
  if (::fcntl(fd, kSetLock, &l) == 0) return true;
  failure = errno;
  return false;
}

void unlock(int fd, Range range) {
  int failure = 0;
  (void)set_lock(fd, F_UNLCK, range, failure);  // of what we hold: it cannot fail
}

bool others_hold_it(int failure) {
  return failure == EAGAIN || failure == EACCES || failure == EINTR;
}

// Longer and longer pauses, each by chance between a half and the whole of its length, so that
// those who wait do not go on asking in step.
class Pauses {
 public:
  void next() {
    random_ = random_ * 6364136223846793005U + 1442695040888963407U;
    const auto half = static_cast<uint64_t>(length_) / 2;
    pause_ms(static_cast<int>(half + (random_ >> 33) % (half + 1) + length_ % 2));
    length_ = length_ < 16 ? length_ * 2 : 25;
  }
  void start_again() { length_ = 1; }

 private:
  int length_ = 1;
  uint64_t random_ = static_cast<uint64_t>(wall_microseconds()) * static_cast<uint64_t>(::getpid());
};

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

// Whoever waits first takes the turn (kNext), one at a time, and keeps it until he has the lock;
// who comes for a free lock asks for the turn, too.  So nobody who takes the lock again and again,
// and no readers that follow one another, can keep it from him.
Result<FileLock> FileLock::take(int fd, LockMode mode, Deadline deadline) {
  const short type = mode == LockMode::Shared ? F_RDLCK : F_WRLCK;
  FileLock lock;
  int failure = 0;
  if (set_lock(fd, type, kAll, failure)) {
    unlock(fd, kNext);
    lock.fd_ = fd;
    return lock;
  }
  bool next = false;
  const Deadline polite = Deadline::in_ms(kPoliteMs);
  Pauses pauses;
  while (others_hold_it(failure) && !deadline.passed()) {
    pauses.next();
    if (!next && set_lock(fd, F_WRLCK, kNext, failure)) {
      next = true;
      pauses.start_again();
    }
    // Who has the turn may have been stopped; and a descriptor to read from can have none.
    const bool no_turn = !next && (polite.passed() || !others_hold_it(failure));
    if ((next || no_turn) && set_lock(fd, type, kMail, failure)) {
      if (next) unlock(fd, kNext);
      lock.fd_ = fd;
      return lock;
    }
  }
  if (next) unlock(fd, kNext);
  if (!others_hold_it(failure)) return system_error("lock", failure);
  return in_use("fcntl lock not had in time");
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

void FileLock::directory_moved(const std::string& old_place, const std::string& place) {
  if (dotlock_.starts_with(old_place)) dotlock_.replace(0, old_place.size(), place);
}

void FileLock::release_dotlock() {
  // Tried twice: a lock that stays behind holds everybody off.
  if (!dotlock_.empty() && ::unlink(dotlock_.c_str()) != 0) ::unlink(dotlock_.c_str());
  dotlock_.clear();
}

void FileLock::release() {
  release_dotlock();
  if (fd_ < 0) return;
  unlock(fd_, kAll);
  fd_ = -1;
}

}  // namespace dmail
