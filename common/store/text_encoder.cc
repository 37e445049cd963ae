#include "store/text_encoder.h"

namespace dmail::store {
namespace {
constexpr std::string_view kFrom = "From ";
}

void TextEncoder::put(std::string_view bytes, std::string& out) {
  if (bytes.empty()) return;
  out.append(bytes);
  size_ += bytes.size();
  line_empty_ = false;
}

void TextEncoder::end_line(std::string& out) {
  out.append(form_ == Form::Crlf ? "\r\n" : "\n");
  size_ += 2;
  if (line_empty_ && header_size_ == 0) header_size_ = size_;
  line_empty_ = true;
  place_ = Place::Start;
  matched_ = 0;
}

// Passes over what decides about quoting; holds an undecided "Fro" back.
void TextEncoder::start_of_line(std::string_view& line, std::string& out) {
  if (place_ == Place::Start) {
    size_t n = line.find_first_not_of('>');
    if (n == line.npos) n = line.size();
    put(line.substr(0, n), out);
    line.remove_prefix(n);
    if (!line.empty()) place_ = Place::From;
  }
  if (place_ == Place::From) {
    while (!line.empty() && matched_ < kFrom.size() && line[0] == kFrom[matched_]) {
      line.remove_prefix(1);
      ++matched_;
    }
    if (matched_ < kFrom.size() && line.empty()) return;
    if (matched_ == kFrom.size()) out.push_back('>');
    place_ = Place::Inside;
    put(kFrom.substr(0, matched_), out);
  }
}

void TextEncoder::feed(std::string_view piece, std::string& out) {
  while (!piece.empty()) {
    const size_t end = piece.find('\n');
    std::string_view line = piece.substr(0, end);
    piece.remove_prefix(end == piece.npos ? piece.size() : end + 1);
    bool cr = false;  // the line's last byte is a CR
    if (line.empty()) {
      cr = held_cr_;
      held_cr_ = false;
    } else {
      if (held_cr_) {
        if (form_ == Form::QuotedLf && place_ != Place::Inside) {
          std::string_view held = "\r";
          start_of_line(held, out);
          put(held, out);
        } else {
          put("\r", out);
        }
        held_cr_ = false;
      }
      cr = line.back() == '\r';
      if (cr) line.remove_suffix(1);
      if (form_ == Form::QuotedLf && place_ != Place::Inside) start_of_line(line, out);
      put(line, out);
    }
    if (end == std::string_view::npos) {
      held_cr_ = cr;
      return;
    }
    if (place_ == Place::From) put(kFrom.substr(0, matched_), out);
    end_line(out);
  }
}

void TextEncoder::finish(std::string& out) {
  if (place_ == Place::From) put(kFrom.substr(0, matched_), out);
  if (held_cr_) put("\r", out);
  held_cr_ = false;
  if (!line_empty_) end_line(out);
}

}  // namespace dmail::store
