// Sends lines the way POP3 wants a multi-line reply (RFC 1939 section 3): a line that begins with a
// dot gets another, the end is CRLF dot CRLF.  Input is in CRLF form; a missing last CRLF is added.
#pragma once

#include <limits>
#include <string_view>

#include "io/byte_sink.h"

namespace dmail::dpopd {

class DotWriter : public ByteSink {
 public:
  explicit DotWriter(BufferedWriter& out) : out_(&out) {}
  void write(std::string_view bytes) override;
  void finish();  // the terminating line

 private:
  BufferedWriter* out_;
  bool line_start_ = true;
};

}  // namespace dmail::dpopd
