// A selected mailbox as one session sees it: message numbers 1..count() that stay fixed until
// sync(), whatever other sessions and deliveries do meanwhile.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/uid_set.h"
#include "io/byte_sink.h"
#include "store/store.h"

namespace dmail::store {

struct MessageInfo {
  uint32_t uid = 0;
  uint32_t flags = 0;     // kSeen ...
  bool recent = false;    // new to this session
  uint64_t keywords = 0;  // bits of keyword_names()
  int64_t internal_date = 0;
  int zone_minutes = 0;
  int64_t save_date = 0;
  uint64_t size = 0;  // RFC822.SIZE
  uint64_t mod_sequence = 0;
};

enum class FlagAction { Replace, Add, Remove };

struct FlagChange {
  FlagAction action = FlagAction::Add;
  uint32_t flags = 0;
  std::vector<std::string> keywords;
  std::optional<uint64_t> unchanged_since;  // RFC 7162; messages over it are left and reported
};

struct FlagOutcome {
  std::vector<uint32_t> changed;   // message numbers whose flags were written, ascending
  std::vector<uint32_t> modified;  // left alone because of unchanged_since
  std::vector<uint32_t> gone;      // expunged by someone else meanwhile
  bool keywords_full = false;  // a new keyword found no room in the mailbox; nothing was changed
};

struct Changes {
  // Message numbers in the order to announce them: each is valid after the ones before it went
  // (descending, so a plain walk works).
  std::vector<uint32_t> expunged;
  uint32_t count_before = 0, count = 0;  // before: after the expunges
  uint32_t recent = 0;
  std::vector<uint32_t> flags;  // numbers (after the above) whose flags another session changed
  bool keywords = false;        // new keyword names: send FLAGS again
  bool gone = false;            // the mailbox was deleted, or its UIDVALIDITY changed
  bool renumbered = false;      // since select() messages got other UIDs than they had
};

struct CopyOutcome {
  uint32_t uid_validity = 0;
  UidSet source;                   // UIDs copied
  std::vector<uint32_t> from, to;  // pairwise, ascending by `from`
};

class Mailbox {
 public:
  virtual ~Mailbox() = default;

  [[nodiscard]] virtual const std::string& name() const = 0;
  [[nodiscard]] virtual const std::string& path()
      const = 0;  // of the mail file, for the UNSEEN text
  [[nodiscard]] virtual bool read_only() const = 0;
  [[nodiscard]] virtual uint32_t count() const = 0;
  [[nodiscard]] virtual uint32_t recent() const = 0;
  [[nodiscard]] virtual uint32_t uid_validity() const = 0;
  [[nodiscard]] virtual uint32_t uid_next() const = 0;
  [[nodiscard]] virtual uint64_t highest_mod_sequence() const = 0;
  [[nodiscard]] virtual uint32_t first_unseen() const = 0;  // message number, 0: none
  [[nodiscard]] virtual const std::vector<std::string>& keyword_names() const = 0;
  [[nodiscard]] virtual bool accepts_keywords() const = 0;  // room for a new name

  // 1 <= number <= count().
  virtual MessageInfo info(uint32_t number) = 0;
  virtual uint32_t uid(uint32_t number) = 0;
  // The first message number whose UID is at least `uid`; count() + 1 when there is none.
  virtual uint32_t at_or_after(uint32_t uid) = 0;

  // Text as clients get it (CRLF).  Views are good until the next call on this mailbox.  NotFound:
  // expunged and its room already won back; Corrupt and Io: the file no longer has it.
  virtual Result<std::string_view> header(uint32_t number) = 0;  // with the blank line
  virtual Result<std::string_view> text(uint32_t number) = 0;  // whole, in memory: see kWholeLimit
  // Octets [offset, offset+length) to `sink`, exactly that many; checks first, so that an error
  // comes before the first byte (a failing disk in the middle throws ConnectionOver).
  virtual Status send(uint32_t number, uint64_t offset, uint64_t length, ByteSink& sink) = 0;
  // Cached texts of mail/structure.h: made and kept when missing.
  virtual Result<std::string_view> envelope(uint32_t number) = 0;
  virtual Result<std::string_view> body(uint32_t number) = 0;            // BODY
  virtual Result<std::string_view> body_structure(uint32_t number) = 0;  // BODYSTRUCTURE

  // `numbers` are message numbers.  On disk when it returns.
  virtual Result<FlagOutcome> change_flags(const UidSet& numbers, const FlagChange& change) = 0;
  // Messages with \Deleted (of `only` UIDs when given) are gone for good; this session hears of it
  // by the next sync(), like all others.
  virtual Status expunge(const UidSet* only_uids = nullptr) = 0;
  // All or none; messages that others expunged meanwhile make it fail (NotFound).
  virtual Result<CopyOutcome> copy(const UidSet& numbers, Store& store,
                                   std::string_view target) = 0;

  // As copy(), and the messages are gone from here with it: nobody else can copy, move or expunge
  // them in between, so that two who move the same message never make two of it.  A failure behind
  // the copy leaves them in both.
  virtual Result<CopyOutcome> move(const UidSet& numbers, Store& store,
                                   std::string_view target) = 0;

  // Brings the view up to date.  Without `may_expunge` dead messages keep their numbers.
  virtual Result<Changes> sync(bool may_expunge) = 0;
  // Readable when something may have changed (inotify; on a shared spool a timer); call
  // clear_watch() then and sync().
  virtual int watch_fd() = 0;
  virtual void clear_watch() = 0;
};

// Messages over this are never held whole: text() answers Limit; use send().
inline constexpr uint64_t kWholeLimit = uint64_t{128} << 20;

}  // namespace dmail::store
