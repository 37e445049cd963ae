#include "dpopd/dot_writer.h"

namespace dmail::dpopd {

void DotWriter::write(std::string_view bytes) {
  while (!bytes.empty()) {
    if (line_start_ && bytes[0] == '.') out_->write(".");
    // Up to the next line end that a dot follows: the rest goes out in large pieces.
    const size_t at = bytes.find("\n.");
    if (at == std::string_view::npos) {
      out_->write(bytes);
      line_start_ = bytes.back() == '\n';
      return;
    }
    out_->write(bytes.substr(0, at + 1));
    line_start_ = true;
    bytes.remove_prefix(at + 1);
  }
}

void DotWriter::finish() {
  if (!line_start_) out_->write("\r\n");
  out_->write(".\r\n");
}

}  // namespace dmail::dpopd
