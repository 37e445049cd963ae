// MailFile in the mbox format: mbox_from.h says where messages begin, mbox_state.h how our own keep
// their state, mbox_foreign.h what is believed of other agents'.
//
// Text of messages with our block ends where the block says, if a From_ line or the end of the file
// follows; every line of it that could be a From_ line is quoted (text_encoder.h).  Text of all
// other messages is taken as it is, up to the empty line before the next From_ line, and given with
// CRLF and a last line end whether it has them or not.  What a reader is given of a message never
// changes.
//
// A block whose size was never filled in is an append that a crash cut short: at the end of the
// file it is cut off by the next append, elsewhere (another agent appended first) it is passed
// over.
//
// Where state does not fit in place, and where messages go, the rest of the file is rewritten
// through the journal, giving every message there a block.
#pragma once

#include "store/mail_file.h"
#include "store/mbox_from.h"
#include "store/mbox_state.h"

namespace dmail::store {

class FileWindow;
class RewriteJournal;

class MboxFile : public MailFile {
 public:
  MboxFile(int fd, std::string journal) : MailFile(fd), fd_(fd), journal_(std::move(journal)) {}

  [[nodiscard]] size_t keyword_limit() const override { return kMaxKeywords; }
  [[nodiscard]] bool needs_recovery() const override;
  Status recover() override;
  Result<FileHeader> read_header(KeywordTable& keywords) override;
  bool keeps_uids(const FileHeader& header) override;
  Result<uint64_t> scan(uint64_t from, KeywordTable& keywords,
                        const std::function<void(const Record&)>& found) override;
  [[nodiscard]] const std::string& damage() const override { return damage_; }
  bool verify(const Record& r) override;
  bool ends_as_before(const Record& r, uint64_t end) override;
  Status cut_tail(uint64_t end) override;
  Status append(uint64_t end, std::span<const NewMessage> messages, const KeywordTable& keywords,
                const FileHeader& header, std::vector<Record>& out) override;
  Result<bool> write_state(std::span<Record*> changed, std::span<Record> all,
                           const KeywordTable& keywords, const FileHeader& header) override;
  Status expunge(std::span<Record> all, const KeywordTable& keywords,
                 const FileHeader& header) override;
  Result<uint64_t> compact(std::span<Record>, const KeywordTable&, const FileHeader&) override {
    return uint64_t{0};
  }

 private:
  // What the front of the file says.
  struct Head {
    uint64_t first = 0;    // offset of the first message that is mail
    uint64_t base_at = 0;  // of the two numbers that can be written over; 0: there are none
    uint32_t uid_validity = 0, last_uid = 0;
    bool foreign = false;  // state lines of other agents may be believed
    std::string names;     // keywords of the base line
  };
  Result<Head> load_head() const;
  // `written`: it did; then the log is settled, and what follows must not go through it.
  Status write_base(const Head& head, const FileHeader& header, bool& written);
  Status write_messages(uint64_t at, bool first, std::span<const NewMessage> messages,
                        const KeywordTable& keywords, const FileHeader& header,
                        std::vector<Record>& out);
  // Adds the change to log_; false when there is no room for what `r` says.
  Result<bool> change_in_place(const Record& r, const KeywordTable& keywords);
  // `untouched`: set when it fails with the file as it was.
  Status rewrite(uint64_t start, uint64_t first, std::span<Record> all,
                 const KeywordTable& keywords, const FileHeader& header, bool* untouched = nullptr);
  Status shrink(uint64_t start, std::span<Record> all, const FileHeader& header);
  Result<Record> rewrite_one(RewriteJournal& journal, const Record& r, bool first,
                             const KeywordTable& keywords, const FileHeader& header);

  int fd_;
  std::string journal_;
  std::string damage_;
};

// The names of `bits` between blanks, and the room to give them.
std::string mbox_keyword_text(uint64_t bits, const KeywordTable& keywords);
inline size_t mbox_keyword_room(size_t needed) {
  return needed <= kMboxKeywordRoom ? kMboxKeywordRoom : (needed + 63) / 32 * 32;
}

}  // namespace dmail::store
