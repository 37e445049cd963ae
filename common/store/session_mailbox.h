// Mailbox as one session sees it: numbers over the shared records of an index generation.
//
// The session keeps no list of messages.  Number n is the n-th record of its generation that it has
// not been told to be dead, found by binary search over the (usually empty) list of such records.
// When a new generation is made by others the old one stays mapped until sync() may announce what
// went.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "io/file_lock.h"
#include "io/owned_fd.h"
#include "store/box.h"
#include "store/mailbox.h"
#include "store/message_text.h"

namespace dmail::store {

class FileStore;

class SessionMailbox : public Mailbox {
 public:
  static Result<std::unique_ptr<Mailbox>> select(std::unique_ptr<Box> box, bool read_only);
  ~SessionMailbox() override;

  [[nodiscard]] const std::string& name() const override { return box_->place().name; }
  [[nodiscard]] const std::string& path() const override { return box_->place().path; }
  [[nodiscard]] bool read_only() const override { return read_only_; }
  [[nodiscard]] uint32_t count() const override {
    return known_ - static_cast<uint32_t>(dead_.size());
  }
  [[nodiscard]] uint32_t recent() const override;
  [[nodiscard]] uint32_t uid_validity() const override { return uid_validity_; }
  [[nodiscard]] uint32_t uid_next() const override { return uid_next_; }
  [[nodiscard]] uint64_t highest_mod_sequence() const override { return highest_; }
  [[nodiscard]] uint32_t first_unseen() const override;
  [[nodiscard]] const std::vector<std::string>& keyword_names() const override {
    return keywords_.names();
  }
  [[nodiscard]] bool accepts_keywords() const override;

  MessageInfo info(uint32_t number) override;
  uint32_t uid(uint32_t number) override;
  uint32_t at_or_after(uint32_t uid) override;

  Result<std::string_view> header(uint32_t number) override;
  Result<std::string_view> text(uint32_t number) override;
  Status send(uint32_t number, uint64_t offset, uint64_t length, ByteSink& sink) override;
  Result<std::string_view> envelope(uint32_t number) override;
  Result<std::string_view> body(uint32_t number) override;
  Result<std::string_view> body_structure(uint32_t number) override;

  Result<FlagOutcome> change_flags(const UidSet& numbers, const FlagChange& change) override;
  Status expunge(const UidSet* only_uids) override;
  Result<CopyOutcome> copy(const UidSet& numbers, Store& store, std::string_view target) override;
  Result<CopyOutcome> move(const UidSet& numbers, Store& store, std::string_view target) override;

  Result<Changes> sync(bool may_expunge) override;
  int watch_fd() override;
  void clear_watch() override;

 private:
  SessionMailbox(std::unique_ptr<Box> box, bool read_only)
      : box_(std::move(box)), read_only_(read_only), text_(*box_) {}

  // Numbers and positions in view_.
  [[nodiscard]] uint32_t position(uint32_t number) const;
  [[nodiscard]] uint32_t number_at(uint32_t position) const;
  [[nodiscard]] bool has_number(uint32_t position) const;
  // The record of a message as it is now; NotFound: dead and its text gone; Corrupt: index damaged.
  Status locate(uint32_t number, Record& out, uint32_t* live_position = nullptr);
  enum class Place { Found, Gone, Damaged };
  Place live_position(uint32_t number, uint32_t& out);
  // The record at a position of view_, which is put right when it is damaged.
  bool view_record(uint32_t position, Record& out);
  // After damage was met: the index is made again, and so is view_, with the numbers it had.
  bool repair();
  void mend_view(Index& now, const IndexHeader& header);
  void fill_run(Index& now, const IndexHeader& header, std::vector<Record>& view, uint32_t first,
                uint32_t last);
  // Calls `use` again when it fails for a damaged index that could be repaired.
  template <typename Use>
  auto mended(Use use) -> decltype(use()) {
    auto done = use();
    if (done || done.error().kind != ErrorKind::Corrupt || !repair()) return done;
    return use();
  }

  Status start(bool claim);
  // False when the index is damaged.
  bool adopt(const IndexHeader& header);
  static bool find_dead(Index& index, const IndexHeader& header, std::vector<uint32_t>& dead);
  void collect(const IndexHeader& header);
  void scan_changes(uint32_t count);
  void note_position(uint32_t position);
  void take_new(const IndexHeader& header);
  bool catch_up(Changes& changes, const IndexHeader& header, bool may_expunge);
  void claim_recent();
  void announce(Changes& changes, bool may_expunge);
  bool merge(Changes& changes, const IndexHeader& header);

  Result<CacheTexts> texts(uint32_t number);
  Result<CacheTexts> texts_once(uint32_t number);
  void flush_cache();
  void rest();

  // session_mailbox_change.cc
  struct Targets;
  Result<FlagOutcome> change_flags_once(const UidSet& numbers, const FlagChange& change);
  Status expunge_once(const UidSet* only_uids);
  enum class Doomed { Deleted, All };  // those with \Deleted among `only_uids`, or all of these
  Status expunge_held(Box::Held& held, const UidSet* only_uids, Doomed doomed);
  Status pick(const UidSet& numbers, const FlagChange& change, const Box::Held& held,
              Targets& targets, FlagOutcome& out);
  Status write_flags(Box::Held& held, Targets& targets);
  void write_notes(IndexHeader& header, const std::vector<uint32_t>& positions);
  void caught_up(const Box::Held& held);

  // session_mailbox_copy.cc
  enum class Transfer { Copy, Move };
  Result<CopyOutcome> transfer(const UidSet& numbers, Store& store, std::string_view target,
                               Transfer how);
  Result<CopyOutcome> transfer_locked(const UidSet& numbers, Box& target, Transfer how);
  Status remove_copied(Box::Held& held, const UidSet& uids);

  std::unique_ptr<Box> box_;
  bool read_only_;
  std::shared_ptr<Index> view_;
  FileLock in_use_;                      // shared, on view_: nobody compacts under us
  uint32_t known_ = 0;                   // records of view_ that may have a number
  std::vector<uint32_t> dead_;           // positions below known_ without number, ascending
  std::vector<uint32_t> pending_dead_;   // positions that died and still have one
  std::vector<uint32_t> pending_flags_;  // positions whose flags others changed
  uint64_t notes_ = 0;                   // change notes of view_ read so far
  uint64_t heard_ = 0;                   // mod-sequence up to which changes were read
  uint32_t uid_validity_ = 0;
  uint32_t uid_next_ = 1;
  uint64_t highest_ = 1;
  uint32_t renumbered_ = 0;
  uint32_t keyword_version_ = 0;
  bool keywords_changed_ = false;
  bool damaged_ = false;  // met while changes were collected
  KeywordTable keywords_;
  UidSet recent_;
  MessageText text_;
  std::string entry_;  // cache entry made last
  uint32_t entry_uid_ = 0;
  std::string new_entries_;  // made, not yet in the cache file
  std::vector<std::pair<uint32_t, uint64_t>>
      new_places_;   // position in view_, offset in new_entries_
  size_t made_ = 0;  // octets of cache entries made since the last rest
  OwnedFd watch_;
  uint32_t watched_ = 0;  // Box::reopened() when the watch was set
};

}  // namespace dmail::store
