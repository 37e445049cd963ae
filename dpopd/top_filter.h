// What TOP gives of a message (RFC 1939 section 7): the header, the blank line, so many lines of
// the body.  Input comes in pieces cut anywhere.
#pragma once

#include <cstdint>
#include <string_view>

#include "io/byte_sink.h"

namespace dmail::dpopd {

class TopFilter : public ByteSink {
 public:
  TopFilter(ByteSink& to, uint64_t lines) : to_(&to), lines_left_(lines) {}
  void write(std::string_view bytes) override;
  // Whatever else is written does not pass.
  [[nodiscard]] bool full() const { return in_body_ && lines_left_ == 0; }

 private:
  void end_line() {
    if (in_body_)
      --lines_left_;
    else if (line_is_blank_)
      in_body_ = true;
    line_is_blank_ = true;
  }

  ByteSink* to_;
  uint64_t lines_left_;
  bool in_body_ = false;
  bool line_is_blank_ = true;  // nothing but CR in it so far
};

}  // namespace dmail::dpopd
