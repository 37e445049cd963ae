// Rewriting the tail of a mail file in place so that a crash at any point leaves the old tail or
// the new one.  In place because the spool directory need not be writable for the mailbox's owner.
//
// The new tail goes to the journal file first; header and checksums make it valid; then it is on
// disk with its directory; only then is the mail file touched, and the journal removed when the
// file is on disk.  `recover` finishes a valid journal and throws an incomplete one away, as often
// as needed.
//
// Agents that know nothing of journals may append to the mail file between the crash and `recover`.
// The size alone does not always say where their bytes begin, so the journal keeps samples of the
// old contents: bytes before the tail, its first bytes, and a checksum of what lies behind the new
// end. What was appended is moved behind the new tail, through a second journal renamed over the
// first. A file that was cut or rewritten by others meanwhile is left as it is; the journal is then
// set aside as PATH.unused.
//
// Errors: NoSpace and Io before the journal is valid leave the mail file untouched and no journal.
// After that an error leaves the journal: nothing but `recover` may touch the file then.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "io/owned_fd.h"

namespace dmail::store {

struct JournalHeader {
  char magic[8];
  uint64_t start, old_size, new_size;  // of the mail file
  uint64_t gap_size;  // bytes from new_size on that gap_crc covers (shrinking only)
  uint32_t gap_crc, tail_crc;
  uint32_t before_size, first_size;
  char before[64];        // the old bytes before `start`
  char first[64];         // the old bytes from `start` on
  uint32_t forward_only;  // made by `recover`: no way back to the old file
  uint32_t header_crc;    // of everything above
};

// The journal at `path` is done, or is kept beside as PATH.unused; on disk when this returns.
Status discard_journal(const std::string& path);
Status set_journal_aside(const std::string& path);

class RewriteJournal {
 public:
  static constexpr size_t kChunk = 256 * 1024;
  static constexpr uint64_t kTailAt = 512;  // of the new tail in the journal file
  static constexpr uint64_t kGapSample = 1 << 20;

  RewriteJournal(int file, std::string path) : file_(file), path_(std::move(path)) {}
  ~RewriteJournal();  // an uncommitted journal is removed
  RewriteJournal(const RewriteJournal&) = delete;
  RewriteJournal& operator=(const RewriteJournal&) = delete;

  static bool exists(const std::string& path);
  // Finishes or discards the journal at `path`.  Fails as system calls do; may then be called
  // again.
  static Status recover(int file, const std::string& path);

  // The new tail replaces everything from `start` on.
  Status begin(uint64_t start);
  Status write(std::string_view bytes);
  Status copy(uint64_t offset, uint64_t length);  // bytes of the mail file as it stands
  // Offset in the mail file that the next byte written will have.
  [[nodiscard]] uint64_t position() const { return header_.new_size; }
  Status commit();
  // The mail file may be another than it was; an error of commit() before that has changed nothing.
  [[nodiscard]] bool began_to_change() const { return changing_; }

 private:
  Status create(const std::string& path, int flags);
  Status flush();
  Status sample();
  Status seal();
  Status amend(const JournalHeader& old, int old_journal, uint64_t appended, uint64_t size);

  int file_;
  std::string path_;
  OwnedFd journal_;
  std::string created_;  // to be removed unless committed
  std::string buffer_;
  bool changing_ = false;
  uint64_t flushed_ = 0;  // bytes of the tail in the journal file
  uint32_t crc_ = 0;
  JournalHeader header_{};
};

}  // namespace dmail::store
