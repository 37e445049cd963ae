// FileStore: DELETE, and RENAME with all that lies below the mailbox.
//
// The side files of a mailbox (index, cache, journal, log of flags) are found by its name, so that
// nobody may change the mailbox while its name changes: a journal begun under the old name would
// never be found under the new one.  Every mailbox that moves is locked before, and until its side
// files have followed.  There is neither journal nor log then: killed anywhere between, RENAME
// leaves indexes under the old names, which are only made again.
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/text.h"
#include "io/file.h"
#include "store/file_store.h"
#include "store/folder_names.h"
#include "store/mailbox.h"

namespace dmail::store {
namespace {

const char* const kInbox = "INBOX";
constexpr const char* kEndings[] = {".idx", ".cache", ".journal", ".state"};
// Beside the locked mail files: what a session has open, and what opening one more mailbox needs.
constexpr uint64_t kOtherFiles = 64;

// One descriptor for each mailbox that moves.
Status room_for(size_t mailboxes) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return system_error("getrlimit", errno);
  const uint64_t need = mailboxes + kOtherFiles;
  if (limit.rlim_cur >= need) return {};
  if (limit.rlim_max >= need) {
    limit.rlim_cur = need;
    if (::setrlimit(RLIMIT_NOFILE, &limit) == 0) return {};
  }
  return Error{ErrorKind::Limit, "Too many mailboxes would move at once; rename those below first",
               concat("RENAME of ", mailboxes, " mailboxes needs ", need,
                      " open files; the limit is ", uint64_t{limit.rlim_max})};
}

}  // namespace

struct FileStore::Moving {
  std::string from, to;
  OwnedFd file;
  FileLock lock;  // of `file`
};

Status FileStore::drop_index(std::string_view name) {
  const std::string base = index_file_name(name);
  for (const char* ending : kEndings) {
    const std::string file = base + ending;
    if (::unlinkat(context_->index.get(), file.c_str(), 0) != 0 && errno != ENOENT)
      return system_error(concat("unlink ", context_->index_path, '/', file), errno);
  }
  return {};
}

// All endings are tried, whatever becomes of one: the first failure is told.
Status FileStore::move_index(const Moving& moving) {
  const std::string old_base = index_file_name(moving.from), base = index_file_name(moving.to);
  Status done;
  for (const char* ending : kEndings) {
    const std::string old_file = old_base + ending, file = base + ending;
    const int index = context_->index.get();
    if (::renameat(index, old_file.c_str(), index, file.c_str()) == 0 || errno == ENOENT) continue;
    if (done) done = system_error(concat("rename ", context_->index_path, '/', old_file), errno);
  }
  return done;
}

Status FileStore::remove(std::string_view asked) {
  auto name = valid_mailbox_name(asked);
  if (!name) return std::move(name.error());
  if (*name == kInbox) return Error{ErrorKind::NoPermission, "INBOX cannot be deleted", ""};
  auto tree = lock_tree();
  if (!tree) return std::move(tree.error());
  // What is no mailbox (any more) has nobody who could change it, and can be deleted, too.
  auto box = open_box(*name);
  FileLock lock;
  if (box) {
    auto locked = (*box)->lock_file();
    if (!locked) return std::move(locked.error());
    lock = std::move(*locked);
    lock.release_dotlock();  // it would lie in a directory that goes, too
  }
  DMAIL_TRY(tree_->remove(*name));
  context_->quota->forget();
  if (Status dropped = drop_index(*name); !dropped)
    return Error{
        dropped.error().kind,
        "The mailbox was deleted, but not all that lay beside it: " + dropped.error().client,
        dropped.error().log};
  return {};
}

// `from` and what lies below it, with the new names; in the order that locks are taken in.
Result<std::vector<FileStore::Moving>> FileStore::moving_with(const std::string& from,
                                                              const std::string& to) {
  std::vector<MailboxEntry> entries;
  DMAIL_TRY(tree_->list(entries));
  std::vector<Moving> out;
  for (const MailboxEntry& entry : entries) {
    if (entry.name != from && !entry.name.starts_with(from + '/')) continue;
    std::string name = to + entry.name.substr(from.size());
    // Nobody would find it under a name that is too long, or too deep.
    if (auto valid = valid_mailbox_name(name); !valid) return std::move(valid.error());
    if (entry.selectable) out.push_back({entry.name, std::move(name), {}, {}});
  }
  return out;
}

// What a crash left unfinished is finished under the old name.
Status FileStore::hold(Moving& moving) {
  auto box = open_box(moving.from);
  if (!box) return std::move(box.error());
  auto held = (*box)->lock();
  if (!held) return std::move(held.error());
  DMAIL_TRY((*box)->file().settle());
  moving.lock = std::move(held->lock);
  moving.file = (*box)->take_file();
  return {};
}

Status FileStore::rename(std::string_view from_asked, std::string_view to_asked) {
  auto from = valid_mailbox_name(from_asked);
  if (!from) return std::move(from.error());
  auto to = valid_new_name(to_asked);
  if (!to) return std::move(to.error());
  if (*to == kInbox) return Error{ErrorKind::Exists, "INBOX always exists", ""};
  if (*from == kInbox) return rename_inbox(*to);
  if (to->starts_with(*from + '/') || *to == *from)
    return Error{ErrorKind::BadInput, "A mailbox cannot become its own child", ""};
  auto tree = lock_tree();
  if (!tree) return std::move(tree.error());
  auto source = tree_->find(*from);
  if (!source) return std::move(source.error());
  if (source->kind == FolderSpot::Kind::Absent)
    return Error{ErrorKind::NotFound, "The mailbox does not exist", ""};
  // Before anything is done: what lies beside a mailbox that has the name is its own.
  if (auto target = tree_->find(*to); target && target->kind != FolderSpot::Kind::Absent)
    return Error{ErrorKind::Exists, "The mailbox already exists", ""};
  auto all = moving_with(*from, *to);
  if (!all) return std::move(all.error());
  DMAIL_TRY(room_for(all->size()));
  for (Moving& moving : *all) DMAIL_TRY(hold(moving));
  DMAIL_TRY(drop_index(*to));
  for (const Moving& moving : *all) DMAIL_TRY(drop_index(moving.to));
  bool renamed = false;
  Status done = tree_->rename(*from, *to, renamed);
  if (!renamed) return done;
  // Dotlocks below it moved along.
  const std::string& folders = context_->config.folders;
  const std::string below = concat(folders, '/', *from, '/'), now = concat(folders, '/', *to, '/');
  for (Moving& moving : *all) {
    moving.lock.directory_moved(below, now);
    if (Status followed = move_index(moving); done) done = std::move(followed);
  }
  if (done) return done;
  return Error{done.error().kind, "The mailbox was renamed, but: " + done.error().client,
               done.error().log};
}

// RFC 3501 section 6.3.5: the messages move, INBOX stays, its children too.
Status FileStore::rename_inbox(const std::string& to) {
  {
    auto lock = lock_tree();
    if (!lock) return std::move(lock.error());
    DMAIL_TRY(create_locked(to));
  }
  auto inbox = select(kInbox, false);
  if (!inbox) return std::move(inbox.error());
  if ((*inbox)->count() == 0) return {};
  UidSet all;
  all.add(1, (*inbox)->count());
  auto moved = (*inbox)->move(all, *this, to);
  if (!moved) return std::move(moved.error());
  return {};
}

}  // namespace dmail::store
