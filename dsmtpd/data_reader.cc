#include "dsmtpd/data_reader.h"

#include <algorithm>
#include <cstring>

#include "base/ascii.h"
#include "dsmtpd/limits.h"

namespace dmail::dsmtpd {

void DataReader::emit(std::string_view bytes, std::string& out) {
  if (in_header_ && line_ < sizeof first_) {
    const size_t n = std::min<size_t>(bytes.size(), sizeof first_ - line_);
    std::memcpy(first_ + line_, bytes.data(), n);
  }
  size_ += bytes.size();
  line_ += bytes.size();
  if (line_ > kMaxTextLine + 2) long_line_ = true;
  if (acceptable()) out.append(bytes);
}

void DataReader::end_line() {
  if (in_header_) {
    if (line_ == 2) in_header_ = false;  // the empty line
    if (line_ >= sizeof first_ && iequals({first_, sizeof first_}, "Received:")) ++hops_;
  }
  line_ = 0;
  state_ = State::LineStart;
}

void DataReader::step(char c, std::string& out) {
  const bool after_cr = state_ == State::Cr || state_ == State::DotCr;
  if (c == '\n') {
    if (state_ == State::DotCr) {
      state_ = State::End;
      return;
    }
    if (state_ == State::Cr) {
      emit("\r\n", out);
      end_line();
      return;
    }
    bare_ = true;
    state_ = State::Inside;
    return;
  }
  if (after_cr) bare_ = true;  // the CR was alone
  if (c == '\r') {
    state_ = state_ == State::Dot ? State::DotCr : State::Cr;
    return;
  }
  if (c == '.' && state_ == State::LineStart) {
    state_ = State::Dot;
    return;
  }
  emit({&c, 1}, out);
  state_ = State::Inside;
}

size_t DataReader::feed(std::string_view bytes, std::string& out) {
  size_t at = 0;
  while (at < bytes.size() && state_ != State::End) {
    const std::string_view rest = bytes.substr(at);
    // Inside a line everything up to the next CR or LF is text.
    if (state_ == State::Inside || (state_ == State::LineStart && rest[0] != '.')) {
      const void* lf = std::memchr(rest.data(), '\n', rest.size());
      size_t end = lf == nullptr ? rest.size()
                                 : static_cast<size_t>(static_cast<const char*>(lf) - rest.data());
      const void* cr = std::memchr(rest.data(), '\r', end);
      if (cr != nullptr) end = static_cast<size_t>(static_cast<const char*>(cr) - rest.data());
      if (end > 0) {
        emit(rest.substr(0, end), out);
        state_ = State::Inside;
        at += end;
        continue;
      }
    }
    step(bytes[at++], out);
  }
  return at;
}

}  // namespace dmail::dsmtpd
