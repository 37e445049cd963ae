#include "mover.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

#include "base/text.h"
#include "io/file.h"
#include "io/file_lock.h"
#include "io/owned_fd.h"

namespace dmail::dmconf {
namespace {

constexpr int kDirectory = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
constexpr off_t kEmptyMbx = 2048;  // its header alone
constexpr int kMaxTreeDepth = 32;

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};
using Directory = std::unique_ptr<DIR, CloseDirectory>;

Directory opened(int at, const char* name) {
  const int fd = ::openat(at, name, kDirectory);
  return Directory(fd < 0 ? nullptr : ::fdopendir(fd));
}

// A name in a directory that is open.
struct Place {
  OwnedFd directory;
  std::string path, name;  // path of the drop file
};

std::string directory_of(const std::string& path) { return path.substr(0, path.rfind('/')); }

Result<Place> place_at(const std::string& path) {
  Place place;
  place.path = path;
  place.name = path.substr(path.rfind('/') + 1);
  place.directory = OwnedFd(::open(directory_of(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!place.directory.valid()) return system_error(concat("open ", directory_of(path)), errno);
  return place;
}

enum class Kind { None, Empty, Mail, Strange };

struct File {
  Kind kind = Kind::None;
  OwnedFd fd;
  struct stat st {};
  std::string problem;
};

// Only what servers would take as a drop file is moved, and only that is thought empty.
File drop_file(const Place& place) {
  File file;
  const auto strange = [&](std::string_view why) {
    file.kind = Kind::Strange;
    file.problem = concat(place.path, " ", why);
  };
  constexpr int kFlags = O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
  file.fd = OwnedFd(::openat(place.directory.get(), place.name.c_str(), kFlags));
  if (!file.fd.valid() && errno == ENOENT) return file;
  if (!file.fd.valid()) strange(errno == ELOOP ? "is a link" : "cannot be opened");
  if (!file.fd.valid()) return file;
  char start[5];
  if (::fstat(file.fd.get(), &file.st) != 0 || !S_ISREG(file.st.st_mode))
    strange("is no regular file");
  else if (file.st.st_nlink != 1)
    strange("has more than one name");
  else if (file.st.st_size == 0)
    file.kind = Kind::Empty;
  else if (const auto n = read_at(file.fd.get(), start, 0);
           n && (std::string_view(start, *n) == "From " || std::string_view(start, *n) == "*mbx*"))
    file.kind = Kind::Mail;
  else
    strange("is no mail file");
  return file;
}

bool same(const File& a, const File& b) {
  if (a.fd.valid() != b.fd.valid() || b.kind == Kind::Strange) return false;
  return !a.fd.valid() || (a.st.st_ino == b.st.st_ino && a.st.st_dev == b.st.st_dev);
}

// Whether any file below holds a message.  What cannot be read is thought to.
bool holds_mail(int at, const char* name, int depth = 0) {
  const Directory directory = opened(at, name);
  if (!directory || depth > kMaxTreeDepth) return true;
  const int fd = ::dirfd(directory.get());
  while (const dirent* entry = ::readdir(directory.get())) {
    const std::string_view one = entry->d_name;
    if (one == "." || one == ".." || one == ".index" || one == ".mailboxlist") continue;
    struct stat st {};
    if (::fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0) return true;
    if (S_ISDIR(st.st_mode) ? holds_mail(fd, entry->d_name, depth + 1)
                            : !S_ISREG(st.st_mode) || (st.st_size != 0 && st.st_size != kEmptyMbx))
      return true;
  }
  return false;
}

Kind tree(const Place& place) {
  const std::string name = concat(place.name, ".mbx");
  struct stat st {};
  if (::fstatat(place.directory.get(), name.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0)
    return errno == ENOENT ? Kind::None : Kind::Strange;
  if (!S_ISDIR(st.st_mode)) return Kind::Strange;
  return holds_mail(place.directory.get(), name.c_str()) ? Kind::Mail : Kind::Empty;
}

// What in NAME.mbx/.index says that now is not the time; empty when nothing does.
std::string hindrance(const Place& place) {
  const Directory above = opened(place.directory.get(), concat(place.name, ".mbx").c_str());
  if (!above) return {};
  const Directory index = opened(::dirfd(above.get()), ".index");
  if (!index) return {};
  while (const dirent* entry = ::readdir(index.get())) {
    const std::string_view name = entry->d_name;
    // It belongs to the mail file as it lies there, and whoever opens that first finishes it.
    if (name.ends_with(".journal"))
      return "a rewrite was cut short (.index/*.journal): the user has to open the mailbox at the "
             "old place first";
    if (!name.ends_with(".idx") && name != "lock") continue;
    const OwnedFd fd(::openat(::dirfd(index.get()), entry->d_name,
                              O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    if (!fd.valid()) continue;
    if (!FileLock::take(fd.get(), LockMode::Exclusive, Deadline::in_ms(0)))
      return "a session has the mailbox open";
  }
  return {};
}

// Renames within one file system; never over anything.  A file system that cannot promise that
// (NFS) says EINVAL, and nothing is moved.
Status rename_new(const Place& from, const Place& to, std::string_view ending) {
  const std::string a = concat(from.name, ending), b = concat(to.name, ending);
  if (::renameat2(from.directory.get(), a.c_str(), to.directory.get(), b.c_str(),
                  RENAME_NOREPLACE) == 0)
    return {};
  return system_error(concat("rename ", from.path, ending, " to ", to.path, ending), errno);
}

Status exchange(const Place& from, const Place& to, std::string_view ending) {
  const std::string a = concat(from.name, ending), b = concat(to.name, ending);
  if (::renameat2(from.directory.get(), a.c_str(), to.directory.get(), b.c_str(),
                  RENAME_EXCHANGE) == 0)
    return {};
  return system_error(concat("exchange ", from.path, ending, " and ", to.path, ending), errno);
}

// The hash directories, as the servers make them.
Status make_directories(const account::Account& account) {
  for (const std::string& path : account.directories) {
    if (::mkdir(path.c_str(), account::kHashDirMode) != 0) {
      struct stat st {};
      if (errno != EEXIST) return system_error(concat("mkdir ", path), errno);
      if (::lstat(path.c_str(), &st) != 0 || !S_ISDIR(st.st_mode) || (st.st_mode & 022) != 0)
        return Error{ErrorKind::NoPermission, "",
                     concat(path, " is no directory that root alone changes")};
      continue;
    }
    const OwnedFd fd(::open(path.c_str(), kDirectory));
    if (!fd.valid()) return system_error(concat("open ", path), errno);
    if (::fchmod(fd.get(), account::kHashDirMode) != 0)
      return system_error(concat("chmod ", path), errno);
  }
  return {};
}

Outcome unclear(std::string text) {
  Outcome out;
  out.text = std::move(text);
  return out;
}

}  // namespace

Outcome Mover::look(const Stray& stray) const {
  auto from = place_at(stray.path);
  if (!from) return unclear(from.error().log);
  const File source = drop_file(*from);
  const Kind source_tree = tree(*from);
  Outcome out;
  out.octets = static_cast<uint64_t>(source.st.st_size);
  out.folders = source_tree != Kind::None;
  if (source.kind == Kind::Strange) return unclear(source.problem);
  // Whoever is root writes no drop file.
  if (source.fd.valid() && source.st.st_uid == 0 && ::geteuid() == 0)
    return unclear(concat(stray.path, " belongs to root, so it is no user's"));
  if (source_tree == Kind::Strange) return unclear(concat(stray.path, ".mbx is no directory"));

  const auto to = place_at(stray.account.drop_file);
  File target;
  Kind target_tree = Kind::None;
  if (to) {
    target = drop_file(*to);
    target_tree = tree(*to);
  }
  if (target.kind == Kind::Strange) return unclear(target.problem);
  if (target_tree == Kind::Strange) return unclear(concat(to->path, ".mbx is no directory"));
  // A listing of the directory from before it was moved.
  if (source.kind == Kind::None && source_tree == Kind::None) {
    out.what = Move::Gone;
    return out;
  }
  const bool nothing_here = source.kind != Kind::Mail && source_tree != Kind::Mail;
  if (nothing_here && (target.kind != Kind::None || target_tree != Kind::None)) {
    out.what = Move::Leftover;
    return out;
  }
  if ((source.kind == Kind::Mail && target.kind == Kind::Mail) ||
      (source_tree == Kind::Mail && target_tree == Kind::Mail)) {
    out.what = Move::BothHaveMail;
    return out;
  }
  out.what = Move::Possible;
  return out;
}

Outcome Mover::move(const Stray& stray) const {
  Outcome out = look(stray);
  if (out.what != Move::Possible) return out;
  const auto fails = [&](const Error& error) {
    out.what = error.kind == ErrorKind::InUse ? Move::InUse : Move::Unclear;
    out.text = error.log;
    return out;
  };
  if (Status made = make_directories(stray.account); !made) return fails(made.error());
  auto from = place_at(stray.path);
  if (!from) return fails(from.error());
  auto to = place_at(stray.account.drop_file);
  if (!to) return fails(to.error());

  // The order: the fcntl lock, the dotlock of the old place, that of the new one.
  const Deadline deadline = Deadline::in_ms(lock_seconds_ * 1000);
  const File locked = drop_file(*from), target = drop_file(*to);
  FileLock here, there;
  if (locked.fd.valid()) {
    auto lock = FileLock::take_with_dotlock(locked.fd.get(), from->path, deadline);
    if (!lock) return fails(lock.error());
    here = std::move(*lock);
  }
  // Where there is no file yet only the dotlock keeps others away.
  const int any = target.fd.valid() ? target.fd.get() : locked.fd.get();
  if (any >= 0) {
    auto lock = FileLock::take_with_dotlock(any, to->path, deadline);
    if (!lock) return fails(lock.error());
    there = std::move(*lock);
  }
  for (const Place* place : {&*from, &*to})
    if (std::string why = hindrance(*place); !why.empty()) {
      out.what = Move::InUse;
      out.text = std::move(why);
      return out;
    }
  // Others may have been here before we had the locks.
  const File source = drop_file(*from), now = drop_file(*to);
  if (!same(locked, source) || !same(target, now) ||
      (source.kind == Kind::Mail && now.kind == Kind::Mail)) {
    out.what = Move::InUse;
    out.text = "mail came in, or the files were changed, meanwhile";
    return out;
  }
  const Kind tree_here = tree(*from), tree_there = tree(*to);
  if (tree_here == Kind::Mail && tree_there == Kind::Mail) {
    out.what = Move::BothHaveMail;
    return out;
  }
  if (source.fd.valid() && (source.kind == Kind::Mail || !target.fd.valid()))
    if (Status done = target.fd.valid() ? exchange(*from, *to, "") : rename_new(*from, *to, "");
        !done)
      return fails(done.error());
  // Folders of either place without mail stay where they are when there are some at the other.
  if (tree_here != Kind::None && (tree_here == Kind::Mail || tree_there == Kind::None))
    if (Status done = tree_there == Kind::None ? rename_new(*from, *to, ".mbx")
                                               : exchange(*from, *to, ".mbx");
        !done)
      return fails(done.error());
  out.what = Move::Done;
  return out;
}

}  // namespace dmail::dmconf
