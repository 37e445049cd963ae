// FolderTree: making, removing and renaming folders.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "base/text.h"
#include "io/file.h"
#include "store/folder_names.h"
#include "store/folder_tree.h"

namespace dmail::store {
namespace {

Error exists() { return Error{ErrorKind::Exists, "The mailbox already exists", ""}; }
Error absent() { return Error{ErrorKind::NotFound, "The mailbox does not exist", ""}; }

// Never replaces anything, even on file systems without renameat2.
Status rename_new(int from_directory, const std::string& from, int to_directory,
                  const std::string& to) {
  if (::renameat2(from_directory, from.c_str(), to_directory, to.c_str(), RENAME_NOREPLACE) == 0)
    return {};
  if (errno != EINVAL && errno != ENOSYS) return system_error("rename to " + to, errno);
  struct stat st {};
  if (::fstatat(to_directory, to.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0) return exists();
  if (::renameat(from_directory, from.c_str(), to_directory, to.c_str()) != 0)
    return system_error("rename to " + to, errno);
  return {};
}

Status write_new(int directory, const std::string& leaf, std::string_view contents) {
  const std::string temporary = concat(".new.", ::getpid());
  (void)::unlinkat(directory, temporary.c_str(), 0);
  auto fd = open_file_at(directory, temporary, O_RDWR | O_CREAT | O_EXCL);
  if (!fd) return std::move(fd.error());
  Status done = write_at(fd->get(), contents, 0);
  if (done) done = sync_file(fd->get());
  if (done) done = rename_new(directory, temporary, directory, leaf);
  if (!done) (void)::unlinkat(directory, temporary.c_str(), 0);
  if (done) done = sync_directory(directory);
  return done;
}

}  // namespace

// The mail file `leaf` becomes the own mail of a directory of that name.  The file is first given a
// second name inside the new directory; then both change places in one step.
Status FolderTree::to_directory(int directory, const std::string& leaf) {
  recover(directory, leaf);
  const std::string fresh = kConverting + leaf;
  if (::mkdirat(directory, fresh.c_str(), 0700) != 0) return system_error("mkdir " + fresh, errno);
  const OwnedFd inside(
      ::openat(directory, fresh.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!inside.valid()) return system_error("open directory " + fresh, errno);
  const bool linked = ::linkat(directory, leaf.c_str(), inside.get(), kOwnMail, 0) == 0;
  // The name inside is on the disk before the one outside goes.
  Status synced = linked ? sync_directory(inside.get()) : Status();
  if (!synced) {
    (void)::unlinkat(inside.get(), kOwnMail, 0);
    (void)::unlinkat(directory, fresh.c_str(), AT_REMOVEDIR);
    return synced;
  }
  if (linked &&
      ::renameat2(directory, fresh.c_str(), directory, leaf.c_str(), RENAME_EXCHANGE) == 0) {
    DMAIL_TRY(sync_directory(directory));
    (void)::unlinkat(directory, fresh.c_str(), 0);
    return sync_directory(directory);
  }
  // Without links or exchange: for a moment the mail has only its new name, which recover() knows.
  if (linked) (void)::unlinkat(inside.get(), kOwnMail, 0);
  if (::renameat(directory, leaf.c_str(), inside.get(), kOwnMail) != 0) {
    const int failure = errno;
    (void)::unlinkat(directory, fresh.c_str(), AT_REMOVEDIR);
    return system_error("rename " + leaf, failure);
  }
  DMAIL_TRY(sync_directory(inside.get()));
  if (::renameat(directory, fresh.c_str(), directory, leaf.c_str()) != 0)
    return system_error("rename " + fresh, errno);
  return sync_directory(directory);
}

// Makes the directories above the last part, and tells where that stands.
Result<FolderSpot> FolderTree::make_parents(std::string_view name) {
  for (size_t slash = name.find('/'); slash != std::string_view::npos;
       slash = name.find('/', slash + 1)) {
    auto above = find(name.substr(0, slash));
    if (!above) return above;
    if (above->kind == FolderSpot::Kind::Absent) {
      if (::mkdirat(above->directory, above->leaf.c_str(), 0700) != 0 && errno != EEXIST)
        return system_error("mkdir " + above->leaf, errno);
      DMAIL_TRY(sync_directory(above->directory));
    } else if (above->kind == FolderSpot::Kind::File) {
      DMAIL_TRY(to_directory(above->directory, above->leaf));
    }
  }
  return find(name);
}

Status FolderTree::create(std::string_view name, std::string_view contents) {
  auto spot = make_parents(name);
  if (!spot) return std::move(spot.error());
  if (spot->has_mail()) return exists();
  if (spot->kind == FolderSpot::Kind::Absent)
    return write_new(spot->directory, spot->leaf, contents);
  const int fd = ::openat(spot->directory, spot->leaf.c_str(),
                          O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return system_error("open directory " + spot->leaf, errno);
  const OwnedFd own(fd);
  return write_new(fd, kOwnMail, contents);
}

Status FolderTree::remove(std::string_view name) {
  auto spot = find(name);
  if (!spot) return std::move(spot.error());
  switch (spot->kind) {
    case FolderSpot::Kind::Absent:
      return absent();
    case FolderSpot::Kind::File:
      if (::unlinkat(spot->directory, spot->leaf.c_str(), 0) != 0)
        return system_error("unlink " + spot->leaf, errno);
      return sync_directory(spot->directory);
    case FolderSpot::Kind::DirectoryWithMail: {
      const int fd = ::openat(spot->directory, spot->leaf.c_str(),
                              O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
      if (fd < 0) return system_error("open directory " + spot->leaf, errno);
      const OwnedFd own(fd);
      if (::unlinkat(fd, kOwnMail, 0) != 0) return system_error("unlink " + spot->leaf, errno);
      DMAIL_TRY(sync_directory(fd));
      if (::unlinkat(spot->directory, spot->leaf.c_str(), AT_REMOVEDIR) == 0)
        return sync_directory(spot->directory);
      return {};  // it has children, and stays as their parent
    }
    case FolderSpot::Kind::Directory:
      break;
  }
  if (::unlinkat(spot->directory, spot->leaf.c_str(), AT_REMOVEDIR) == 0)
    return sync_directory(spot->directory);
  if (errno == ENOTEMPTY || errno == EEXIST)
    return Error{ErrorKind::NoPermission, "The mailbox has children", ""};
  return system_error("rmdir " + spot->leaf, errno);
}

// The time of the lock file counts the moves, one a second, and says by a nanosecond that one is
// under way: that takes no room on a full disk.  Where it cannot be set LIST is not warned.
void FolderTree::begin_move() const {
  const timespec times[] = {{0, UTIME_OMIT}, {moves().tv_sec, kMoving}};
  (void)::utimensat(index_, kLockFile, times, AT_SYMLINK_NOFOLLOW);
}

void FolderTree::end_move() const {
  const timespec times[] = {{0, UTIME_OMIT}, {moves().tv_sec + 1, 0}};
  (void)::utimensat(index_, kLockFile, times, AT_SYMLINK_NOFOLLOW);
}

Status FolderTree::rename(std::string_view from, std::string_view to, bool& renamed) {
  renamed = false;
  auto source = find(from);
  if (!source) return std::move(source.error());
  if (source->kind == FolderSpot::Kind::Absent) return absent();
  auto target = make_parents(to);
  if (!target) return std::move(target.error());
  if (target->kind != FolderSpot::Kind::Absent) return exists();
  begin_move();
  Status moved = rename_new(source->directory, source->leaf, target->directory, target->leaf);
  end_move();
  if (!moved) return moved;
  renamed = true;
  DMAIL_TRY(sync_directory(target->directory));
  return sync_directory(source->directory);
}

}  // namespace dmail::store
