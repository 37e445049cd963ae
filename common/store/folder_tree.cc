#include "store/folder_tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/text.h"
#include "io/file.h"
#include "store/folder_names.h"

namespace dmail::store {
namespace {

constexpr size_t kMaxFolders = 200000;
constexpr int kListTries = 3;
constexpr int64_t kQuietMs = 2000;  // for a list that nobody changes meanwhile

Error absent() { return Error{ErrorKind::NotFound, "The mailbox does not exist", ""}; }

class Directory {
 public:
  explicit Directory(int fd) {
    const int copy = ::openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    directory_ = copy < 0 ? nullptr : ::fdopendir(copy);
    if (directory_ == nullptr && copy >= 0) ::close(copy);
  }
  ~Directory() {
    if (directory_ != nullptr) ::closedir(directory_);
  }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;
  [[nodiscard]] bool open() const { return directory_ != nullptr; }
  const dirent* next() { return ::readdir(directory_); }

 private:
  DIR* directory_;
};

mode_t type_now(int directory, const char* leaf) {
  struct stat st {};
  if (::fstatat(directory, leaf, &st, AT_SYMLINK_NOFOLLOW) != 0) return 0;
  return st.st_mode & S_IFMT;
}

mode_t type_of(int directory, const dirent& entry) {
  if (entry.d_type == DT_REG) return S_IFREG;
  if (entry.d_type == DT_DIR) return S_IFDIR;
  return entry.d_type == DT_UNKNOWN ? type_now(directory, entry.d_name) : 0;
}

}  // namespace

Result<FolderSpot> FolderTree::find(std::string_view name) const {
  FolderSpot spot;
  spot.directory = root_;
  std::string_view rest = name;
  for (;;) {
    const std::string part(take_until(rest, '/'));
    const bool last = rest.empty();
    if (last) {
      spot.leaf = part;
      break;
    }
    for (int attempt = 0;; ++attempt) {
      const int fd =
          ::openat(spot.directory, part.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
      if (fd >= 0) {
        spot.own.reset(fd);
        spot.directory = fd;
        break;
      }
      if (attempt > 0 || errno != ENOENT) return absent();
      recover(spot.directory, part);
    }
  }
  struct stat st {};
  if (::fstatat(spot.directory, spot.leaf.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0) {
    recover(spot.directory, spot.leaf);
    if (::fstatat(spot.directory, spot.leaf.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0) return spot;
  }
  if (S_ISREG(st.st_mode)) {
    spot.kind = FolderSpot::Kind::File;
    spot.mail = st;
  } else if (S_ISDIR(st.st_mode)) {
    spot.kind = FolderSpot::Kind::Directory;
    const std::string own = concat(spot.leaf, '/', kOwnMail);
    if (::fstatat(spot.directory, own.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0 &&
        S_ISREG(st.st_mode)) {
      spot.kind = FolderSpot::Kind::DirectoryWithMail;
      spot.mail = st;
    }
  } else {
    return Error{ErrorKind::NoPermission, "It is not a mailbox",
                 concat(name, " is neither file nor directory")};
  }
  return spot;
}

// A mailbox that gets its first child between the look and the opening is found in its new place.
Result<OwnedFd> FolderTree::open_mail(std::string_view name, std::string& path) const {
  auto spot = find(name);
  if (!spot) return std::move(spot.error());
  if (spot->kind == FolderSpot::Kind::File) {
    path = concat(path_, '/', name);
    auto fd = open_file_at(spot->directory, spot->leaf, O_RDWR);
    if (fd) return fd;
    spot = find(name);
    if (!spot) return std::move(spot.error());
    if (spot->kind == FolderSpot::Kind::File) return fd;
  }
  if (spot->kind == FolderSpot::Kind::Absent) return absent();
  if (spot->kind == FolderSpot::Kind::Directory)
    return Error{ErrorKind::NoPermission, "The mailbox holds only other mailboxes", ""};
  path = concat(path_, '/', name, '/', kOwnMail);
  // Opened in two steps: a link in place of the directory is not followed.
  const int fd = ::openat(spot->directory, spot->leaf.c_str(),
                          O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return system_error("open " + path, errno);
  const OwnedFd directory(fd);
  return open_file_at(fd, kOwnMail, O_RDWR);
}

bool FolderTree::is_mail(int directory, const char* leaf) {
  auto fd = open_file_at(directory, leaf, O_RDONLY);
  if (!fd) return false;
  char front[5];
  auto n = read_at(fd->get(), front, 0);
  return n && (*n == 0 || (*n == sizeof front && (std::memcmp(front, "*mbx*", 5) == 0 ||
                                                  std::memcmp(front, "From ", 5) == 0)));
}

bool FolderTree::has_children(const FolderSpot& spot) const {
  if (spot.kind != FolderSpot::Kind::Directory && spot.kind != FolderSpot::Kind::DirectoryWithMail)
    return false;
  const int fd =
      ::openat(spot.directory, spot.leaf.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return false;
  const OwnedFd own(fd);
  Directory directory(fd);
  if (!directory.open()) return false;
  while (const dirent* entry = directory.next()) {
    if (!valid_name_part(entry->d_name)) continue;
    const mode_t type = type_of(fd, *entry);
    if (type == S_IFDIR || (type == S_IFREG && is_mail(fd, entry->d_name))) return true;
  }
  return false;
}

Result<FolderTree::Lock> FolderTree::lock(Deadline deadline) const {
  auto file = open_file_at(index_, kLockFile, O_RDWR | O_CREAT);
  if (!file) return std::move(file.error());
  Lock held;
  held.fd_ = std::move(*file);
  auto lock = FileLock::take(held.fd_.get(), LockMode::Exclusive, deadline);
  if (!lock) return std::move(lock.error());
  held.lock_ = std::move(*lock);
  held.tree_ = this;
  locked_ = true;
  return held;
}

timespec FolderTree::moves() const {
  struct stat st {};
  if (::fstatat(index_, kLockFile, &st, AT_SYMLINK_NOFOLLOW) != 0) return {};
  return st.st_mtim;
}

// Finishes or clears what a crash left of to_directory(); leaves alone what is still under way.
void FolderTree::recover(int directory, const std::string& leaf) const {
  struct stat st {};
  const std::string leftover = kConverting + leaf;
  if (::fstatat(directory, leftover.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0) return;
  if (locked_) return recover_locked(directory, leaf);
  if (auto held = lock(Deadline::in_ms(0))) recover_locked(directory, leaf);
}

void FolderTree::recover_locked(int directory, const std::string& leaf) const {
  const std::string leftover = kConverting + leaf;
  struct stat st {};
  if (::fstatat(directory, leftover.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0) return;
  struct stat there {};
  const bool taken = ::fstatat(directory, leaf.c_str(), &there, AT_SYMLINK_NOFOLLOW) == 0;
  // Whether the directory `holder` has that very file inside: then it is a second name, and may go.
  const auto also_inside = [&](const std::string& holder, const struct stat& file) {
    struct stat inside {};
    const std::string own = concat(holder, '/', kOwnMail);
    return ::fstatat(directory, own.c_str(), &inside, AT_SYMLINK_NOFOLLOW) == 0 &&
           inside.st_dev == file.st_dev && inside.st_ino == file.st_ino;
  };
  if (S_ISDIR(st.st_mode) && !taken) {
    // The mail went into the directory, the directory not yet to its place.
    (void)::renameat2(directory, leftover.c_str(), directory, leaf.c_str(), RENAME_NOREPLACE);
  } else if (S_ISDIR(st.st_mode) && S_ISREG(there.st_mode)) {
    if (also_inside(leftover, there))
      (void)::unlinkat(directory, concat(leftover, '/', kOwnMail).c_str(), 0);
    (void)::unlinkat(directory, leftover.c_str(), AT_REMOVEDIR);
  } else if (S_ISREG(st.st_mode) && S_ISDIR(there.st_mode)) {
    if (also_inside(leaf, st)) (void)::unlinkat(directory, leftover.c_str(), 0);
  }
}

Status FolderTree::walk(int directory, const std::string& prefix, size_t level,
                        const Indexed& indexed, std::vector<MailboxEntry>& out) const {
  Directory entries(directory);
  if (!entries.open()) return system_error("read directory " + path_ + "/" + prefix, errno);
  while (const dirent* entry = entries.next()) {
    const std::string_view part = entry->d_name;
    if (part.starts_with(kConverting))
      recover(directory, std::string(part.substr(std::string_view(kConverting).size())));
    if (!valid_name_part(part)) continue;
    const bool inbox = level == 0 && iequals(part, "INBOX");
    if (inbox && part != "INBOX") continue;
    std::string name = prefix + entry->d_name;
    if (name.size() > kMaxName) continue;
    if (out.size() >= kMaxFolders)
      return Error{ErrorKind::Limit, "There are too many mailboxes",
                   path_ + " has too many folders"};
    mode_t type = type_of(directory, *entry);
    if (type == S_IFREG && !inbox) {
      // An index says that it was opened as mail before; others are looked at.
      if (indexed.contains(index_file_name(name)) || is_mail(directory, entry->d_name))
        out.push_back({name, true, false});
      else if ((type = type_now(directory, entry->d_name)) == 0)
        missed_ = true;  // or it may have got children since the directory was read
    }
    if (type == S_IFDIR) {
      const int fd =
          ::openat(directory, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
      if (fd < 0) {
        missed_ = missed_ || errno == ENOENT;
        continue;
      }
      const OwnedFd own(fd);
      struct stat st {};
      const bool mail =
          ::fstatat(fd, kOwnMail, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode);
      const size_t at = out.size();
      out.push_back({name, mail, false});
      if (level + 1 < kMaxLevels) DMAIL_TRY(walk(fd, name + '/', level + 1, indexed, out));
      out[at].has_children = out.size() > at + 1;
    }
  }
  return {};
}

Status FolderTree::list(std::vector<MailboxEntry>& out) const {
  Indexed indexed;
  Directory indexes(index_);
  while (const dirent* entry = indexes.open() ? indexes.next() : nullptr) {
    const std::string_view name = entry->d_name;
    if (name.ends_with(".idx")) indexed.emplace(name.substr(0, name.size() - 4));
  }
  // What went while it was looked at may have come by another name where the look had been.
  bool whole = false;
  for (int i = 0; i < kListTries && !whole; ++i) {
    const timespec before = moves();
    missed_ = false;
    out.clear();
    DMAIL_TRY(walk(root_, "", 0, indexed, out));
    const timespec after = moves();
    whole = locked_ || (!missed_ && before.tv_nsec != kMoving && before.tv_sec == after.tv_sec &&
                        before.tv_nsec == after.tv_nsec);
  }
  if (!whole) {
    if (auto held = lock(Deadline::in_ms(kQuietMs))) {
      if (moves().tv_nsec == kMoving) end_move();  // it was killed
      out.clear();
      DMAIL_TRY(walk(root_, "", 0, indexed, out));
    }
  }
  std::sort(out.begin(), out.end(),
            [](const MailboxEntry& a, const MailboxEntry& b) { return a.name < b.name; });
  return {};
}

}  // namespace dmail::store
