// Where bytes go.  BufferedWriter collects replies so that they leave in large writes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "io/stream.h"

namespace dmail {

class ByteSink {
 public:
  virtual ~ByteSink() = default;
  virtual void write(std::string_view bytes) = 0;
};

class StringSink : public ByteSink {
 public:
  explicit StringSink(std::string& out) : out_(&out) {}
  void write(std::string_view bytes) override { out_->append(bytes); }

 private:
  std::string* out_;
};

class BufferedWriter : public ByteSink {
 public:
  static constexpr size_t kFlushAt = 64 * 1024;
  // `stuck_ms`: how long one flush may wait for a peer that does not read.
  BufferedWriter(Stream& stream, int stuck_ms) : stream_(&stream), stuck_ms_(stuck_ms) {}
  void write(std::string_view bytes) override {
    if (bytes.size() >= kFlushAt) {
      flush();
      stream_->write(bytes, Deadline::in_ms(stuck_ms_));
      octets_ += bytes.size();
      return;
    }
    buffer_.append(bytes);
    if (buffer_.size() >= kFlushAt) flush();
  }
  // The buffer itself, for code that formats in place; call flush_if_full() after.
  std::string& buffer() { return buffer_; }
  void flush_if_full() {
    if (buffer_.size() >= kFlushAt) flush();
  }
  void flush();
  void set_stream(Stream& stream) { stream_ = &stream; }
  [[nodiscard]] uint64_t octets() const { return octets_; }  // given to the peer

 private:
  Stream* stream_;
  int stuck_ms_;
  std::string buffer_;
  uint64_t octets_ = 0;
};

}  // namespace dmail
