#include "dsmtpd/data_reader.h"

#include <algorithm>
#include <cstring>
#include <utility>

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

// One line of the header, as far as first_ has it.
void DataReader::look_at_field() {
  constexpr std::string_view kReceived = "Received:", kId = "Message-ID:";
  std::string_view line(first_, std::min<size_t>(line_, sizeof first_));
  if (istarts_with(line, kReceived)) ++hops_;
  const bool folded = std::exchange(id_folded_, false) && (line[0] == ' ' || line[0] == '\t');
  if (!message_id_.empty() || !(folded || istarts_with(line, kId))) return;
  if (!folded) line.remove_prefix(kId.size());
  while (!line.empty() && (is_control(line.back()) || line.back() == ' ')) line.remove_suffix(1);
  while (!line.empty() && (is_control(line[0]) || line[0] == ' ')) line.remove_prefix(1);
  for (const char c : line.substr(0, kMaxLoggedId)) message_id_ += is_graph(c) ? c : '?';
  id_folded_ = message_id_.empty();
}

void DataReader::end_line() {
  if (in_header_) {
    if (line_ == 2) in_header_ = false;  // the empty line
    if (in_header_) look_at_field();
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
    if (bare_lf_ok_ && state_ != State::DotCr) {
      // "." and LF: the dot stands for itself.
      if (state_ == State::Dot) emit(".", out);
      emit("\r\n", out);
      end_line();
      state_ = State::Inside;
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
