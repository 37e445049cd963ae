#include "dsmtpd/path.h"

#include <algorithm>

#include "base/ascii.h"
#include "base/text.h"

namespace dmail::dsmtpd {

bool is_atext(char c) {
  return is_alnum(c) || std::string_view("!#$%&'*+-/=?^_`{|}~").find(c) != std::string_view::npos;
}

bool is_dot_string(std::string_view s) {
  return !s.empty() &&
         std::all_of(s.begin(), s.end(), [](char c) { return c == '.' || is_atext(c); });
}

std::string Path::text() const {
  if (is_null()) return {};
  std::string out;
  if (is_dot_string(local)) {
    out = local;
  } else {
    out += '"';
    for (const char c : local) {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
    out += '"';
  }
  if (!domain.empty()) out += concat('@', domain);
  return out;
}

}  // namespace dmail::dsmtpd
