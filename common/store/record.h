// What is known of one message without opening its mail file: the fixed-size record that scanning a
// mail file yields and that the index keeps, in UID order.
#pragma once

#include <cstdint>
#include <type_traits>

namespace dmail::store {

// System flags (RFC 3501 section 2.3.2); \Recent is a matter of the session, not of the message.
enum : uint32_t { kSeen = 1, kAnswered = 2, kFlagged = 4, kDeleted = 8, kDraft = 16 };
inline constexpr uint32_t kSystemFlags = 31;

// Record::form
enum : uint16_t {
  kLfLines = 1,        // lines end in LF in the file; readers get CRLF
  kQuoted = 2,         // mboxrd quoting: one '>' is taken off lines that match ^>+From (space)
  kStateRoom = 4,      // flags and UID can be written in place
  kExpunged = 8,       // dead: skipped by every reader, won back by compaction
  kHiddenFields = 16,  // the header has lines that readers are not given (hidden_fields.h)
};

struct Record {
  uint32_t uid = 0;  // 0: the file gives none (yet)
  uint32_t flags = 0;
  uint64_t keywords = 0;     // bit i: name i of the mailbox's KeywordTable
  uint64_t offset = 0;       // in the mail file: the From_ line, or the mbx record line
  uint32_t prefix_size = 0;  // bytes from `offset` to the first byte of the message text
  uint16_t from_size = 0;    // mbox: of the From_ line with its LF (the state block follows it)
  uint16_t form = 0;
  uint64_t raw_size : 40 = 0;       // bytes of message text in the file
  uint64_t identity_high : 24 = 0;  // of the text (text_identity.h)
  uint64_t size : 40 = 0;           // octets of the text as readers get it (RFC822.SIZE)
  uint64_t identity_low : 24 = 0;
  uint32_t header_size = 0;  // octets of the header, blank line included, as readers get it
  int16_t zone_minutes = 0;  // of the internal date
  uint16_t reserved = 0;
  int64_t internal_date = 0;  // seconds since 1970 UTC
  int64_t save_date = 0;      // when it came into this mailbox
  uint64_t mod_sequence = 0;
  uint64_t cache = 0;       // offset in the cache file + 1; 0: nothing cached
  uint32_t prefix_crc = 0;  // CRC-32 of the immutable bytes that mark the start (From_ line; date
                            // and size of an mbx line)
  uint32_t record_crc = 0;  // check word over what does not change with flags (index_format.h)

  void set_identity(uint64_t value) {
    identity_high = value >> 24 & 0xffffff;
    identity_low = value & 0xffffff;
  }
};
inline constexpr uint64_t kMaxRecordSize = (uint64_t{1} << 40) - 1;
static_assert(sizeof(Record) == 96 && std::is_trivially_copyable_v<Record>);

}  // namespace dmail::store
