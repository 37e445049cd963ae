#include "log/log_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cstring>

#include "base/text.h"
#include "io/file.h"

namespace dmail::log {

namespace {

constexpr int kTries = 4;  // another process may rotate between our open and our lock

std::string numbered(const std::string& path, int n) { return concat(path, '.', n); }

// Whether `path` still names the file that is open as `st`.
bool is_still(const std::string& path, const struct stat& st) {
  struct stat now {};
  return ::lstat(path.c_str(), &now) == 0 && now.st_ino == st.st_ino && now.st_dev == st.st_dev;
}

// The oldest is overwritten.  A failure leaves a gap in the numbers or the log where it is: either
// is harmless, and the next process tries again.
void shift_names(const std::string& path, int keep) {
  for (int n = keep - 1; n >= 1; --n)
    (void)::rename(numbered(path, n).c_str(), numbered(path, n + 1).c_str());
  (void)::rename(path.c_str(), numbered(path, 1).c_str());
}

// Whoever may list the directory, as its group, may read the log: root:adm 0750 is how hosts let
// people read logs.  Neither umask nor the group of this process have a say.  A failure leaves the
// file to its owner alone.
void let_group_read(int fd, const std::string& directory) {
  struct stat dir {
  }, file{};
  constexpr mode_t kList = S_IRGRP | S_IXGRP;
  if (::stat(directory.c_str(), &dir) != 0 || (dir.st_mode & kList) != kList) return;
  if (::fstat(fd, &file) != 0) return;
  if (file.st_gid != dir.st_gid && ::fchown(fd, static_cast<uid_t>(-1), dir.st_gid) != 0) return;
  (void)::fchmod(fd, 0640);
}

Result<OwnedFd> open_or_make(const std::string& path, const std::string& directory) {
  constexpr int kFlags = O_WRONLY | O_APPEND | O_NOCTTY;
  auto fd = open_file(path, kFlags);
  if (fd || fd.error().kind != ErrorKind::NotFound) return fd;
  fd = open_file(path, kFlags | O_CREAT | O_EXCL, 0600);
  if (fd) let_group_read(fd->get(), directory);
  // Another process was faster.
  if (!fd && fd.error().kind == ErrorKind::Exists) return open_file(path, kFlags);
  return fd;
}

}  // namespace

Result<OwnedFd> open_log_file(const Place& place) {
  const std::string path = concat(place.directory, '/', place.program, ".log");
  for (int tries = 0;; ++tries) {
    auto fd = open_or_make(path, place.directory);
    if (!fd || place.max_size <= 0 || tries == kTries) return fd;
    auto st = stat_fd(fd->get());
    if (!st) return std::move(st.error());
    if (st->st_size < place.max_size) return fd;
    if (::flock(fd->get(), LOCK_EX | LOCK_NB) != 0) return fd;
    // The lock ends with `fd`, after the names have moved: whoever gets it next finds another file
    // at `path` and opens that.
    if (is_still(path, *st)) {
      shift_names(path, place.keep);
      if (is_still(path, *st)) {
        (void)::flock(fd->get(), LOCK_UN);
        return fd;
      }
    }
  }
}

void tell_syslog(std::string_view program, std::string_view text) {
  const OwnedFd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.valid()) return;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  static constexpr char kPath[] = "/dev/log";
  std::memcpy(address.sun_path, kPath, sizeof kPath);
  const std::string message = concat("<19>", program, ": ", text);  // facility mail, severity error
  (void)::sendto(fd.get(), message.data(), message.size(), MSG_NOSIGNAL,
                 reinterpret_cast<const sockaddr*>(&address), sizeof address);
}

}  // namespace dmail::log
