#include "privsep/user_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/text.h"
#include "io/file.h"
#include "io/owned_fd.h"

namespace dmail::privsep {
namespace {

constexpr int kDirectory = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
constexpr mode_t kOthersWrite = S_IWGRP | S_IWOTH;

Error refused(std::string log) {
  return Error{ErrorKind::NoPermission, "The mailbox cannot be opened", std::move(log)};
}

// "/var/spool/dmail/g (owner 0:8, mode 0755)", for whoever has to repair it.
std::string described(std::string_view path, const struct stat& st) {
  const mode_t mode = st.st_mode & 07777;
  std::string digits;
  for (int shift = mode > 0777 ? 9 : 6; shift >= 0; shift -= 3)
    digits += static_cast<char>('0' + ((mode >> shift) & 7));
  return concat(escaped(path), " (owner ", st.st_uid, ':', st.st_gid, ", mode 0", digits, ')');
}

// A call on `path` in `directory` that the system refused: the reason lies mostly in the directory.
Error failed(const char* what, const std::string& path, int directory, int error) {
  std::string text = concat(what, ' ', escaped(path));
  struct stat st {};
  if ((error == EACCES || error == EPERM || error == EROFS) && ::fstat(directory, &st) == 0)
    text += concat(" as uid ", ::geteuid(), " in ",
                   described(std::string_view(path).substr(0, path.rfind('/')), st));
  return system_error(std::move(text), error);
}

// What openat(O_DIRECTORY | O_NOFOLLOW) would not open.
Error no_directory(const char* what, const std::string& path, int above, const std::string& name,
                   int error) {
  struct stat st {};
  if ((error == ENOTDIR || error == ELOOP) &&
      ::fstatat(above, name.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0)
    return refused(concat(what, ' ', escaped(path),
                          S_ISLNK(st.st_mode)
                              ? " is a symbolic link; links are not followed below drop_path: put "
                                "a directory there"
                              : " is no directory"));
  return failed(concat("open ", what).c_str(), path, above, error);
}

// A directory on the way, and whether only root can change its entries.
struct Level {
  std::string path;
  OwnedFd fd;
  bool ours_alone = false;
};

class Preparer {
 public:
  explicit Preparer(const MailPlace& place) : place_(place) {}

  Status run() {
    const account::Account& account = *place_.account;
    const std::string_view drop = account.drop_file;
    if (!is_below(drop)) return {};
    auto level = open_base();
    if (!level) return std::move(level.error());
    std::string_view rest = drop.substr(place_.base.size());
    for (;;) {
      while (rest.starts_with('/')) rest.remove_prefix(1);
      const size_t slash = rest.find('/');
      if (slash == std::string_view::npos) break;
      level = enter(*level, std::string(rest.substr(0, slash)), listed(rest, slash));
      if (!level) return std::move(level.error());
      rest.remove_prefix(slash);
    }
    if (rest.empty() || rest == "." || rest == "..") return refused("the drop file has no name");
    DMAIL_TRY(drop_file(*level, std::string(rest)));
    return folders(*level, account.folders);
  }

 private:
  [[nodiscard]] bool is_below(std::string_view path) const {
    std::string_view base = place_.base;
    while (base.ends_with('/')) base.remove_suffix(1);
    return !base.empty() && path.starts_with(base) && path.size() > base.size() &&
           path[base.size()] == '/';
  }

  // Only directories that the account's hashing asks for are made.
  bool listed(std::string_view rest, size_t length) const {
    const std::string_view whole = place_.account->drop_file;
    const std::string_view path =
        whole.substr(0, static_cast<size_t>(rest.data() - whole.data()) + length);
    for (const std::string& directory : place_.account->directories)
      if (directory == path) return true;
    return false;
  }

  [[nodiscard]] bool trusted_owner(uid_t uid) const {
    return uid == 0 || uid == ::geteuid() ||
           (place_.mail_ids.valid() && uid == place_.mail_ids.uid);
  }

  // The drop path may be reached through links: the administrator wrote it.  It may be shared as
  // mail spools are (a mail group, or sticky for all), but not be open to changes by everybody.
  Result<Level> open_base() {
    Level level;
    level.path = place_.base;
    while (level.path.size() > 1 && level.path.ends_with('/')) level.path.pop_back();
    level.fd = OwnedFd(::open(place_.base.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!level.fd.valid())
      return system_error(concat("open drop path ", escaped(place_.base)), errno);
    auto st = stat_fd(level.fd.get());
    if (!st) return std::move(st.error());
    DMAIL_TRY(check_owner("drop path", level.path, *st));
    if ((st->st_mode & S_IWOTH) != 0 && (st->st_mode & S_ISVTX) == 0)
      return refused(concat("drop path ", described(level.path, *st),
                            " can be changed by anybody: chmod o-w ", escaped(level.path)));
    level.ours_alone = st->st_uid == ::geteuid() && (st->st_mode & kOthersWrite) == 0;
    return level;
  }

  Result<Level> enter(const Level& above, const std::string& name, bool may_make) {
    if (name == "." || name == "..") return refused("a dot directory in the path of a drop file");
    Level level;
    level.path = concat(above.path, '/', name);
    level.fd = OwnedFd(::openat(above.fd.get(), name.c_str(), kDirectory));
    if (!level.fd.valid() && errno == ENOENT && may_make) {
      if (::mkdirat(above.fd.get(), name.c_str(), account::kHashDirMode) != 0 && errno != EEXIST)
        return failed("mkdir", level.path, above.fd.get(), errno);
      level.fd = OwnedFd(::openat(above.fd.get(), name.c_str(), kDirectory));
      // The umask of the monitor is strict, and users must get through.
      if (level.fd.valid()) DMAIL_TRY(finish_directory(above, level));
    }
    if (!level.fd.valid())
      return no_directory("spool directory", level.path, above.fd.get(), name, errno);
    auto st = stat_fd(level.fd.get());
    if (!st) return std::move(st.error());
    DMAIL_TRY(check_owner("spool directory", level.path, *st));
    if ((st->st_mode & kOthersWrite) != 0)
      return refused(concat("spool directory ", described(level.path, *st),
                            " can be changed by others: chmod go-w ", escaped(level.path)));
    level.ours_alone = st->st_uid == ::geteuid();
    return level;
  }

  Status check_owner(const char* what, const std::string& path, const struct stat& st) const {
    if (trusted_owner(st.st_uid)) return {};
    return refused(concat(what, ' ', described(path, st), " belongs to uid ", st.st_uid,
                          "; it must be root's", place_.mail_ids.valid() ? " or mail_user's" : "",
                          ": chown root ", escaped(path)));
  }

  // The user's own file or directory, or not: what stands there and whose it should be.
  [[nodiscard]] Error foreign(const char* what, const std::string& path,
                              const struct stat& st) const {
    return refused(concat(what, ' ', described(path, st), " belongs to uid ", st.st_uid, ", ",
                          escaped(place_.account->user), "'s is ", place_.owner.uid, ": chown ",
                          place_.owner.uid, ' ', escaped(path)));
  }

  static Status finish_directory(const Level& above, const Level& made) {
    auto st = stat_fd(made.fd.get());
    if (!st) return std::move(st.error());
    if (st->st_uid == ::geteuid() && ::fchmod(made.fd.get(), account::kHashDirMode) != 0)
      return failed("chmod", made.path, above.fd.get(), errno);
    return sync_directory(above.fd.get());
  }

  Status give(const std::string& path, int fd, mode_t mode) const {
    if (place_.owner.uid != ::geteuid() && ::fchown(fd, place_.owner.uid, place_.owner.gid) != 0)
      return system_error(
          concat("chown ", place_.owner.uid, ':', place_.owner.gid, ' ', escaped(path)), errno);
    if (::fchmod(fd, mode) != 0) return system_error(concat("chmod ", escaped(path)), errno);
    return {};
  }

  // Ours, and nobody else could have put it there: left by a monitor that died before give().
  static bool orphan(const Level& level, const struct stat& st) {
    return level.ours_alone && st.st_uid == ::geteuid() && (st.st_mode & 077) == 0;
  }

  // A directory that a mail group can rename (/var/mail of mode 2775): what is root's, private and
  // empty there can be given away.  With something in it it could be root's own, put under the
  // user's name.
  static Result<bool> giveable(const Level& level, int fd, const struct stat& st) {
    if (orphan(level, st)) return true;
    if (st.st_uid != ::geteuid() || (st.st_mode & 077) != 0) return false;
    const int own = ::openat(fd, ".", kDirectory);
    DIR* entries = own < 0 ? nullptr : ::fdopendir(own);
    if (entries == nullptr) {
      const int error = errno;
      if (own >= 0) ::close(own);
      return system_error("read a folder directory", error);
    }
    int count = 0;
    while (::readdir(entries) != nullptr) ++count;
    ::closedir(entries);
    return count <= 2;  // . and ..
  }

  Status drop_file(const Level& level, const std::string& name) {
    constexpr int kFlags = O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
    const std::string path = concat(level.path, '/', name);
    OwnedFd fd(::openat(level.fd.get(), name.c_str(), kFlags));
    const bool make = !fd.valid() && errno == ENOENT;
    if (make) {
      fd.reset(::openat(level.fd.get(), name.c_str(), kFlags | O_CREAT | O_EXCL, 0600));
      // Another connection of the user was faster.
      if (!fd.valid() && errno == EEXIST)
        fd.reset(::openat(level.fd.get(), name.c_str(), kFlags));
      else if (fd.valid())
        DMAIL_TRY(give(path, fd.get(), 0600));
    }
    if (!fd.valid() && errno == ELOOP)
      return refused(concat("drop file ", escaped(path),
                            " is a symbolic link; links are not followed: put the file there"));
    if (!fd.valid()) return failed("open drop file", path, level.fd.get(), errno);
    auto st = stat_fd(fd.get());
    if (!st) return std::move(st.error());
    if (!S_ISREG(st->st_mode))
      return refused(concat("drop file ", described(path, *st), " is no regular file"));
    if (st->st_nlink != 1)
      return refused(concat("drop file ", described(path, *st), " has ", st->st_nlink,
                            " names (hard links); one is allowed"));
    if (st->st_uid != place_.owner.uid) {
      if (st->st_size != 0 || !orphan(level, *st)) return foreign("drop file", path, *st);
      DMAIL_TRY(give(path, fd.get(), 0600));
    } else if ((st->st_mode & S_IWOTH) != 0) {
      return refused(concat("drop file ", described(path, *st),
                            " can be written by anybody: chmod o-w ", escaped(path)));
    }
    return make ? sync_directory(level.fd.get()) : Status();
  }

  // The folder directory stands beside the drop file, or the account has its folders elsewhere.
  Status folders(const Level& level, const std::string& path) {
    const size_t slash = path.rfind('/');
    const std::string& drop = place_.account->drop_file;
    if (slash == std::string::npos || drop.compare(0, drop.rfind('/') + 1, path, 0, slash + 1) != 0)
      return {};
    const std::string name = path.substr(slash + 1);
    OwnedFd fd(::openat(level.fd.get(), name.c_str(), kDirectory));
    const bool make = !fd.valid() && errno == ENOENT;
    if (make) {
      const bool made = ::mkdirat(level.fd.get(), name.c_str(), 0700) == 0;
      if (!made && errno != EEXIST) return failed("mkdir", path, level.fd.get(), errno);
      fd.reset(::openat(level.fd.get(), name.c_str(), kDirectory));
    }
    if (!fd.valid()) return no_directory("folder directory", path, level.fd.get(), name, errno);
    auto st = stat_fd(fd.get());
    if (!st) return std::move(st.error());
    if (st->st_uid != place_.owner.uid) {
      const auto may_give = giveable(level, fd.get(), *st);
      if (!may_give) return may_give.error();
      if (!*may_give) return foreign("folder directory", path, *st);
      DMAIL_TRY(give(path, fd.get(), 0700));
    } else if ((st->st_mode & S_IWOTH) != 0) {
      return refused(concat("folder directory ", described(path, *st),
                            " can be written by anybody: chmod o-w ", escaped(path)));
    }
    return make ? sync_directory(level.fd.get()) : Status();
  }

  const MailPlace& place_;
};

}  // namespace

Status prepare_mail(const MailPlace& place) {
  if (!place.owner.valid() || place.owner.uid == 0)
    return refused("asked to prepare a mailbox for root");
  if (place.account->maildir)
    return Error{ErrorKind::Unsupported, "The mailbox cannot be opened",
                 "use_maildir is not implemented yet; remove it from dmail.conf"};
  return Preparer(place).run();
}

}  // namespace dmail::privsep
