// MailFile in the mbx format (mbx_format.h).  Flags, UIDs and the expunged mark change in place by
// fixed-width writes; `compact` rewrites through the journal.
//
// A line that is damaged is passed over by looking for the next line that reads as a message line
// and whose SIZE leads to another one or to the end; what lies between is left in the file and told
// by damage().  Damage at the end of the file is copied to JOURNAL.lost before an append cuts it
// off.
#pragma once

#include "store/mail_file.h"
#include "store/mbx_format.h"

namespace dmail::store {

class FileWindow;

class MbxFile : public MailFile {
 public:
  MbxFile(int fd, std::string journal) : MailFile(fd), fd_(fd), journal_(std::move(journal)) {}

  [[nodiscard]] size_t keyword_limit() const override { return kMbxKeywords; }
  [[nodiscard]] bool needs_recovery() const override;
  Status recover() override;
  Result<FileHeader> read_header(KeywordTable& keywords) override;
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
  Result<uint64_t> compact(std::span<Record> all, const KeywordTable& keywords,
                           const FileHeader& header) override;

 private:
  struct Head {
    std::string bytes;
    MbxHeader header;
  };
  Result<Head> load_head() const;
  // Writes the header's names and numbers where they differ from what the file has; then the log is
  // settled, and what follows must not go through it.
  Result<MbxKeywordMap> update_head(const KeywordTable& keywords, uint64_t wanted,
                                    const FileHeader& header, bool& head_changed,
                                    bool settled = false);
  Result<MbxLine> line_of(const Record& r, std::string* bytes = nullptr) const;
  Status cut_append(uint64_t end, uint64_t first_line);
  // `as_they_stay`: all but the first one with their SIZE.
  Status write_messages(uint64_t end, std::span<const NewMessage> messages,
                        const MbxKeywordMap& map, bool as_they_stay, std::vector<Record>& out);
  Status write_sizes(std::span<const Record> records);
  Result<uint64_t> resume(FileWindow& window, uint64_t at);
  Result<uint64_t> dead_bytes(uint64_t from, uint64_t to) const;

  int fd_;
  std::string journal_;
  std::string damage_;
};

}  // namespace dmail::store
