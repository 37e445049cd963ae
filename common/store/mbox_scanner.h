// Finds one message after the other in an mbox file; mbox_file.h says by which rules.
#pragma once

#include "base/result.h"
#include "store/file_window.h"
#include "store/mbox_count.h"
#include "store/mbox_from.h"
#include "store/mbox_state.h"
#include "store/record.h"

namespace dmail::store {

struct MboxStep {
  enum class Kind {
    Message,
    Skipped,  // an append cut short, with other mail behind it
    Torn,     // an append cut short, and nothing behind it
    NotMail,  // no From_ line
  };
  Kind kind = Kind::NotMail;
  uint64_t next = 0;  // offset of what follows (not after Torn and NotMail)
  Record record;      // without keywords
  bool has_block = false;
  std::string keywords;     // of the block
  uint64_t header_raw = 0;  // bytes of the header in the file
};

class MboxScanner {
 public:
  explicit MboxScanner(FileWindow& window) : window_(window) {}
  // `at`: where a From_ line should stand.
  Result<MboxStep> step(uint64_t at);
  // Past CRs and LFs from `at` on.
  Result<uint64_t> skip_blank(uint64_t at);

 private:
  enum class Splits { AfterEmptyLine, Anywhere };
  struct Text {
    MboxCounter all, header;
    uint64_t header_end = 0;  // offset behind the empty line; the end when there is none
    uint64_t end = 0;         // of the text; a From_ line or the limit of counting
  };
  Result<Text> count(uint64_t text, uint64_t to, bool strict, Splits splits);
  Result<uint64_t> count_part(MboxCounter& counter, uint64_t from, uint64_t to, Splits splits);
  Result<uint64_t> header_end(uint64_t text, uint64_t to, bool strict);
  std::optional<FromLine> from_line(std::string_view bytes, uint64_t at);
  Result<bool> is_separator(uint64_t at, Splits splits);
  Result<bool> ends_well(uint64_t text, uint64_t end, uint64_t& next);
  Result<uint64_t> find_anywhere(uint64_t from);
  Result<MboxStep> step_ours(MboxStep step, const MboxState& state, uint64_t text);
  Status trim(uint64_t text, Text& counted);
  Status hide_fields(MboxStep& step, uint64_t text, bool strict);
  Result<bool> identify(Record& record);
  Result<MboxStep> finish(MboxStep step, uint64_t text, Text counted, bool strict);
  bool is_torn_front(std::string_view rest, uint64_t at) const;
  // mbox_torn.cc
  Result<bool> is_lost_sector(uint64_t at);
  Result<bool> is_lost_front(uint64_t at);
  Result<bool> is_last(uint64_t at);
  Result<bool> is_torn_append(uint64_t at);
  Result<bool> is_torn_block(std::string_view bytes, uint64_t text);
  Result<uint64_t> torn_append_in(uint64_t text);

  FileWindow& window_;
  // The From_ line found last, so that it is parsed once.
  uint64_t known_at_ = UINT64_MAX;
  FromLine known_;
};

}  // namespace dmail::store
