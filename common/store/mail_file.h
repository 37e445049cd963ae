// One mail file in one format (mbox, mbx): where its messages are, and how they and their state are
// written so that a crash between any two system calls leaves every acknowledged message whole.
// Knows nothing of sessions, sequence numbers, the index or any protocol.
//
// Locking is the caller's: `scan`, `read_header` and reading text need the shared lock, all else
// the exclusive one.  The caller syncs nothing: what a call that returns success has changed is on
// stable storage, in the file itself or (flags of many messages) in its StateLog.
//
// Records: save_date, mod_sequence, cache and record_crc are the caller's; a MailFile reports them
// as 0 and leaves them alone where it updates records.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "store/keyword_table.h"
#include "store/record.h"
#include "store/state_log.h"

namespace dmail::store {

// The text of a message to be stored, in CRLF form; read once, from the front.
class TextSource {
 public:
  virtual ~TextSource() = default;
  [[nodiscard]] virtual uint64_t size() const = 0;
  // The next piece (good until the next call); empty at the end.
  virtual Result<std::string_view> next() = 0;
};

// What the file as a whole says of itself.
struct FileHeader {
  uint32_t uid_validity = 0;   // 0: the file has none written; given to a writer: keep the file's
  uint32_t last_uid = 0;       // highest UID ever given, as far as the file knows
  uint64_t first_message = 0;  // offset of the first message
  bool in_place = true;        // there is room in the file to bring both numbers up to date
};

struct NewMessage {
  TextSource* text = nullptr;
  uint32_t uid = 0;
  uint32_t flags = 0;
  uint64_t keywords = 0;
  int64_t internal_date = 0;
  int zone_minutes = 0;
  std::string envelope_sender;  // for a From_ line; empty: MAILER-DAEMON
};

class MailFile {
 public:
  virtual ~MailFile() = default;

  // Opens by looking at the first bytes; an empty file is mbox when `empty_is_mbox`, else mbx.
  // Corrupt: the file is neither.  `fd` is not owned.  `journal` is the path of the file (in a
  // directory the user owns) that protects rewriting in place.
  static Result<std::unique_ptr<MailFile>> open(int fd, const std::string& journal,
                                                bool empty_is_mbox);
  // The bytes of a new, empty mbx file.
  static std::string new_mbx(uint32_t uid_validity);

  [[nodiscard]] virtual size_t keyword_limit() const = 0;  // 64 mbox, 30 mbx

  // True when a crash left a journal: then `recover` must run, under the exclusive lock, before
  // anything else.
  [[nodiscard]] virtual bool needs_recovery() const = 0;
  virtual Status recover() = 0;

  // Lets large changes of state go through a log at `path` (state_log.h).
  void use_state_log(std::string path) { log_.enable(std::move(path)); }
  // Record::record_crc is set in what is given to write_state and expunge: a record that is not
  // whole makes them fail (Corrupt) before anything is rewritten by it.
  void expect_whole_records() { whole_records_ = true; }
  // Everything is in the file itself, on disk, and no log is left.
  Status settle() { return log_.settle(); }

  virtual Result<FileHeader> read_header(KeywordTable& keywords) = 0;
  // Whether UIDVALIDITY and the last UID can be had from the file itself, now.
  virtual bool keeps_uids(const FileHeader&) { return true; }

  // Reports every whole living message from offset `from` (a message start, or the end an earlier
  // scan returned) on, in file order; messages marked as expunged are passed over.  UIDs ascend
  // within one scan; uid 0 where the file has none, or none that can be believed.  Keyword names
  // met are added to `keywords`.  Returns the offset after the last whole message: smaller than the
  // file where an append was cut short.  Corrupt when `from` is no message start.
  virtual Result<uint64_t> scan(uint64_t from, KeywordTable& keywords,
                                const std::function<void(const Record&)>& found) = 0;
  // What the last scan met that is no mail and no torn append, for the log; empty when all was
  // well.
  [[nodiscard]] virtual const std::string& damage() const = 0;
  // True when `r` still describes what stands at r.offset (checks the start line against
  // prefix_crc).
  virtual bool verify(const Record& r) = 0;
  // True when the message `r`, the last one in a file that ended at `end`, has the text and marks
  // it had, and what was added begins as a message does.
  virtual bool ends_as_before(const Record& r, uint64_t end) = 0;

  // Adds messages after offset `end` (anything behind it, a torn append, is cut off first), all or
  // none: on failure the file is cut back to `end`.  Fills `out` with their records.
  virtual Status append(uint64_t end, std::span<const NewMessage> messages,
                        const KeywordTable& keywords, const FileHeader& header,
                        std::vector<Record>& out) = 0;

  // Cuts off what an append that never finished left after `end` (as scan returned it).
  virtual Status cut_tail(uint64_t end) = 0;

  // Writes uid, flags and keywords of `changed` (records with the new values, pointing into `all`).
  // `all`: every live record of the mailbox, in order; when state does not fit in place the file is
  // rewritten from there on and the records in `all` get their new offsets and sizes (then returns
  // true). `header` is written, too, where the format keeps it.
  virtual Result<bool> write_state(std::span<Record*> changed, std::span<Record> all,
                                   const KeywordTable& keywords, const FileHeader& header) = 0;
  // Takes the messages of `all` that carry kExpunged out.  Formats that mark do so in place and
  // leave the room; mbox rewrites and updates offsets in `all` (the dead ones keep theirs).
  virtual Status expunge(std::span<Record> all, const KeywordTable& keywords,
                         const FileHeader& header) = 0;
  // Wins back room of messages that expunge only marked: `all` are the live records; offsets
  // change. Returns the number of bytes won; 0 when the format leaves none.  Only when nobody else
  // has the file open under an older idea of its offsets.
  virtual Result<uint64_t> compact(std::span<Record> all, const KeywordTable& keywords,
                                   const FileHeader& header) = 0;

 protected:
  explicit MailFile(int fd) : log_(fd) {}
  bool whole_records_ = false;
  StateLog log_;
};

// Message text as readers get it: CRLF lines, mboxrd quoting taken off, r.size octets exactly.
// Reads forward with a window of at most 256 KiB; seek() to a smaller offset starts again.
// Io/Corrupt: the file is shorter than the record says.
class TextReader : public TextSource {
 public:
  TextReader(int fd, const Record& record);
  [[nodiscard]] uint64_t size() const override { return record_.size; }
  Result<std::string_view> next() override;
  // The next piece starts at octet `offset` of the text as readers get it.
  Status seek(uint64_t offset);

 private:
  Status fill();
  void convert(bool last);
  int fd_;
  Record record_;
  uint64_t raw_at_ = 0;  // next byte to read, relative to the text's start in the file
  uint64_t given_ = 0;   // octets given so far
  std::string raw_;
  std::unique_ptr<char[]> out_;  // room for raw_ converted, and what is in it
  size_t out_room_ = 0, out_size_ = 0;
  char last_ = '\n';  // last raw byte before raw_at_, for line starts and CR LF
  size_t skip_ = 0;   // octets of the next piece that seek() passes over
  bool held_ = false;
};

}  // namespace dmail::store
