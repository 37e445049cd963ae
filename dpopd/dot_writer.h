// Sends lines the way POP3 wants a multi-line reply (RFC 1939 section 3): a line that begins with a
// dot gets another, the end is CRLF dot CRLF.  Input is in CRLF form; a missing last CRLF is added.
#pragma once

#include <string>
#include <string_view>

#include "io/byte_sink.h"

namespace dmail::dpopd {

class DotWriter : public ByteSink {
 public:
  // `title` is the +OK line without its end.  It goes out with the first bytes, so that an error
  // before them can still be the reply.
  DotWriter(BufferedWriter& out, std::string title) : out_(&out), title_(std::move(title)) {}
  void write(std::string_view bytes) override;
  void finish();  // the terminating line
  [[nodiscard]] bool begun() const { return begun_; }

 private:
  void begin();

  BufferedWriter* out_;
  std::string title_;
  bool begun_ = false;
  char before_last_ = '\r';
  char last_ = '\n';
};

}  // namespace dmail::dpopd
