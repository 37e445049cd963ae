// Reads message texts for a session while others append, rewrite and compact the same mail file.
//
// No lock is held while reading: a piece read is right when neither the index's layout counter
// moved nor the mail file differed from what the index knows of it; otherwise the reader waits for
// the writer with a shared lock, checks the start of the message, and reads again.
//
// Memory: one buffer, at most kWindow between calls unless the last message was larger; a buffer
// over kKeep is given back by the next call.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "io/byte_sink.h"
#include "store/box.h"

namespace dmail::store {

class MessageText {
 public:
  static constexpr size_t kWindow = 256 * 1024;
  static constexpr size_t kFirstWindow = 8 * 1024;
  static constexpr size_t kKeep = size_t{1} << 20;
  // Finds the record of the message wanted in the index as it is now.
  using Locate = std::function<Status(Record&)>;

  explicit MessageText(Box& box) : box_(&box) {}
  // The first `want` octets (whole: npos).  Good until the next call.
  Result<std::string_view> read(const Locate& locate, size_t want = std::string_view::npos);
  Result<std::string_view> read_header(const Locate& locate);
  Status send(const Locate& locate, uint64_t offset, uint64_t length, ByteSink& sink);
  [[nodiscard]] size_t memory() const { return buffer_.capacity(); }
  void release_memory();  // for a session that rests

 private:
  Result<std::string_view> take(const Record& r, uint64_t want);
  Result<std::string_view> take_mbx(const Record& r, uint64_t want);
  Result<std::string_view> take_converted(const Record& r, uint64_t want);
  Status stable(const Locate& locate, const std::function<Status(const Record&)>& use);

  Box* box_;
  std::string buffer_;  // mbx: bytes of the file from buffer_at_; mbox: one converted text
  uint64_t buffer_at_ = 0;
  uint64_t buffer_generation_ = 0;
  uint32_t buffer_layout_ = 1;  // odd: the buffer holds nothing usable
  size_t window_ = kFirstWindow;
  uint64_t next_offset_ = 0;  // where a walk through the mailbox would go on
};

}  // namespace dmail::store
