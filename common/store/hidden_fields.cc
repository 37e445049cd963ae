#include "store/hidden_fields.h"

#include <algorithm>

#include "base/ascii.h"

namespace dmail::store {
namespace {

constexpr std::string_view kHidden[] = {"Status:", "X-Status:",   "X-Keywords:",     "X-UID:",
                                        "X-IMAP:", "X-IMAPbase:", "Content-Length:", "Lines:"};
constexpr std::string_view kMark = "X-DMail: 1 ";

// Calls `each(line with its end, hidden)` for the lines of the header at the front of `text`.
template <typename Each>
void walk(std::string_view text, Each each) {
  std::string_view rest = text.substr(0, kMaxHiddenHeader);
  bool hidden = false;
  for (bool first = true;; first = false) {
    const size_t end = rest.find('\n');
    if (end == rest.npos) return;
    std::string_view line = rest.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) return;
    if (!is_continuation(line)) hidden = is_hidden_field(line) || (first && is_block_mark(line));
    each(rest.substr(0, end + 1), hidden);
    rest.remove_prefix(end + 1);
  }
}

}  // namespace

bool is_hidden_field(std::string_view line) {
  if (line.empty()) return false;
  switch (line[0] | 0x20) {
    case 's':
    case 'x':
    case 'c':
    case 'l':
      break;
    default:
      return false;
  }
  return std::any_of(std::begin(kHidden), std::end(kHidden),
                     [&](std::string_view name) { return istarts_with(line, name); });
}

bool is_block_mark(std::string_view line) { return line.starts_with(kMark); }

HiddenLines hidden_lines(std::string_view header) {
  HiddenLines found;
  walk(header, [&](std::string_view line, bool hidden) {
    if (!hidden) return;
    found.bytes += line.size();
    ++found.lines;
    found.crlf += line.ends_with("\r\n");
  });
  return found;
}

void take_out_hidden(std::string& text) {
  size_t to = 0, from = 0;
  walk(text, [&](std::string_view line, bool hidden) {
    if (!hidden && to != from)
      std::copy(text.begin() + static_cast<std::ptrdiff_t>(from),
                text.begin() + static_cast<std::ptrdiff_t>(from + line.size()),
                text.begin() + static_cast<std::ptrdiff_t>(to));
    if (!hidden) to += line.size();
    from += line.size();
  });
  text.erase(to, from - to);
}

}  // namespace dmail::store
