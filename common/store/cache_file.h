// What FETCH asks of a message without reading it (ENVELOPE, BODY, BODYSTRUCTURE as they stand in a
// reply), kept in NAME.cache: entries one after another, only ever appended.  Record::cache says
// where. An entry carries length, check and UID and is believed only when all three are right;
// whatever is wrong is made again from the message.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "io/owned_fd.h"

namespace dmail::store {

inline constexpr size_t kMaxCacheEntry = size_t{1} << 20;  // larger ones are not kept
inline constexpr uint64_t kMaxCacheFile = uint64_t{4} << 30;

struct CacheTexts {
  std::string_view envelope, body, body_structure;
};

// The texts of a message, and their form in the file.  `out` gets an entry appended.
void append_cache_entry(std::string& out, uint32_t uid_validity, uint32_t uid,
                        const CacheTexts& texts);
// Makes the texts of a whole message (CRLF form) and appends its entry.
void make_cache_entry(std::string& out, uint32_t uid_validity, uint32_t uid,
                      std::string_view message);
// The texts of one whole entry in memory; views into it.
bool split_cache_entry(std::string_view entry, CacheTexts& out);

class CacheFile {
 public:
  CacheFile(int directory, std::string name) : directory_(directory), name_(std::move(name)) {}
  // Views are good until the next call.
  bool read(uint64_t place, uint32_t uid_validity, uint32_t uid, CacheTexts& out);
  // The whole entry, for a copy into another mailbox; empty when it is not right.
  std::string_view read_entry(uint64_t place, uint32_t uid_validity, uint32_t uid);
  // Appends whole entries; the place (offset + 1) of the first one.  Waits at most `wait_ms`.
  Result<uint64_t> append(std::string_view entries, int wait_ms);
  [[nodiscard]] size_t memory() const { return buffer_.capacity(); }
  void release_memory();
  [[nodiscard]] uint64_t size() const;  // of the file
  void discard();                       // the next append begins a new file
  // Likewise on a full disk: the room is free at once, whoever has the file open.  False: none was.
  bool give_room();

 private:
  bool open(bool make);
  std::string_view window(uint64_t at, size_t size);
  int directory_;
  std::string name_;
  OwnedFd fd_;
  std::string buffer_;
  uint64_t buffer_at_ = 0;
  size_t window_ = 0;
};

}  // namespace dmail::store
