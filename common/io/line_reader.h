// Buffered input from a Stream: bounded lines and counted bytes.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/wipe.h"
#include "io/stream.h"

namespace dmail {

class LineReader {
 public:
  enum class Line { Ok, TooLong, End };

  explicit LineReader(Stream& stream) : stream_(&stream) {}
  // Bytes that another process read before us come first.
  void preload(std::string_view bytes) {
    buffer_.append(bytes);
    octets_ += bytes.size();
  }
  [[nodiscard]] uint64_t octets() const { return octets_; }  // had from the peer

  // Reads up to and including LF.  `line` gets it without LF; `ended_crlf()` says whether CR stood
  // before it (then that is removed, too).  TooLong: the line has over `max` bytes; it is thrown
  // away as it arrives and `line` holds its first `max` bytes.  End: end of input (a partial line
  // is lost).
  Line read_line(std::string& line, size_t max, Deadline deadline);
  [[nodiscard]] bool ended_crlf() const { return ended_crlf_; }

  // One or more, at most `max` bytes, as a view that is good until the next call; empty at the end
  // of input.
  std::string_view read_some(size_t max, Deadline deadline);
  // Puts the last `count` bytes that read_some returned back.
  void unread(size_t count) { at_ -= count; }

  // What was read from the stream and not yet asked for.
  [[nodiscard]] std::string_view buffered() const { return std::string_view(buffer_).substr(at_); }
  // Wiped, with what was asked for and still stands there.
  void discard_buffered() {
    wipe(buffer_);
    at_ = 0;
  }
  // Overwrites what was asked for already: it held a password.
  void forget_used() { std::fill_n(buffer_.begin(), at_, '\0'); }
  // Gives the buffer's memory back when it is empty: for sessions that wait long.
  void release_memory() {
    if (at_ < buffer_.size()) return;
    std::string().swap(buffer_);
    at_ = 0;
  }
  [[nodiscard]] bool ready() const { return at_ < buffer_.size() || stream_->pending(); }
  Stream& stream() { return *stream_; }
  void set_stream(Stream& stream) {
    stream_ = &stream;
  }  // after STARTTLS; the buffer must be empty

 private:
  bool fill(Deadline deadline);
  Stream* stream_;
  std::string buffer_;
  size_t at_ = 0;
  uint64_t octets_ = 0;
  bool ended_crlf_ = false;
};

}  // namespace dmail
