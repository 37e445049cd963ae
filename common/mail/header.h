// RFC 5322 header fields: cutting a header block into fields, unfolding, values.  Views point into
// the input; nothing is copied.  Any bytes are accepted: a line that is no field is skipped by
// `fields` and kept by what sends the header on.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace dmail::mail {

struct Field {
  std::string_view name;   // without blanks and colon
  std::string_view value;  // after the colon, folded as it stands, without the last line end
  std::string_view whole;  // name to line end, continuation lines included
};

// Octets of the header block at the front of `message`, the empty line included; all of it when
// there is no empty line.  Lines may end in CRLF or LF.
size_t header_size(std::string_view message);

// Walks the fields of a header block.
class FieldCursor {
 public:
  explicit FieldCursor(std::string_view header) : rest_(header) {}
  bool next(Field& field);  // false at the end
 private:
  std::string_view rest_;
};

// Value of the first field of that name (case folded); empty view with null data when absent.
std::string_view find_field(std::string_view header, std::string_view name);
// One line: each folding, the blanks around its line end included, becomes one blank; outer blanks
// are trimmed.
std::string unfold(std::string_view value);

}  // namespace dmail::mail
