#include "mail/parameters.h"

#include "base/ascii.h"
#include "mail/header.h"
#include "mail/structure.h"

namespace dmail::mail {

namespace {

bool stops_token(char c) {
  return is_space(c) || c == ';' || c == '/' || c == '=' || c == '(' || c == '"' || c == ',';
}
// Values are often sent bare though they hold "=" or "/".
bool stops_value(char c) { return is_space(c) || c == ';' || c == '"'; }

}  // namespace

ParameterCursor::ParameterCursor(std::string_view value)
    : lexer_(value.substr(0, kMaxEnvelopeField)) {}

bool ParameterCursor::take_type(std::string_view& type, std::string_view& subtype) {
  type = take_token();
  subtype = {};
  if (type.empty() || !lexer_.take('/')) return false;
  subtype = take_token();
  return !subtype.empty();
}

bool ParameterCursor::skip_bare_type(std::string_view field) {
  *this = ParameterCursor(field);
  return !take_token().empty() && at_parameters();
}

std::string_view ParameterCursor::take_token() {
  lexer_.skip_cfws();
  const std::string_view token = lexer_.take_run(stops_token);
  lexer_.skip_cfws();
  return token;
}

// The semicolon before a parameter is often forgotten; what is not followed by "=" is skipped.
bool ParameterCursor::next(std::string_view& name, std::string_view& value) {
  while (count_ < kMaxParameters) {
    while (lexer_.skip_cfws() || lexer_.take(';')) continue;
    if (lexer_.at_end()) return false;
    unquoted_.clear();
    if (lexer_.peek() == '"') {
      lexer_.take_quoted(unquoted_);
      continue;
    }
    name = take_token();
    if (name.empty()) lexer_.skip_one();
    if (name.empty() || !lexer_.take('=')) continue;
    lexer_.skip_cfws();
    if (lexer_.peek() == '"') {
      lexer_.take_quoted(unquoted_);
      value = unquoted_;
    } else {
      value = lexer_.take_run(stops_value);
    }
    ++count_;
    return true;
  }
  return false;
}

void MimeFields::take(std::string_view field) {
  constexpr std::string_view prefix = "content-";
  if (!istarts_with(field, prefix)) return;
  FieldCursor cursor(field);
  Field f;
  if (!cursor.next(f)) return;
  const std::string_view name = f.name.substr(prefix.size());
  std::string_view* slot = iequals(name, "type")                ? &type
                           : iequals(name, "transfer-encoding") ? &encoding
                           : iequals(name, "id")                ? &id
                           : iequals(name, "description")       ? &description
                           : iequals(name, "disposition")       ? &disposition
                           : iequals(name, "md5")               ? &md5
                           : iequals(name, "language")          ? &language
                           : iequals(name, "location")          ? &location
                                                                : nullptr;
  if (slot != nullptr && slot->data() == nullptr) *slot = f.value;
}

MimeFields mime_fields(std::string_view header) {
  MimeFields fields;
  const auto next_line = [header](size_t at) {
    const size_t lf = header.find('\n', at);
    return lf == std::string_view::npos ? header.size() : lf + 1;
  };
  // Most fields are others: their lines are passed over by the first letter.
  for (size_t at = 0; at < header.size();) {
    const bool maybe = header[at] == 'C' || header[at] == 'c';
    size_t end = next_line(at);
    while (maybe && end < header.size() && is_blank(header[end])) end = next_line(end);
    if (maybe) fields.take(header.substr(at, end - at));
    at = end;
  }
  return fields;
}

}  // namespace dmail::mail
