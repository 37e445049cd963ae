#include "dpopd/top_filter.h"

namespace dmail::dpopd {

void TopFilter::write(std::string_view bytes) {
  size_t take = 0;
  while (!full() && take < bytes.size()) {
    const size_t lf = bytes.find('\n', take);
    const size_t end = lf == bytes.npos ? bytes.size() : lf;
    const std::string_view line = bytes.substr(take, end - take);
    if (!line.empty() && line != "\r") line_is_blank_ = false;
    take = end;
    if (lf == bytes.npos) break;
    ++take;
    end_line();
  }
  if (take > 0) to_->write(bytes.substr(0, take));
}

}  // namespace dmail::dpopd
