// The index file of one mailbox, NAME.idx: a header of fixed size, keyword names, a ring of change
// notes, then Records in UID order (dead ones included until the next generation).  Native byte
// order: an index is made anew from its mail file on any host that finds it strange.
//
// Nothing here is believed unchecked: the header carries a check word over all of it and one over
// the keyword names, each record one over all of it but the place in the cache (a cache entry says
// itself whose it is), and all are bounded by the size of the file.  A note has one of 12 bits.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <type_traits>

#include "base/result.h"
#include "store/keyword_table.h"
#include "store/mix.h"
#include "store/record.h"

namespace dmail::store {

inline constexpr uint64_t kIndexMagic = 0x3178646c69616d64;  // "dmaildx1"
inline constexpr uint32_t kIndexVersion = 4;
inline constexpr uint32_t kRingSize = 1024;
inline constexpr uint32_t kMaxRecords = 50'000'000;

// What a change note says: records first..last (positions) got new flags, or died.
struct ChangeNote {
  uint32_t first = 0;
  uint32_t last = 0;
};
static_assert(kMaxRecords < 1u << 26);  // two positions and the check are 64 bits in the ring

struct FileIdentity {
  uint64_t device = 0;
  uint64_t inode = 0;
  uint64_t size = 0;
  int64_t mtime_ns = 0;
  bool operator==(const FileIdentity&) const = default;
  [[nodiscard]] bool same_file(const FileIdentity& other) const {
    return device == other.device && inode == other.inode;
  }
};

struct IndexHeader {
  uint64_t magic = kIndexMagic;
  uint32_t version = kIndexVersion;
  uint32_t dirty = 0;  // a change is under way, or a crash cut it short
  uint64_t generation = 0;
  uint32_t superseded = 0;  // a newer generation stands under the name
  uint32_t keyword_count = 0;
  std::array<uint8_t, 16> boot_id{};
  FileIdentity file;        // of the mail file when the index last agreed with it
  uint64_t end_offset = 0;  // of the last whole message in the mail file
  uint32_t uid_validity = 0;
  uint32_t next_uid = 1;
  uint32_t first_recent_uid = 1;  // no session has claimed these yet
  uint32_t record_count = 0;      // dead ones included
  uint32_t messages = 0;
  uint32_t unseen = 0;
  uint32_t deleted = 0;
  uint32_t dead = 0;
  uint32_t first_unseen = 0;  // every live record before this position is \Seen
  uint32_t dead_low = 0;      // all dead records lie in [dead_low, dead_high)
  uint32_t dead_high = 0;
  uint32_t layout = 0;  // odd while offsets in the mail file move; differs after they moved
  uint64_t highest_mod_sequence = 1;
  uint64_t total_size = 0;       // sum of Record::size of live messages
  uint64_t dead_bytes = 0;       // room in the mail file that compaction could win back
  uint64_t notes = 0;            // change notes ever written; note i stands at i % kRingSize
  uint32_t renumbered = 0;       // how often messages got another UID than they had
  uint32_t name_check = 0;       // CRC-32 of the mailbox's name when it was made
  uint32_t keyword_version = 0;  // differs after names were added or replaced
  uint32_t keyword_check = 0;    // CRC-32 of the names as they stand in the file
  uint64_t check = 0;            // over all of the above
};
static_assert(std::is_trivially_copyable_v<IndexHeader> && sizeof(IndexHeader) % 8 == 0);

inline constexpr uint64_t kKeywordsAt = 512;
inline constexpr uint64_t kKeywordSlot = 72;  // a length octet, then the name
inline constexpr uint64_t kRingAt = 5632;
inline constexpr uint64_t kRecordsAt = 14336;
static_assert(sizeof(IndexHeader) <= kKeywordsAt);
static_assert(kKeywordsAt + kMaxKeywords * kKeywordSlot <= kRingAt &&
              kMaxKeywordLength < kKeywordSlot);
static_assert(kRingAt + kRingSize * 8 <= kRecordsAt && kRecordsAt % 512 == 0);

// How long a file of that many records is.
inline uint64_t index_bytes(uint32_t records) {
  return kRecordsAt + uint64_t{records} * sizeof(Record);
}

inline Error index_damaged(const std::string& why) {
  return {ErrorKind::Corrupt, "The mailbox index is damaged", "index: " + why};
}

// Check words keep away from zero, so that a hole in a file is never a valid record.
inline uint32_t record_check(const Record& record) {
  constexpr size_t words = sizeof(Record) / 8, cache = offsetof(Record, cache) / 8;
  static_assert(words == 12 && cache == 10 && offsetof(Record, record_crc) == 92);
  const auto word = [&](size_t i) {
    uint64_t w = 0;
    std::memcpy(&w, reinterpret_cast<const char*>(&record) + i * sizeof w, sizeof w);
    return w;
  };
  const auto pair = [&](size_t i) {
    return fold(word(i) ^ kOdd[i / 2], word(i + 1) ^ kOdd[5 - i / 2]);
  };
  // Products do not wait for each other.
  uint64_t h = 0x646d61696c + pair(0) + pair(2) + pair(4) + pair(6) + pair(8);
  // Without the cache, which is written without the lock, and the check itself.
  h += fold(kOdd[cache / 2], (word(words - 1) & UINT32_MAX) ^ kOdd[5 - cache / 2]);
  h *= kOdd[0];
  const auto folded = static_cast<uint32_t>(h ^ h >> 32);
  return folded == 0 ? 1 : folded;
}

inline uint64_t header_check(const IndexHeader& header) {
  std::array<uint64_t, sizeof(IndexHeader) / 8> words{};
  std::memcpy(words.data(), &header, sizeof header);
  uint64_t h = 0x696e646578;
  for (size_t i = 0; i + 1 < words.size(); ++i) h = mix(h, words[i]);  // all but the check itself
  return h == 0 ? 1 : h;
}

// The `number`th change note as it stands in the ring.
inline uint64_t pack_note(const ChangeNote& note, uint64_t number) {
  const uint64_t places = uint64_t{note.first} | uint64_t{note.last} << 26;
  return places | mix(mix(0x6e6f7465, places), number) >> 52 << 52;
}

}  // namespace dmail::store
