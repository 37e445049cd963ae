// Any bytes as encoded text: the first line names the charset, the rest is decoded in every way.
#include <cstdint>
#include <cstdlib>

#include "base/utf7.h"
#include "mail/decode.h"
#include "mail/search.h"

using namespace dmail;
using namespace dmail::mail;

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  const size_t line = all.find('\n');
  const std::string_view charset = all.substr(0, line);
  const std::string_view s = line == std::string_view::npos ? all : all.substr(line + 1);
  for (const char* encoding : {"base64", "quoted-printable", "8bit"}) {
    const std::string decoded = decode_transfer(s, encoding);
    require(decoded.size() <= s.size() + 2);
    const std::string text = to_utf8(decoded, charset);
    require(is_utf8(text) && text.size() <= 4 * decoded.size());
    const std::string folded = fold_case(text);
    require(is_utf8(folded) && fold_case(folded) == folded);
  }
  const std::string header = decode_header(all);
  require(is_utf8(header) && header.size() <= 4 * all.size());
  require(header.find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos);
  static_cast<void>(fold_case(all));
  static_cast<void>(TextNeedle(charset).in_header(s));
  return 0;
}
