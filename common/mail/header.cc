#include "mail/header.h"

#include <cstring>

#include "base/ascii.h"

namespace dmail::mail {

namespace {

// Octets up to and including the first LF; all of `s` when there is none.
size_t line_size(std::string_view s) {
  const void* lf = s.empty() ? nullptr : std::memchr(s.data(), '\n', s.size());
  return lf == nullptr ? s.size()
                       : static_cast<size_t>(static_cast<const char*>(lf) - s.data()) + 1;
}

bool at_empty_line(std::string_view s) { return s.starts_with('\n') || s.starts_with("\r\n"); }

std::string_view without_line_end(std::string_view s) {
  if (s.ends_with('\n')) s.remove_suffix(1);
  if (s.ends_with('\r')) s.remove_suffix(1);
  return s;
}

// Length of the field name at the front of `line`, 0 when the line is no field; `colon` becomes
// the place of the colon (obsolete syntax has blanks before it).
size_t name_size(std::string_view line, size_t& colon) {
  size_t n = 0;
  while (n < line.size() && is_graph(line[n]) && line[n] != ':') ++n;
  colon = n;
  while (colon < line.size() && is_blank(line[colon])) ++colon;
  return colon < line.size() && line[colon] == ':' ? n : 0;
}

}  // namespace

size_t header_size(std::string_view message) {
  size_t at = 0;
  while (at < message.size()) {
    const std::string_view rest = message.substr(at);
    if (at_empty_line(rest)) return at + (rest[0] == '\n' ? 1 : 2);
    at += line_size(rest);
  }
  return message.size();
}

bool FieldCursor::next(Field& field) {
  while (!rest_.empty() && !at_empty_line(rest_)) {
    size_t size = line_size(rest_);
    while (size < rest_.size() && is_blank(rest_[size])) size += line_size(rest_.substr(size));
    field.whole = rest_.substr(0, size);
    rest_.remove_prefix(size);
    size_t colon = 0;
    const size_t name = name_size(field.whole, colon);
    if (name == 0) continue;
    field.name = field.whole.substr(0, name);
    field.value = without_line_end(field.whole.substr(colon + 1));
    return true;
  }
  rest_ = {};
  return false;
}

std::string_view find_field(std::string_view header, std::string_view name) {
  FieldCursor cursor(header);
  Field field;
  while (cursor.next(field))
    if (iequals(field.name, name)) return field.value;
  return {};
}

std::string unfold(std::string_view value) {
  std::string out;
  out.reserve(value.size());
  while (!value.empty()) {
    const size_t size = line_size(value);
    std::string_view line = value.substr(0, size);
    value.remove_prefix(size);
    if (line.ends_with('\n')) line = without_line_end(line);
    while (!line.empty() && is_blank(line.front())) line.remove_prefix(1);
    while (!line.empty() && is_blank(line.back())) line.remove_suffix(1);
    if (!out.empty() && !line.empty()) out += ' ';
    out += line;
  }
  return out;
}

}  // namespace dmail::mail
