// The folder tree in NAME.mbx: which file holds the mail of which mailbox.
//
// `A` alone is a file; with children it is a directory whose own mail lies in `A/.mbx`; a directory
// without `.mbx` is \Noselect.  Every component is opened from its parent without following links;
// names that begin with "." are never shown.  Changes are single renames or links, each followed by
// a sync of its directory, so that a crash leaves the tree as before or as after.
#pragma once

#include <sys/stat.h>

#include <functional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "base/result.h"
#include "io/clock.h"
#include "io/file_lock.h"
#include "io/owned_fd.h"
#include "store/store.h"

namespace dmail::store {

// Where a mailbox stands.
struct FolderSpot {
  enum class Kind { Absent, File, Directory, DirectoryWithMail };
  Kind kind = Kind::Absent;
  int directory = -1;   // that holds `leaf`
  OwnedFd own;          // `directory`, when it isn't the root
  std::string leaf;     // last part of the name
  struct stat mail {};  // of the mail file, unless Absent or Directory
  [[nodiscard]] bool has_mail() const {
    return kind == Kind::File || kind == Kind::DirectoryWithMail;
  }
};

class FolderTree {
 public:
  // Held by whoever changes the tree.
  class Lock {
   public:
    Lock() = default;
    Lock(Lock&& other) noexcept
        : fd_(std::move(other.fd_)),
          lock_(std::move(other.lock_)),
          tree_(std::exchange(other.tree_, nullptr)) {}
    Lock& operator=(Lock&&) = delete;
    ~Lock() {
      lock_.release();
      if (tree_ != nullptr) tree_->locked_ = false;
    }

   private:
    friend class FolderTree;
    OwnedFd fd_;
    FileLock lock_;
    const FolderTree* tree_ = nullptr;
  };
  [[nodiscard]] Result<Lock> lock(Deadline deadline) const;

  // `root` stays the caller's.
  FolderTree(int root, int index_directory, std::string path)
      : root_(root), index_(index_directory), path_(std::move(path)) {}

  // `name` is valid.  NotFound when its parent does not exist.
  Result<FolderSpot> find(std::string_view name) const;
  // The mail file, and its path.  NotFound; NoPermission for \Noselect.
  Result<OwnedFd> open_mail(std::string_view name, std::string& path) const;
  // All mailboxes but INBOX, in byte order.
  Status list(std::vector<MailboxEntry>& out) const;
  // True when the file begins like mail (or is empty).
  static bool is_mail(int directory, const char* leaf);
  [[nodiscard]] bool has_children(const FolderSpot& spot) const;

  // The caller holds the tree lock for all of these; `name` is valid and not INBOX.
  Status create(std::string_view name, std::string_view contents);
  Status remove(std::string_view name);
  // `renamed`: it was, whatever failed after that.
  Status rename(std::string_view from, std::string_view to, bool& renamed);

 private:
  Result<FolderSpot> make_parents(std::string_view name);
  Status to_directory(int directory, const std::string& leaf);
  void recover(int directory, const std::string& leaf) const;
  void recover_locked(int directory, const std::string& leaf) const;
  // Says to who lists that a folder takes another place, or took it.
  void begin_move() const;
  void end_move() const;
  [[nodiscard]] timespec moves() const;
  using Indexed = std::unordered_set<std::string>;
  Status walk(int directory, const std::string& prefix, size_t level, const Indexed& indexed,
              std::vector<MailboxEntry>& out) const;

  int root_;
  int index_;
  std::string path_;
  mutable bool missed_ = false;  // by walk(): an entry that was gone when it was looked at
  mutable bool locked_ = false;  // by us
};

}  // namespace dmail::store
