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

mode_t type_of(int directory, const dirent& entry) {
  if (entry.d_type == DT_REG) return S_IFREG;
  if (entry.d_type == DT_DIR) return S_IFDIR;
  if (entry.d_type != DT_UNKNOWN) return 0;
  struct stat st {};
  if (::fstatat(directory, entry.d_name, &st, AT_SYMLINK_NOFOLLOW) != 0) return 0;
  return st.st_mode & S_IFMT;
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
      recover(spot.directory);
    }
  }
  struct stat st {};
  if (::fstatat(spot.directory, spot.leaf.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0) {
    recover(spot.directory);
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

Result<OwnedFd> FolderTree::open_mail(std::string_view name, std::string& path) const {
  auto spot = find(name);
  if (!spot) return std::move(spot.error());
  if (spot->kind == FolderSpot::Kind::Absent) return absent();
  if (spot->kind == FolderSpot::Kind::Directory)
    return Error{ErrorKind::NoPermission, "The mailbox holds only other mailboxes", ""};
  path = concat(path_, '/', name);
  if (spot->kind == FolderSpot::Kind::File)
    return open_file_at(spot->directory, spot->leaf, O_RDWR);
  append(path, '/');
  append(path, kOwnMail);
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

// Finishes or clears what a crash left of to_directory().
void FolderTree::recover(int directory) const {
  Directory entries(directory);
  if (!entries.open()) return;
  const std::string_view mark = kConverting;
  std::vector<std::string> leftovers;
  while (const dirent* entry = entries.next())
    if (std::string_view(entry->d_name).starts_with(mark)) leftovers.emplace_back(entry->d_name);
  for (const std::string& leftover : leftovers) {
    const std::string leaf = leftover.substr(mark.size());
    struct stat st {
    }, there{};
    if (!valid_name_part(leaf) ||
        ::fstatat(directory, leftover.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0)
      continue;
    const bool taken = ::fstatat(directory, leaf.c_str(), &there, AT_SYMLINK_NOFOLLOW) == 0;
    if (S_ISDIR(st.st_mode) && !taken) {
      // The mail went into the directory, the directory not yet to its place.
      (void)::renameat2(directory, leftover.c_str(), directory, leaf.c_str(), RENAME_NOREPLACE);
    } else if (S_ISDIR(st.st_mode) && S_ISREG(there.st_mode)) {
      struct stat inside {};
      const std::string own = concat(leftover, '/', kOwnMail);
      if (::fstatat(directory, own.c_str(), &inside, AT_SYMLINK_NOFOLLOW) == 0 &&
          inside.st_ino == there.st_ino)
        (void)::unlinkat(directory, own.c_str(), 0);  // a second name of a file that is still there
      (void)::unlinkat(directory, leftover.c_str(), AT_REMOVEDIR);
    } else if (S_ISREG(st.st_mode) && S_ISDIR(there.st_mode)) {
      struct stat inside {};
      const std::string own = concat(leaf, '/', kOwnMail);
      if (::fstatat(directory, own.c_str(), &inside, AT_SYMLINK_NOFOLLOW) == 0 &&
          inside.st_ino == st.st_ino)
        (void)::unlinkat(directory, leftover.c_str(), 0);
    }
  }
}

Status FolderTree::walk(int directory, const std::string& prefix, size_t level,
                        const Indexed& indexed, std::vector<MailboxEntry>& out) const {
  Directory entries(directory);
  if (!entries.open()) return system_error("read directory " + path_ + "/" + prefix, errno);
  while (const dirent* entry = entries.next()) {
    const std::string_view part = entry->d_name;
    if (part.starts_with(kConverting)) recover(directory);
    if (!valid_name_part(part)) continue;
    const bool inbox = level == 0 && iequals(part, "INBOX");
    if (inbox && part != "INBOX") continue;
    std::string name = prefix + entry->d_name;
    if (name.size() > kMaxName) continue;
    if (out.size() >= kMaxFolders)
      return Error{ErrorKind::Limit, "There are too many mailboxes",
                   path_ + " has too many folders"};
    const mode_t type = type_of(directory, *entry);
    if (type == S_IFREG && !inbox) {
      // An index says that it was opened as mail before; others are looked at.
      if (indexed.contains(index_file_name(name)) || is_mail(directory, entry->d_name))
        out.push_back({std::move(name), true, false});
    } else if (type == S_IFDIR) {
      const int fd =
          ::openat(directory, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
      if (fd < 0) continue;
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
  DMAIL_TRY(walk(root_, "", 0, indexed, out));
  std::sort(out.begin(), out.end(),
            [](const MailboxEntry& a, const MailboxEntry& b) { return a.name < b.name; });
  return {};
}

}  // namespace dmail::store
