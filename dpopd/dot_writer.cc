#include "dpopd/dot_writer.h"

namespace dmail::dpopd {

void DotWriter::begin() {
  if (begun_) return;
  begun_ = true;
  out_->write(title_);
  out_->write("\r\n");
}

void DotWriter::write(std::string_view bytes) {
  begin();
  while (!bytes.empty()) {
    if (last_ == '\n' && bytes[0] == '.') out_->write(".");
    // Up to the next line end that a dot follows: the rest goes out in large pieces.
    const size_t at = bytes.find("\n.");
    const std::string_view piece = bytes.substr(0, at == bytes.npos ? at : at + 1);
    out_->write(piece);
    before_last_ = piece.size() > 1 ? piece[piece.size() - 2] : last_;
    last_ = piece.back();
    bytes.remove_prefix(piece.size());
  }
}

void DotWriter::finish() {
  begin();
  // Text of foreign mail files may end in a bare LF: no client would see an end behind that.
  if (before_last_ != '\r' || last_ != '\n') out_->write("\r\n");
  out_->write(".\r\n");
}

}  // namespace dmail::dpopd
