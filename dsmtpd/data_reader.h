// The text after DATA: finds the one true end (CR LF . CR LF), takes dot-stuffing off, and notices
// what makes a message unacceptable.  RFC 5321 sections 4.1.1.4, 4.5.2, 6.3.
//
// Only CR LF ends a line.  A CR or LF alone, anywhere, marks the message: mail programs disagree
// about it, and that disagreement lets one message carry another.  The end is still found
// correctly, so that the dialogue stays in step for the answer.  NUL and 8-bit bytes pass
// unchanged.
//
// From a sender who `may_send_bare_lf` a LF alone is passed on as CR LF.  It is no line end for
// anything else: no dot behind it is taken off, and none ends the message, so that there is still
// one reading of where a message ends.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace dmail::dsmtpd {

class DataReader {
 public:
  // Consumes bytes up to the end of data at most; returns how many.  Message bytes are appended
  // to `out` until the message is marked or is over `max_size`.
  size_t feed(std::string_view bytes, std::string& out);
  explicit DataReader(uint64_t max_size, bool may_send_bare_lf = false)
      : max_size_(max_size), bare_lf_ok_(may_send_bare_lf) {}

  [[nodiscard]] bool at_end() const { return state_ == State::End; }
  [[nodiscard]] uint64_t size() const { return size_; }  // octets of the message, stuffing off
  [[nodiscard]] bool bare_cr_or_lf() const { return bare_; }
  [[nodiscard]] bool too_large() const { return size_ > max_size_; }
  [[nodiscard]] bool line_too_long() const { return long_line_; }
  [[nodiscard]] size_t hops() const { return hops_; }  // Received fields in the header
  // Of the header, for logs: at most kMaxLoggedId bytes of it, what cannot be printed as '?'.
  [[nodiscard]] const std::string& message_id() const { return message_id_; }
  static constexpr size_t kMaxLoggedId = 200;
  [[nodiscard]] bool acceptable() const { return !bare_ && !too_large() && !long_line_; }

 private:
  enum class State { LineStart, Dot, DotCr, Inside, Cr, End };
  void step(char c, std::string& out);
  void emit(std::string_view bytes, std::string& out);
  void end_line();

  void look_at_field();

  uint64_t max_size_;
  bool bare_lf_ok_;
  State state_ = State::LineStart;
  uint64_t size_ = 0;
  uint64_t line_ = 0;                   // octets of this line so far
  char first_[kMaxLoggedId + 16] = {};  // of this line, while in the header
  bool id_folded_ = false;              // the value of Message-ID is on the next line
  std::string message_id_;
  bool in_header_ = true;
  bool bare_ = false;
  bool long_line_ = false;
  size_t hops_ = 0;
};

}  // namespace dmail::dsmtpd
