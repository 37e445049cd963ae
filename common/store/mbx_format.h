// The mbx format of the University of Washington: reading and writing its header and message lines.
//
//   header   2048 bytes: "*mbx*" CRLF, 8 hex UIDVALIDITY, 8 hex last UID, CRLF, up to 30 lines with
//            keyword names (line i is bit i; an empty line is a free place), anything
//   message  "dd-mmm-yyyy hh:mm:ss +zzzz,SIZE;KKKKKKKKFFFF-UUUUUUUU" CRLF, then SIZE bytes
// SIZE is decimal; we write ten digits so that it can be filled in last.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "store/keyword_table.h"
#include "store/record.h"

namespace dmail::store {

inline constexpr size_t kMbxHeaderSize = 2048;
inline constexpr size_t kMbxKeywords = 30;
inline constexpr size_t kMbxStateSize = 21;                 // KKKKKKKKFFFF-UUUUUUUU
inline constexpr size_t kMbxMaxLine = 96;                   // longer is no message line
inline constexpr uint64_t kMbxUncommitted = 9'999'999'999;  // SIZE while the text is being written
inline constexpr uint64_t kMbxUnfinished = 9'000'000'000;   // and what a part of its digits leaves
inline constexpr std::string_view kMbxMagic = "*mbx*\r\n";

enum : uint32_t {
  kMbxSeen = 1,
  kMbxDeleted = 2,
  kMbxFlagged = 4,
  kMbxAnswered = 8,
  kMbxOld = 0x10,
  kMbxDraft = 0x20,
  kMbxExpunged = 0x8000
};

struct MbxHeader {
  uint32_t uid_validity = 0, last_uid = 0;
  std::array<std::string, kMbxKeywords> names;
};

// nullopt when the magic is not there.  Damaged numbers read as 0.
std::optional<MbxHeader> parse_mbx_header(std::string_view bytes);
// 2048 bytes; the last ten are taken from `old` (UW keeps a process id there).
std::string format_mbx_header(const MbxHeader& header, std::string_view old);

struct MbxLine {
  int64_t seconds = 0;
  int zone_minutes = 0;
  uint64_t size = 0;
  size_t length = 0;  // of the line with CRLF
  // State; all 0 when its digits are damaged.
  uint32_t keywords = 0, flags = 0, uid = 0;
};

// The message line at the front of `bytes`; nullopt when there is none (or not all of it).
std::optional<MbxLine> parse_mbx_line(std::string_view bytes);
std::string format_mbx_line(int64_t seconds, int zone_minutes, uint64_t size,
                            std::string_view state);
std::string format_mbx_state(uint32_t keywords, uint32_t flags, uint32_t uid);

uint32_t flags_from_mbx(uint32_t mbx);
uint32_t flags_to_mbx(uint32_t flags);

// Between the bits of a mailbox's KeywordTable and the lines of the file's header.
class MbxKeywordMap {
 public:
  // Names of the header that the table takes are added to it.
  MbxKeywordMap(const MbxHeader& header, KeywordTable& table);
  [[nodiscard]] uint64_t from_file(uint32_t file) const;
  // Bits of the file for the table's; `kept` are the message's bits in the file now, of which those
  // that mean nothing to the table stay.
  [[nodiscard]] uint32_t to_file(uint64_t table, uint32_t kept) const;
  // Gives every name of `table` that `wanted` has a place in `header`; false when they are all
  // taken. `changed` becomes true when the header has to be written.
  bool place(const KeywordTable& table, uint64_t wanted, MbxHeader& header, bool& changed);

 private:
  std::array<int, kMbxKeywords> bit_;  // of the table, or -1
};

}  // namespace dmail::store
