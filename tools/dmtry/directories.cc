#include "tools/dmtry/directories.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdlib>

#include "base/text.h"
#include "io/file.h"

namespace dmail::dmtry {
namespace {

constexpr int kDirectory = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

Error refused(const std::string& path, std::string_view why) {
  return Error{
      ErrorKind::NoPermission,
      concat(path, ' ', why, ": others could change what runs from it; choose a directory of ",
             ::geteuid() == 0 ? "root's, as /srv/try" : "your own"),
      {}};
}

bool is_trusted(uid_t uid) { return uid == 0 || uid == ::geteuid(); }

Status check_own(int fd, const std::string& path) {
  auto st = stat_fd(fd);
  if (!st) return std::move(st.error());
  if (!is_trusted(st->st_uid)) return refused(path, concat("belongs to uid ", st->st_uid));
  if ((st->st_mode & (S_IWGRP | S_IWOTH)) != 0) return refused(path, "can be written by others");
  return {};
}

// Every directory on the way from / down to `path`, which has no links.
Result<OwnedFd> walk(const std::string& path) {
  OwnedFd at(::open("/", kDirectory));
  std::string so_far;
  for (std::string_view part : split(path, '/')) {
    if (part.empty()) continue;
    append(so_far, concat('/', part));
    OwnedFd next(::openat(at.get(), std::string(part).c_str(), kDirectory));
    if (!next.valid()) return system_error("open " + so_far, errno);
    auto st = stat_fd(next.get());
    if (!st) return std::move(st.error());
    const bool sticky = (st->st_mode & S_ISVTX) != 0;
    if (::geteuid() == 0 && st->st_uid != 0)
      return refused(so_far, concat("belongs to uid ", st->st_uid));
    if (::geteuid() == 0 && !sticky && (st->st_mode & (S_IWGRP | S_IWOTH)) != 0)
      return refused(so_far, "can be written by others");
    at = std::move(next);
  }
  return at;
}

}  // namespace

Result<OwnedFd> open_own_directory(const std::string& path) {
  std::string whole = path;
  while (whole.size() > 1 && whole.back() == '/') whole.pop_back();
  const size_t slash = whole.rfind('/');
  const std::string name = whole.substr(slash + 1);
  char parent[PATH_MAX];
  if (::realpath(slash == 0 ? "/" : whole.substr(0, slash).c_str(), parent) == nullptr)
    return system_error("open " + whole.substr(0, slash), errno);
  auto above = walk(parent);
  if (!above) return above;
  if (::mkdirat(above->get(), name.c_str(), 0755) != 0 && errno != EEXIST)
    return system_error("mkdir " + whole, errno);
  OwnedFd fd(::openat(above->get(), name.c_str(), kDirectory));
  if (!fd.valid() && (errno == ELOOP || errno == ENOTDIR))
    return refused(whole, "is a link, or no directory");
  if (!fd.valid()) return system_error("open " + whole, errno);
  DMAIL_TRY(check_own(fd.get(), whole));
  if (::fchmod(fd.get(), 0755) != 0) return system_error("chmod " + whole, errno);
  return fd;
}

Status make_directory_in(int parent, const std::string& name, mode_t mode, int uid) {
  if (::mkdirat(parent, name.c_str(), mode) != 0 && errno != EEXIST)
    return system_error("mkdir " + name, errno);
  const OwnedFd fd(::openat(parent, name.c_str(), kDirectory));
  if (!fd.valid() && (errno == ELOOP || errno == ENOTDIR))
    return refused(name, "is a link, or no directory");
  if (!fd.valid()) return system_error("open " + name, errno);
  auto st = stat_fd(fd.get());
  if (!st) return std::move(st.error());
  if (!is_trusted(st->st_uid) && (uid < 0 || st->st_uid != static_cast<uid_t>(uid)))
    return refused(name, concat("belongs to uid ", st->st_uid));
  if (::fchmod(fd.get(), mode) != 0) return system_error("chmod " + name, errno);
  if (uid >= 0 && ::fchown(fd.get(), static_cast<uid_t>(uid), static_cast<gid_t>(uid)) != 0)
    return system_error("chown " + name, errno);
  return {};
}

}  // namespace dmail::dmtry
