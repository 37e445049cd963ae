// One user's mail: the drop file (INBOX) and the folder tree in the `.mbx` directory beside it.
// Mailbox names are the bytes on disk and on the wire (modified UTF-7), `/` between levels, INBOX
// in any case.  Refused (BadInput): empty parts, "." and "..", absolute names, control bytes, parts
// that begin with "." or end in ".lock", for new names "~" in front (other servers' homes), parts
// over 200 and names over 1000 octets, over 20 levels.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/uid_set.h"
#include "store/mail_file.h"
#include "store/record.h"

namespace dmail::store {

class Mailbox;
class Appender;

// What the administrator should know of, for the log.
struct StoreEvent {
  std::string_view what;  // damage, index-rebuilt, compaction-failed, tail-cut
  std::string_view mailbox;
  std::string text;
};

struct StoreConfig {
  std::string drop_file;      // absolute path
  std::string folders;        // absolute path of the directory NAME.mbx (made when missing)
  uint64_t quota_bytes = 0;   // 0: none.  One number for all mailboxes and protocols
  int lock_seconds = 30;      // longest wait for a mailbox lock
  bool shared_spool = false;  // `lock_id` is set: no shared mapping, no inotify
  std::function<void(const StoreEvent&)> report;  // may be empty
};

struct MailboxEntry {
  std::string name;
  bool selectable = true;
  bool has_children = false;
};

struct MailboxStatus {
  uint32_t messages = 0, recent = 0, unseen = 0, deleted = 0;
  uint32_t uid_next = 1, uid_validity = 0;
  uint64_t highest_mod_sequence = 1;
  uint64_t size = 0;  // sum of RFC822.SIZE
};

struct Quota {
  uint64_t used_bytes = 0, limit_bytes = 0;  // limit 0: none
};

class Store {
 public:
  static Result<std::unique_ptr<Store>> open(StoreConfig config);
  virtual ~Store() = default;

  // Every mailbox once, parents before children, byte order; INBOX first.
  virtual Status list(const std::function<void(const MailboxEntry&)>& each) = 0;
  virtual Result<MailboxEntry> lookup(std::string_view name) = 0;  // NotFound
  virtual Status create(std::string_view name) = 0;  // missing parents are made, as \Noselect
  virtual Status remove(std::string_view name) = 0;  // INBOX and \Noselect with children: refused
  virtual Status rename(std::string_view from,
                        std::string_view to) = 0;  // INBOX: its messages move

  virtual Result<std::vector<std::string>> subscriptions() = 0;
  virtual Status subscribe(std::string_view name, bool on) = 0;

  virtual Result<std::unique_ptr<Mailbox>> select(std::string_view name, bool read_only) = 0;
  virtual Result<MailboxStatus> status(std::string_view name) = 0;
  // NotFound when `name` does not exist (the IMAP engine says [TRYCREATE]).
  virtual Result<std::unique_ptr<Appender>> append(std::string_view name) = 0;
  virtual Result<Quota> quota() = 0;
  // The client is quiet: what was kept open for its next command is let go.
  virtual void rest() = 0;
};

// Checks and normalises a mailbox name as said above ("inbox" becomes "INBOX").
Result<std::string> valid_mailbox_name(std::string_view name);
Result<std::string> valid_new_name(std::string_view name);

// Collects messages (in memory up to 1 MiB each, then in an unlinked temporary file), then stores
// all or none.
class Appender {
 public:
  struct Meta {
    uint32_t flags = 0;
    std::vector<std::string> keywords;
    std::optional<int64_t> internal_date;  // absent: now
    int zone_minutes = 0;
    std::string envelope_sender;
  };
  struct Done {
    uint32_t uid_validity = 0;
    UidSet uids;  // in the order given
  };
  virtual ~Appender() = default;
  virtual Status begin(Meta meta) = 0;
  virtual Status write(std::string_view bytes) = 0;  // any line ends; stored and given back as CRLF
  virtual Status end() = 0;
  // Acknowledged means on disk.  OverQuota and NoSpace leave the mailbox as it was.
  virtual Result<Done> commit() = 0;
};

}  // namespace dmail::store
