#include "io/file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdio>

#include "base/text.h"
#include "io/clock.h"
#include "io/path_error.h"

namespace dmail {
namespace {

bool syncs = true;
bool names = false;

// The error of a call on an open descriptor, with the file's path where the process may ask.
Error fd_error(const char* what, int fd) {
  const int error = errno;
  if (!names) return system_error(what, error);
  char path[PATH_MAX];
  const ssize_t n = ::readlink(concat("/proc/self/fd/", fd).c_str(), path, sizeof path);
  if (n <= 0) return system_error(what, error);
  return system_error(concat(what, ' ', escaped(std::string_view(path, static_cast<size_t>(n)))),
                      error);
}

std::string parent_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

Result<OwnedFd> checked_regular(OwnedFd fd, const std::string& name) {
  struct stat st {};
  if (::fstat(fd.get(), &st) != 0) return system_error("fstat " + name, errno);
  if (!S_ISREG(st.st_mode))
    return Error{ErrorKind::NoPermission, "It is not a file", name + " is no regular file"};
  return fd;
}

}  // namespace

Result<OwnedFd> open_file(const std::string& path, int flags, mode_t mode) {
  return open_file_at(AT_FDCWD, path, flags, mode);
}

Result<OwnedFd> open_file_at(int directory, const std::string& name, int flags, mode_t mode) {
  for (;;) {
    const int fd =
        ::openat(directory, name.c_str(), flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, mode);
    if (fd >= 0) return checked_regular(OwnedFd(fd), name);
    if (errno != EINTR)
      return names ? path_error("open", name, errno) : system_error("open " + name, errno);
  }
}

Result<OwnedFd> open_directory(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0)
    return names ? path_error("open directory", path, errno)
                 : system_error("open directory " + path, errno);
  return OwnedFd(fd);
}

Result<struct stat> stat_fd(int fd) {
  struct stat st {};
  if (::fstat(fd, &st) != 0) return fd_error("fstat", fd);
  return st;
}

Result<size_t> read_at(int fd, std::span<char> into, uint64_t offset) {
  size_t done = 0;
  while (done < into.size()) {
    const ssize_t n =
        ::pread(fd, into.data() + done, into.size() - done, static_cast<off_t>(offset + done));
    if (n == 0) break;
    if (n < 0) {
      if (errno == EINTR) continue;
      return fd_error("read", fd);
    }
    done += static_cast<size_t>(n);
  }
  return done;
}

Status write_at(int fd, std::string_view bytes, uint64_t offset) {
  while (!bytes.empty()) {
    const ssize_t n = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (n < 0) {
      if (errno == EINTR) continue;
      return fd_error("write", fd);
    }
    bytes.remove_prefix(static_cast<size_t>(n));
    offset += static_cast<uint64_t>(n);
  }
  return {};
}

Status truncate_to(int fd, uint64_t size) {
  while (::ftruncate(fd, static_cast<off_t>(size)) != 0)
    if (errno != EINTR) return fd_error("truncate", fd);
  return {};
}

Status sync_file(int fd) {
  if (syncs && ::fdatasync(fd) != 0) return fd_error("fdatasync", fd);
  return {};
}

Status write_out(int fd, uint64_t from, uint64_t to) {
  if (!syncs || from >= to) return {};
  constexpr unsigned all =
      SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER;
  if (::sync_file_range(fd, static_cast<off_t>(from), static_cast<off_t>(to - from), all) == 0)
    return {};
  if (errno == ENOSYS || errno == EINVAL || errno == ESPIPE || errno == EPERM) return sync_file(fd);
  return fd_error("sync_file_range", fd);
}

Status sync_directory(int directory_fd) {
  if (syncs && ::fsync(directory_fd) != 0 && errno != EINVAL)
    return fd_error("fsync of directory", directory_fd);
  return {};
}

Status sync_parent(const std::string& path) {
  auto dir = open_directory(parent_of(path));
  if (!dir) return std::move(dir.error());
  return sync_directory(dir->get());
}

Result<std::string> read_file(const std::string& path, size_t max) {
  auto fd = open_file(path, O_RDONLY);
  if (!fd) return std::move(fd.error());
  auto st = stat_fd(fd->get());
  if (!st) return std::move(st.error());
  if (static_cast<uint64_t>(st->st_size) > max)
    return Error{ErrorKind::Limit, "The file is too large",
                 path + " has over " + std::to_string(max) + " bytes"};
  std::string out(static_cast<size_t>(st->st_size), '\0');
  auto n = read_at(fd->get(), out, 0);
  if (!n) return std::move(n.error());
  out.resize(*n);
  return out;
}

Status replace_file(const std::string& path, std::string_view bytes, mode_t mode) {
  const std::string temporary = concat(path, ".", ::getpid(), ".new");
  ::unlink(temporary.c_str());
  auto fd = open_file(temporary, O_WRONLY | O_CREAT | O_EXCL, mode);
  if (!fd) return std::move(fd.error());
  Status done = write_at(fd->get(), bytes, 0);
  if (done) done = sync_file(fd->get());
  if (done && ::rename(temporary.c_str(), path.c_str()) != 0)
    done = system_error("rename " + temporary, errno);
  if (!done) {
    ::unlink(temporary.c_str());
    return done;
  }
  return sync_parent(path);
}

void set_names_in_errors(bool on) { names = on; }
void set_sync_enabled(bool on) { syncs = on; }
bool sync_enabled() { return syncs; }

}  // namespace dmail
