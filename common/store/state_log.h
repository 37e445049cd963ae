// Flags of many messages on disk with one small write.  State lies all over a mail file, so that
// marking a large mailbox read makes most of its pages dirty; bringing those to the disk before the
// OK takes ten times as long as everything else.  Here the new state goes to a log beside the index
// first, which is synced; then it is written to the mail file, where every reader sees it at once,
// and the system brings that to the disk in its own time.
//
// The log matters after a crash of the machine only: `recover` then writes what the mail file has
// not got yet.  An entry says what stood there before, and counts only where just that still stands
// there; entries are followed in order, so that a chain of changes leads to its end from any point,
// because the changes of one message always cover the same bytes.
//
// The log exists from the first large change to the next change of another kind: whoever makes one
// calls settle() before.  Small changes go through the log while it is there, or directly; but for
// one whose bytes differ in two sectors, of which a crash may leave one new and one old: a keyword
// that nobody has set.
// Everything needs the exclusive lock of the mailbox.  Not for a spool that several hosts share:
// another host's pages are unknown here.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "io/owned_fd.h"

namespace dmail::store {

struct StateLogHeader;

class StateLog {
 public:
  static constexpr uint32_t kFrom = 128;          // changes at once that are worth a log
  static constexpr uint64_t kMaxSize = 8u << 20;  // bytes; a longer one is settled
  static constexpr size_t kMaxState = 256;        // bytes of one entry; a longer change is several

  explicit StateLog(int file) : file_(file) {}
  void enable(std::string path) { path_ = std::move(path); }
  [[nodiscard]] bool enabled() const { return !path_.empty(); }

  // A change to be made: `bytes` at `offset`, where `before` stands (both of one size): the whole
  // state of a message, never a part.
  void add(uint64_t offset, std::string_view before, std::string_view bytes);
  // Makes the changes added; they are safe when it returns success.  `direct`: they are in the mail
  // file then, with all that was written to it before, and there is no log.
  Status commit(bool direct = false);
  void forget();  // the changes added

  // The mail file is on disk as it stands, and there is no log.
  Status settle();
  // A log that the crash of a machine left behind.
  [[nodiscard]] bool needs_recovery() const;
  // Makes the changes that are missing, then settles.  May be called again after a failure.
  Status recover();

 private:
  Status append_batch();
  Status apply();
  Status follow(std::string_view log);
  Result<StateLogHeader> own_header() const;

  int file_;
  std::string path_;
  std::string batch_;  // entries added
  uint32_t count_ = 0;
  bool in_parts_ = false;  // a change among them is in two sectors
};

}  // namespace dmail::store
