#include "store/file_store.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/text.h"
#include "io/file.h"
#include "io/path_error.h"
#include "store/appender.h"
#include "store/folder_names.h"
#include "store/session_mailbox.h"
#include "store/uid_validity.h"

namespace dmail::store {
namespace {

const char* const kInbox = "INBOX";

// `path` is where it is, for the log.
Result<OwnedFd> directory_at(int parent, const std::string& name, const std::string& path) {
  if (::mkdirat(parent, name.c_str(), 0700) != 0 && errno != EEXIST)
    return path_error("mkdir", path, errno);
  const int fd = ::openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return path_error("open directory", path, errno);
  return OwnedFd(fd);
}

// INBOX always exists: made where no delivery has done so yet, its name on disk before any mail.
Result<OwnedFd> open_drop_file(const std::string& path) {
  auto fd = open_file(path, O_RDWR);
  if (fd || fd.error().kind != ErrorKind::NotFound) return fd;
  fd = open_file(path, O_RDWR | O_CREAT);
  if (fd) DMAIL_TRY(sync_parent(path));
  return fd;
}

bool same_file(const struct stat& st, const FileIdentity& id) {
  return static_cast<uint64_t>(st.st_dev) == id.device &&
         static_cast<uint64_t>(st.st_ino) == id.inode &&
         static_cast<uint64_t>(st.st_size) == id.size &&
         st.st_mtim.tv_sec * int64_t{1'000'000'000} + st.st_mtim.tv_nsec == id.mtime_ns;
}

MailboxStatus status_of(const IndexHeader& h) {
  MailboxStatus s;
  s.messages = h.messages;
  s.unseen = h.unseen;
  s.deleted = h.deleted;
  s.uid_next = h.next_uid;
  s.uid_validity = h.uid_validity;
  s.highest_mod_sequence = h.highest_mod_sequence;
  s.size = h.total_size;
  return s;
}

// False: the index is damaged.
bool count_recent(Index& index, const IndexHeader& h, uint32_t& recent) {
  recent = 0;
  const auto first = index.lower_bound(h.first_recent_uid, h.record_count);
  if (!first) return false;
  for (uint32_t i = *first; i < h.record_count; ++i) {
    Record r;
    if (!index.record(i, r)) return false;
    if (!(r.form & kExpunged)) ++recent;
  }
  return true;
}

}  // namespace

Result<std::unique_ptr<Store>> Store::open(StoreConfig config) {
  return FileStore::open(std::move(config));
}

Result<std::unique_ptr<Store>> FileStore::open(StoreConfig config) {
  std::unique_ptr<FileStore> store(new FileStore);
  store->context_ = std::make_unique<StoreContext>(std::move(config));
  StoreContext& context = *store->context_;
  auto folders = directory_at(AT_FDCWD, context.config.folders, context.config.folders);
  if (!folders) return std::move(folders.error());
  context.folders = std::move(*folders);
  auto index = directory_at(context.folders.get(), kIndexDirectory,
                            concat(context.config.folders, '/', kIndexDirectory));
  if (!index) return std::move(index.error());
  context.index = std::move(*index);
  context.index_path = concat(context.config.folders, '/', kIndexDirectory);
  context.quota.emplace(context.index.get(), context.config.quota_bytes,
                        context.config.lock_seconds);
  store->tree_ = std::make_unique<FolderTree>(context.folders.get(), context.index.get(),
                                              context.config.folders);
  return std::unique_ptr<Store>(std::move(store));
}

Result<std::unique_ptr<Box>> FileStore::open_box(std::string_view asked) {
  auto name = valid_mailbox_name(asked);
  if (!name) return std::move(name.error());
  BoxPlace place;
  place.name = *name;
  place.index_name = index_file_name(*name);
  place.drop_file = *name == kInbox;
  place.path = context_->config.drop_file;
  auto fd = place.drop_file ? open_drop_file(place.path) : tree_->open_mail(*name, place.path);
  if (!fd) return std::move(fd.error());
  return Box::open(*context_, std::move(place), std::move(*fd));
}

Result<FolderTree::Lock> FileStore::lock_tree() {
  return tree_->lock(Deadline::in_seconds(context_->config.lock_seconds));
}

Status FileStore::list(const std::function<void(const MailboxEntry&)>& each) {
  std::vector<MailboxEntry> entries;
  DMAIL_TRY(tree_->list(entries));
  MailboxEntry inbox{kInbox, true, false};
  const auto own = std::find_if(entries.begin(), entries.end(),
                                [](const MailboxEntry& e) { return e.name == kInbox; });
  if (own != entries.end()) inbox.has_children = own->has_children;
  each(inbox);
  for (const MailboxEntry& entry : entries)
    if (entry.name != kInbox) each(entry);
  return {};
}

Result<MailboxEntry> FileStore::lookup(std::string_view asked) {
  auto name = valid_mailbox_name(asked);
  if (!name) return std::move(name.error());
  auto spot = tree_->find(*name);
  MailboxEntry entry{*name, true, false};
  if (*name == kInbox) {
    entry.has_children = spot && tree_->has_children(*spot);
    return entry;
  }
  if (!spot) return std::move(spot.error());
  const bool missing = spot->kind == FolderSpot::Kind::Absent ||
                       (spot->kind == FolderSpot::Kind::File &&
                        !FolderTree::is_mail(spot->directory, spot->leaf.c_str()));
  if (missing) return Error{ErrorKind::NotFound, "The mailbox does not exist", ""};
  entry.selectable = spot->has_mail();
  entry.has_children = tree_->has_children(*spot);
  return entry;
}

Status FileStore::create_locked(const std::string& name) {
  auto spot = tree_->find(name);
  if (spot && spot->has_mail()) return Error{ErrorKind::Exists, "The mailbox already exists", ""};
  auto validity = fresh_uid_validity(context_->folders.get(), 0, context_->config.lock_seconds);
  if (!validity) return std::move(validity.error());
  DMAIL_TRY(drop_index(name));
  return tree_->create(name, MailFile::new_mbx(*validity));
}

Status FileStore::create(std::string_view asked) {
  auto name = valid_new_name(asked);
  if (!name) return std::move(name.error());
  if (*name == kInbox) return Error{ErrorKind::Exists, "INBOX always exists", ""};
  auto lock = lock_tree();
  if (!lock) return std::move(lock.error());
  return create_locked(*name);
}

Result<std::unique_ptr<Mailbox>> FileStore::select(std::string_view name, bool read_only) {
  auto box = open_box(name);
  if (!box) return std::move(box.error());
  return SessionMailbox::select(std::move(*box), read_only);
}

Result<MailboxStatus> FileStore::status(std::string_view asked) {
  auto name = valid_mailbox_name(asked);
  if (!name) return std::move(name.error());
  struct stat st {};
  if (*name == kInbox) {
    if (::lstat(context_->config.drop_file.c_str(), &st) != 0) return slow_status(*name);
  } else {
    auto spot = tree_->find(*name);
    if (!spot) return std::move(spot.error());
    if (!spot->has_mail()) return slow_status(*name);
    st = spot->mail;
  }
  const auto h = Index::peek(context_->index.get(), index_file_name(*name) + ".idx");
  const bool fresh = h && h->dirty == 0 && h->boot_id == boot_id() && same_file(st, h->file);
  if (!fresh || h->first_recent_uid < h->next_uid) return slow_status(*name);
  return status_of(*h);
}

Result<MailboxStatus> FileStore::slow_status(std::string_view name) {
  auto box = open_box(name);
  if (!box) return std::move(box.error());
  for (bool repaired = false;; repaired = true) {
    DMAIL_TRY((*box)->refresh());
    Index& index = *(*box)->index();
    if (const auto h = index.header()) {
      MailboxStatus s = status_of(*h);
      if (count_recent(index, *h, s.recent)) return s;
    }
    if (repaired) return (*box)->damaged();
    (*box)->distrust();
  }
}

Result<std::unique_ptr<Appender>> FileStore::append(std::string_view name) {
  std::unique_ptr<Box> box = std::move(kept_);
  const auto valid = valid_mailbox_name(name);
  if (!box || !valid || box->place().name != *valid || !box->still_there()) {
    auto opened = open_box(name);
    if (!opened) return std::move(opened.error());
    box = std::move(*opened);
  }
  return std::unique_ptr<Appender>(std::make_unique<BoxAppender>(*this, std::move(box)));
}

}  // namespace dmail::store
