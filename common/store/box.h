// A mailbox as all sessions share it, open in this process: mail file, index and cache, kept in
// step with each other.  No view and no sequence numbers (session_mailbox.h has those).
//
// A change runs so: lock() (exclusive, index brought in step) -> begin() -> mail file -> index
// records
// -> finish().  Between begin and finish the index says that it is dirty: whoever finds that under
// the lock knows of a crash and makes the index again from the mail file.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "io/file_lock.h"
#include "io/owned_fd.h"
#include "store/cache_file.h"
#include "store/index.h"
#include "store/mail_file.h"
#include "store/quota.h"
#include "store/store.h"

namespace dmail::store {

// A message on its way in.  Views must last until append() returns.
struct Arrival {
  NewMessage message;
  std::vector<std::string> keywords;
  int64_t save_date = 0;
  std::string_view whole;  // CRLF form, to fill the cache from; empty: not at hand
  bool cached = false;     // the texts are known already
  std::string_view envelope, body, body_structure;
};

// What all mailboxes of one Store have in common.
struct StoreContext {
  explicit StoreContext(StoreConfig c) : config(std::move(c)) {}
  StoreConfig config;
  OwnedFd folders;  // directory NAME.mbx
  OwnedFd index;    // NAME.mbx/.index
  std::string index_path;
  std::optional<QuotaLedger> quota;
  // Somebody removed the directories, as they may: made again, under the same descriptors.
  void renew_directories() const;
};

struct BoxPlace {
  std::string name;        // mailbox name
  std::string path;        // of the mail file
  std::string index_name;  // in .index, without ending
  bool drop_file = false;
};

class Box {
 public:
  // `fd`: the mail file, open for reading and writing.
  static Result<std::unique_ptr<Box>> open(const StoreContext& context, BoxPlace place, OwnedFd fd);

  // Under the exclusive lock.
  struct Held {
    FileLock lock;
    IndexHeader header;        // write through begin(), write_header(), finish()
    uint64_t size_before = 0;  // total_size when the change began
    uint32_t next_before = 0;  // next_uid; 0: UIDs may have been given that only the index knows
  };
  // The index agrees with the mail file; takes the lock only when it doesn't.
  Status refresh();
  Result<Held> lock();
  Result<FileLock> lock_shared();
  // The exclusive lock alone: nothing is brought in step.
  Result<FileLock> lock_file();
  // The mail file, which a lock needs open, from a box that is not used any more.
  OwnedFd take_file() { return std::move(fd_); }
  // The mail file stands where the index and journal of our name belong to it; NotFound.
  Status still_there();

  // The changes of a Held.  `quota`: when the caller already holds the ledger.
  Status begin(Held& held);
  Status finish(Held& held, QuotaLedger::Hold* quota = nullptr);
  // The index, as far as it is written, is on the disk.
  Status sync_index();
  // Undoes begin() after the mail file refused the change; makes the index again when in doubt.
  void abandon(Held& held);
  // Stores all or none, index and cache included; `out` gets the records.  OverQuota, NoSpace.
  Status append(Held& held, std::span<Arrival> arrivals, std::vector<Record>& out);
  // The index is in doubt: the next to lock makes it again.
  void distrust();
  // Adds records (new, in UID order) with counts; they are in the mail file already.
  Status add_records(Held& held, std::span<Record> records);
  // The live records as the mail file wants them: a scratch copy of the index where nothing is
  // dead, its records unchecked.
  Result<Index::Scratch> live_records(const Held& held, std::vector<Record>& storage,
                                      std::vector<uint32_t>& positions, std::span<Record>& live);
  // Writes `live` back where offsets moved.
  Status write_back(const std::vector<uint32_t>& positions, std::span<Record> live);
  // True when all of `records` are whole, as they were in the index.
  static bool whole(std::span<const Record> records);
  [[nodiscard]] Error damaged() const;
  // A new generation without dead records.
  Status new_generation(Held& held);
  // Wins back room in the mail file when it is worth it and nobody else has the mailbox open.
  void tidy();

  // The bit of a keyword, new ones included; where there is no room, a name goes that no message
  // has, none of `wanted` among them.  nullopt: all are in use.
  std::optional<unsigned> place_keyword(const IndexHeader& header, std::string_view name,
                                        uint64_t& wanted);
  // The keywords that living messages have.
  [[nodiscard]] uint64_t used_keywords(const IndexHeader& header) const;

  [[nodiscard]] const BoxPlace& place() const { return place_; }
  [[nodiscard]] const std::shared_ptr<Index>& index() const { return index_; }
  MailFile& file() { return *file_; }
  CacheFile& cache() { return cache_; }
  KeywordTable& keywords() { return keywords_; }
  [[nodiscard]] int fd() const { return fd_.get(); }
  // How often another file took the drop file's place; what watches fd() has to follow.
  [[nodiscard]] uint32_t reopened() const { return reopened_; }
  [[nodiscard]] bool is_mbx() const { return is_mbx_; }
  [[nodiscard]] const StoreContext& context() const { return *context_; }
  // The identity of the mail file now; NotFound when it was deleted or replaced.
  Result<FileIdentity> identity() const;

 private:
  Box(const StoreContext& context, BoxPlace place, OwnedFd fd);
  Status open_file_again();
  Status make_file();
  bool in_step(const FileIdentity& now);
  Status bring_in_step(Held& held);
  Status take_new_messages(Held& held, const FileIdentity& now);
  // `why`: for the log; empty where there is nothing to say.
  Status rebuild(Held& held, const FileIdentity& now, bool trust_state, std::string_view why);
  void report(std::string_view what, std::string text) const;
  Status install(Held& held, IndexHeader header, std::span<const Record> records);
  Status keep_uids(const Held& held);
  void open_index();
  bool sample_holds(const IndexHeader& header);
  bool only_grew(const IndexHeader& header);
  Status place_keywords(const IndexHeader& header, std::span<Arrival> arrivals);
  void cache_arrivals(Held& held, std::span<const Arrival> arrivals, std::span<Record> records);
  void settle_quota(const Held& held, QuotaLedger::Hold* quota);

  const StoreContext* context_;
  BoxPlace place_;
  OwnedFd fd_;
  uint32_t reopened_ = 0;
  bool is_mbx_ = false;
  bool index_lost_ = false;  // there was one, but it could not be read
  std::unique_ptr<MailFile> file_;
  std::shared_ptr<Index> index_;
  CacheFile cache_;
  KeywordTable keywords_;  // as of the index, valid under the lock
};

// The next mod-sequence: the clock in microseconds, never backwards.
uint64_t next_mod_sequence(IndexHeader& header);
FileHeader file_header(const IndexHeader& header);
// total_size over all indexes in `.index`, read without locks.
uint64_t sum_of_indexes(const StoreContext& context);

}  // namespace dmail::store
