#include "store/box.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/text.h"
#include "io/clock.h"
#include "io/file.h"
#include "store/folder_names.h"

namespace dmail::store {
namespace {

FileIdentity identity_of(const struct stat& st) {
  FileIdentity id;
  id.device = static_cast<uint64_t>(st.st_dev);
  id.inode = static_cast<uint64_t>(st.st_ino);
  id.size = static_cast<uint64_t>(st.st_size);
  id.mtime_ns = st.st_mtim.tv_sec * int64_t{1'000'000'000} + st.st_mtim.tv_nsec;
  return id;
}

Error gone(const std::string& path) {
  return Error{ErrorKind::NotFound, "The mailbox was deleted", path + " was deleted or replaced"};
}

}  // namespace

void StoreContext::renew_directories() const {
  const auto renew = [](int parent, const char* path, int fd) {
    struct stat st {};
    if (::fstat(fd, &st) != 0 || st.st_nlink > 0) return;
    if (::mkdirat(parent, path, 0700) != 0 && errno != EEXIST) return;
    const int made = ::openat(parent, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (made < 0) return;
    (void)::dup3(made, fd, O_CLOEXEC);
    ::close(made);
  };
  renew(AT_FDCWD, config.folders.c_str(), folders.get());
  renew(folders.get(), kIndexDirectory, index.get());
}

uint64_t next_mod_sequence(IndexHeader& header) {
  const auto clock = static_cast<uint64_t>(std::max<int64_t>(wall_microseconds(), 1));
  header.highest_mod_sequence = std::max(clock, header.highest_mod_sequence + 1);
  return header.highest_mod_sequence;
}

FileHeader file_header(const IndexHeader& header) {
  FileHeader h;
  h.uid_validity = header.uid_validity;
  h.last_uid = header.next_uid - 1;
  return h;
}

Box::Box(const StoreContext& context, BoxPlace place, OwnedFd fd)
    : context_(&context),
      place_(std::move(place)),
      fd_(std::move(fd)),
      cache_(context.index.get(), place_.index_name + ".cache") {}

Result<std::unique_ptr<Box>> Box::open(const StoreContext& context, BoxPlace place, OwnedFd fd) {
  std::unique_ptr<Box> box(new Box(context, std::move(place), std::move(fd)));
  DMAIL_TRY(box->make_file());
  box->open_index();
  return box;
}

Status Box::make_file() {
  char front[5];
  auto n = read_at(fd_.get(), front, 0);
  if (!n) return std::move(n.error());
  is_mbx_ = *n == sizeof front && std::memcmp(front, "*mbx*", sizeof front) == 0;
  const std::string base = concat(context_->index_path, '/', place_.index_name);
  // An empty file beside the drop file is mbox, too: something else made it.
  auto file = MailFile::open(fd_.get(), base + ".journal", true);
  if (!file) return std::move(file.error());
  file_ = std::move(*file);
  file_->expect_whole_records();
  if (!context_->config.shared_spool) file_->use_state_log(base + ".state");
  return {};
}

// Programs that write a new file and rename it leave the old one without a name: the drop file is
// what stands under its path.
Status Box::open_file_again() {
  auto fd = open_file(place_.path, O_RDWR);
  if (!fd) return std::move(fd.error());
  fd_ = std::move(*fd);
  ++reopened_;
  return make_file();
}

void Box::open_index() {
  auto index =
      Index::open(context_->index.get(), place_.index_name + ".idx", context_->config.shared_spool);
  if (index)
    index_ = std::move(*index);
  else
    index_lost_ = index.error().kind == ErrorKind::Corrupt;
}

Result<FileIdentity> Box::identity() const {
  auto st = stat_fd(fd_.get());
  if (!st) return std::move(st.error());
  if (st->st_nlink == 0) return gone(place_.path);
  return identity_of(*st);
}

bool Box::in_step(const FileIdentity& now) {
  if (!index_ || index_->superseded() || index_->unlinked()) return false;
  const auto h = index_->header();
  return h && h->dirty == 0 && h->boot_id == boot_id() && h->file == now;
}

Status Box::refresh() {
  auto now = identity();
  if (!now && place_.drop_file && now.error().kind == ErrorKind::NotFound) {
    DMAIL_TRY(open_file_again());
    now = identity();
  }
  if (!now) return std::move(now.error());
  if (index_ && index_->superseded()) open_index();
  if (in_step(*now)) return {};
  auto held = lock();
  if (!held) return std::move(held.error());
  return {};
}

Result<FileLock> Box::lock_shared() {
  return FileLock::take(fd_.get(), LockMode::Shared,
                        Deadline::in_seconds(context_->config.lock_seconds));
}

Status Box::still_there() {
  const auto leads_here = [&](const std::string& path) {
    struct stat st {
    }, own{};
    return ::lstat(path.c_str(), &st) == 0 && ::fstat(fd_.get(), &own) == 0 &&
           st.st_dev == own.st_dev && st.st_ino == own.st_ino;
  };
  if (leads_here(place_.path)) return {};
  const std::string inside = concat(place_.path, '/', kOwnMail);  // it got children meanwhile
  if (place_.drop_file || !leads_here(inside)) return gone(place_.path);
  place_.path = inside;
  return {};
}

Result<FileLock> Box::lock_file() {
  const Deadline deadline = Deadline::in_seconds(context_->config.lock_seconds);
  const auto take = [&] {
    return is_mbx_ ? FileLock::take(fd_.get(), LockMode::Exclusive, deadline)
                   : FileLock::take_with_dotlock(fd_.get(), place_.path, deadline);
  };
  auto lock = take();
  if (!lock) return std::move(lock.error());
  if (Status there = still_there(); !there) {
    if (!place_.drop_file) return std::move(there.error());
    lock->release();
    DMAIL_TRY(open_file_again());
    lock = take();
    if (!lock) return std::move(lock.error());
    DMAIL_TRY(still_there());
  }
  return lock;
}

Result<Box::Held> Box::lock() {
  auto lock = lock_file();
  if (!lock) return std::move(lock.error());
  Held held;
  held.lock = std::move(*lock);
  DMAIL_TRY(bring_in_step(held));
  held.size_before = held.header.total_size;
  held.next_before = held.header.next_uid;
  return held;
}

Status Box::sync_index() { return index_->is_in_memory() ? Status() : sync_file(index_->fd()); }

// UIDs that were told are not given again: where the mail file does not keep the next one, the
// index is on the disk first.  It may be an old one otherwise that the machine comes up with.
Status Box::keep_uids(const Held& held) {
  const uint32_t next = held.header.next_uid;
  if (next == 1 || next == held.next_before || file_->keeps_uids(file_header(held.header)))
    return {};
  DMAIL_TRY(sync_index());
  return held.next_before == 0 ? sync_directory(context_->index.get()) : Status();
}

Status Box::begin(Held& held) {
  held.header.dirty = 1;
  return index_->write_header(held.header);
}

void Box::settle_quota(const Held& held, QuotaLedger::Hold* quota) {
  const auto delta =
      static_cast<int64_t>(held.header.total_size) - static_cast<int64_t>(held.size_before);
  if (quota != nullptr) quota->finish(delta);
}

uint64_t sum_of_indexes(const StoreContext& context) {
  uint64_t sum = 0;
  const int fd = ::openat(context.index.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR* directory = fd < 0 ? nullptr : ::fdopendir(fd);
  if (directory == nullptr) {
    if (fd >= 0) ::close(fd);
    return 0;
  }
  while (const dirent* entry = ::readdir(directory)) {
    const std::string name = entry->d_name;
    if (!name.ends_with(".idx")) continue;
    if (const auto h = Index::peek(context.index.get(), name)) sum += h->total_size;
  }
  ::closedir(directory);
  return sum;
}

Status Box::finish(Held& held, QuotaLedger::Hold* quota) {
  const bool counts = held.header.total_size != held.size_before;
  std::optional<QuotaLedger::Hold> own;
  if (counts && quota == nullptr && context_->quota) {
    if (context_->quota->limit() == 0) {
      context_->quota->forget();
    } else if (auto hold = context_->quota->hold()) {
      own = std::move(*hold);
      if (own->begin()) quota = &*own;
    } else {
      context_->quota->forget();
    }
  }
  auto now = identity();
  Status done;
  if (now) {
    held.header.file = *now;
    held.header.dirty = 0;
    held.header.boot_id = boot_id();
    done = index_->write_header(held.header);
    if (done) done = keep_uids(held);
  } else {
    done = std::move(now.error());
  }
  if (!done) {
    // The mail file has the change; the index, still marked dirty, is made again from it.
    (void)::unlinkat(context_->index.get(), (place_.index_name + ".idx").c_str(), 0);
    index_.reset();
  }
  settle_quota(held, quota);
  held.size_before = held.header.total_size;
  held.next_before = held.header.next_uid;
  return {};
}

void Box::distrust() {
  if (!index_) return;
  if (auto h = index_->header()) {
    h->dirty = 1;
    if (index_->write_header(*h)) return;
  }
  (void)::unlinkat(context_->index.get(), (place_.index_name + ".idx").c_str(), 0);
  index_.reset();
}

void Box::abandon(Held& held) {
  // The mail file may hold less, more or other bytes than we think, and its time stamp is too
  // coarse to tell; the index stays dirty, so that the next to lock makes it again.
  held.header.dirty = 1;
  (void)index_->write_header(held.header).ok();
}

}  // namespace dmail::store
