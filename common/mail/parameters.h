// Values of Content-Type and Content-Disposition (RFC 2045 section 5.1, RFC 2183): a first value
// and parameters.  Parameters of RFC 2231 (name*0*=...) are passed as they stand.
#pragma once

#include <string>
#include <string_view>

#include "mail/lexer.h"

namespace dmail::mail {

// Walks the parameters; at most kMaxParameters of them, what follows is not looked at.
class ParameterCursor {
 public:
  // "type/subtype" of a Content-Type; false (and empty views) when it is none.
  bool take_type(std::string_view& type, std::string_view& subtype);
  // Behind a type without a subtype, from the beginning of `field`; false when it is none.
  bool skip_bare_type(std::string_view field);
  // The one token of a Content-Disposition.
  std::string_view take_token();
  // After these: at the end or a semicolon, so that the token was all there was.
  [[nodiscard]] bool at_parameters() const { return lexer_.at_end() || lexer_.peek() == ';'; }

  explicit ParameterCursor(std::string_view value);
  // `value` is valid until the next call.  Parameters without a name or "=" are skipped.
  bool next(std::string_view& name, std::string_view& value);

 private:
  Lexer lexer_;
  std::string unquoted_;
  size_t count_ = 0;
};

// The MIME fields of one header block, folded as they stand; null views when absent.
struct MimeFields {
  std::string_view type, encoding, id, description, disposition, md5, language, location;
  // Takes the field at the front of `line` (continuation lines included) if it is one of these and
  // the first of its name.
  void take(std::string_view field);
};
// All of them in a header block.
MimeFields mime_fields(std::string_view header);

}  // namespace dmail::mail
