// Turns the text of a message into the bytes a mail file keeps.  Line ends may arrive as CRLF or
// bare LF and are equal; a CR elsewhere, NULs and all other bytes stay.  A last line without an end
// gets one.
//   Crlf      lines end in CRLF (mbx)
//   QuotedLf  lines end in LF, and a line matching ^>*From (space) gets one '>' in front (mboxrd),
//   so
//             that no line of the text can be taken for the start of a message
// Nothing is held but the few bytes whose meaning the next piece decides.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace dmail::store {

class TextEncoder {
 public:
  enum class Form { Crlf, QuotedLf };
  explicit TextEncoder(Form form) : form_(form) {}

  void feed(std::string_view piece, std::string& out);
  void finish(std::string& out);
  // As readers will get it, complete after finish().
  [[nodiscard]] uint64_t size() const { return size_; }
  [[nodiscard]] uint64_t header_size() const { return header_size_ == 0 ? size_ : header_size_; }

 private:
  // Where in a line we are: in the run of '>' at its start, in what may be "From ", or further on.
  enum class Place { Start, From, Inside };
  void start_of_line(std::string_view& line, std::string& out);
  void put(std::string_view bytes, std::string& out);
  void end_line(std::string& out);

  Form form_;
  Place place_ = Place::Start;
  size_t matched_ = 0;    // octets of "From " seen and held back
  bool held_cr_ = false;  // a CR that may belong to a CRLF
  bool line_empty_ = true;
  uint64_t size_ = 0;
  uint64_t header_size_ = 0;
};

}  // namespace dmail::store
