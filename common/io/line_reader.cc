#include "io/line_reader.h"

#include <string.h>

#include <algorithm>

namespace dmail {
namespace {
constexpr size_t kChunk = 16384;
}

bool LineReader::fill(Deadline deadline) {
  if (at_ == buffer_.size()) {
    buffer_.clear();
    at_ = 0;
  } else if (at_ >= kChunk) {
    buffer_.erase(0, at_);
    at_ = 0;
  }
  // A small stack window keeps an idle session's heap small.
  char window[kChunk];
  const size_t n = stream_->read(window, deadline);
  buffer_.append(window, n);
  octets_ += n;
  ::explicit_bzero(window, n);  // it may hold a password, and our caller wipes what he was given
  return n > 0;
}

LineReader::Line LineReader::read_line(std::string& line, size_t max, Deadline deadline) {
  line.clear();
  ended_crlf_ = false;
  bool too_long = false;
  for (;;) {
    const size_t lf = buffer_.find('\n', at_);
    const size_t end = lf == std::string::npos ? buffer_.size() : lf;
    const size_t room = max + 1 - std::min(line.size(), max + 1);  // one more for the CR
    const size_t take = std::min(end - at_, room);
    line.append(buffer_, at_, take);
    if (take < end - at_) too_long = true;
    if (lf != std::string::npos) {
      at_ = lf + 1;
      if (!too_long && !line.empty() && line.back() == '\r') {
        line.pop_back();
        ended_crlf_ = true;
      }
      if (line.size() > max) {
        line.resize(max);
        too_long = true;
      }
      return too_long ? Line::TooLong : Line::Ok;
    }
    at_ = end;
    if (!fill(deadline)) return Line::End;
  }
}

std::string_view LineReader::read_some(size_t max, Deadline deadline) {
  if (at_ == buffer_.size() && !fill(deadline)) return {};
  const std::string_view view = std::string_view(buffer_).substr(at_, max);
  at_ += view.size();
  return view;
}

}  // namespace dmail
