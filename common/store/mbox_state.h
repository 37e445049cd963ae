// The block of header lines that we put between the From_ line and the text of a message in an mbox
// file, and never show:
//
//   X-DMail: 1 +0200 size=0000012345        time zone of the internal date; bytes of text that
//   follow X-IMAPbase: 1234567890 0000000042       UIDVALIDITY and last UID; blank but in the first
//   message X-UID: 0000000007 Status: RO                              R seen, O an agent has known
//   it X-Status: AFTD                          answered, flagged, draft, deleted; a blank where not
//   set X-Keywords: Work Later                  blanks to the end, 48 octets or more in all
//
// Every field has its place, so that all can be written over.  Other agents read the same lines
// where they know them.  The block counts only directly behind the From_ line and only in full:
// what a sender writes never stands there in mail that we delivered.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace dmail::store {

inline constexpr size_t kMboxKeywordRoom = 48;
inline constexpr size_t kMboxMaxKeywordRoom = 64 * 65;
inline constexpr uint64_t kMboxUncommitted = 9'999'999'999;  // size while the text is being written

struct MboxState {
  uint64_t size = kMboxUncommitted;
  int zone_minutes = 0;
  uint32_t uid_validity = 0, last_uid = 0;  // 0: blank
  uint32_t uid = 0;
  uint32_t flags = 0;  // kSeen ...
  bool old = false;
  std::string_view keywords;  // names between blanks
  size_t length = 0;          // of the block
};

// Where fields stand in the block.
inline constexpr size_t kStateZoneAt = 11, kStateSizeAt = 22, kStateBaseAt = 45, kStateUidAt = 67;
inline constexpr size_t kStateFixed = 123;  // to the first octet of the keywords

std::optional<MboxState> parse_mbox_state(std::string_view bytes);
// The time zone in the first line of a block, whatever follows; minutes east of UTC.
int block_zone(std::string_view bytes);
// True when all of `bytes` is the first part of a block, or of nothing else: a torn append.
bool is_part_of_mbox_state(std::string_view bytes);
// `room`: octets for keywords, at least as many as they need.
std::string format_mbox_state(const MboxState& state, size_t room);
// "1234567890 0000000042", 21 octets; blanks when both are 0.
std::string format_mbox_base(uint32_t uid_validity, uint32_t last_uid);

}  // namespace dmail::store
