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

// A directory on the way, and whether only root can change its entries.
struct Level {
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
    level.fd = OwnedFd(::open(place_.base.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!level.fd.valid()) return system_error(concat("open drop path ", place_.base), errno);
    auto st = stat_fd(level.fd.get());
    if (!st) return std::move(st.error());
    if (!trusted_owner(st->st_uid) ||
        ((st->st_mode & S_IWOTH) != 0 && (st->st_mode & S_ISVTX) == 0))
      return refused(concat("drop path ", place_.base, " can be changed by anybody"));
    level.ours_alone = st->st_uid == ::geteuid() && (st->st_mode & kOthersWrite) == 0;
    return level;
  }

  Result<Level> enter(const Level& above, const std::string& name, bool may_make) {
    if (name == "." || name == "..") return refused("a dot directory in the path of a drop file");
    Level level;
    level.fd = OwnedFd(::openat(above.fd.get(), name.c_str(), kDirectory));
    if (!level.fd.valid() && errno == ENOENT && may_make) {
      if (::mkdirat(above.fd.get(), name.c_str(), account::kHashDirMode) != 0 && errno != EEXIST)
        return system_error(concat("mkdir ", name), errno);
      level.fd = OwnedFd(::openat(above.fd.get(), name.c_str(), kDirectory));
      // The umask of the monitor is strict, and users must get through.
      if (level.fd.valid()) DMAIL_TRY(finish_directory(above, level));
    }
    if (!level.fd.valid()) return system_error(concat("open directory ", name), errno);
    auto st = stat_fd(level.fd.get());
    if (!st) return std::move(st.error());
    if (!trusted_owner(st->st_uid) || (st->st_mode & kOthersWrite) != 0)
      return refused(concat("directory ", name, " of the spool can be changed by others"));
    level.ours_alone = st->st_uid == ::geteuid();
    return level;
  }

  static Status finish_directory(const Level& above, const Level& made) {
    auto st = stat_fd(made.fd.get());
    if (!st) return std::move(st.error());
    if (st->st_uid == ::geteuid() && ::fchmod(made.fd.get(), account::kHashDirMode) != 0)
      return system_error("fchmod of a hash directory", errno);
    return sync_directory(above.fd.get());
  }

  Status give(int fd, mode_t mode) const {
    if (place_.owner.uid != ::geteuid() && ::fchown(fd, place_.owner.uid, place_.owner.gid) != 0)
      return system_error("fchown to the user", errno);
    if (::fchmod(fd, mode) != 0) return system_error("fchmod for the user", errno);
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
    OwnedFd fd(::openat(level.fd.get(), name.c_str(), kFlags));
    const bool make = !fd.valid() && errno == ENOENT;
    if (make) {
      fd.reset(::openat(level.fd.get(), name.c_str(), kFlags | O_CREAT | O_EXCL, 0600));
      // Another connection of the user was faster.
      if (!fd.valid() && errno == EEXIST)
        fd.reset(::openat(level.fd.get(), name.c_str(), kFlags));
      else if (fd.valid())
        DMAIL_TRY(give(fd.get(), 0600));
    }
    if (!fd.valid() && errno == ELOOP) return refused(concat("drop file ", name, " is a link"));
    if (!fd.valid()) return system_error(concat("open drop file ", name), errno);
    auto st = stat_fd(fd.get());
    if (!st) return std::move(st.error());
    if (!S_ISREG(st->st_mode)) return refused(concat("drop file ", name, " is no regular file"));
    if (st->st_nlink != 1) return refused(concat("drop file ", name, " has more than one name"));
    if (st->st_uid != place_.owner.uid) {
      if (st->st_size != 0 || !orphan(level, *st))
        return refused(concat("drop file ", name, " belongs to uid ", st->st_uid));
      DMAIL_TRY(give(fd.get(), 0600));
    } else if ((st->st_mode & S_IWOTH) != 0) {
      return refused(concat("drop file ", name, " can be written by anybody"));
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
      if (!made && errno != EEXIST) return system_error(concat("mkdir ", name), errno);
      fd.reset(::openat(level.fd.get(), name.c_str(), kDirectory));
    }
    if (!fd.valid() && (errno == ELOOP || errno == ENOTDIR))
      return refused(concat("folder directory ", name, " is a link or a file"));
    if (!fd.valid()) return system_error(concat("open folder directory ", name), errno);
    auto st = stat_fd(fd.get());
    if (!st) return std::move(st.error());
    if (st->st_uid != place_.owner.uid) {
      const auto may_give = giveable(level, fd.get(), *st);
      if (!may_give) return may_give.error();
      if (!*may_give)
        return refused(concat("folder directory ", name, " belongs to uid ", st->st_uid));
      DMAIL_TRY(give(fd.get(), 0700));
    } else if ((st->st_mode & S_IWOTH) != 0) {
      return refused(concat("folder directory ", name, " can be written by anybody"));
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
