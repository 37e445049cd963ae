#include "io/byte_sink.h"

namespace dmail {

void BufferedWriter::flush() {
  if (buffer_.empty()) return;
  stream_->write(buffer_, Deadline::in_ms(stuck_ms_));
  octets_ += buffer_.size();
  buffer_.clear();
  // An idle session keeps a small buffer only.
  if (buffer_.capacity() > 2 * kFlushAt) buffer_.shrink_to_fit();
}

}  // namespace dmail
