// Does a text occur in a message?  For the string keys of IMAP SEARCH (RFC 3501 section 6.4.4):
// substring, case folded, over decoded text.
//
// Searched are text/* and unstructured message/* parts after transfer decoding and charset
// conversion, and the headers of enclosed messages with encoded words decoded.  Not searched are
// other types, what stands between parts, and, for bodies, MIME part headers.  A needle in ASCII
// needs no conversion of charsets in which ASCII is ASCII, and looks at parts without transfer
// encoding in place.  Cost is
// linear in the message for needles as people type them, |needle| times that at worst: the caller
// limits the needle.
#pragma once

#include <string>
#include <string_view>

#include "mail/ascii_find.h"
#include "mail/structure.h"

namespace dmail::mail {

class TextNeedle {
 public:
  explicit TextNeedle(std::string_view utf8);

  // In one header value as it stands in a message, folded and encoded (HEADER, SUBJECT, FROM ...).
  // The empty needle is in every value.
  [[nodiscard]] bool in_header(std::string_view value) const;
  // In the addresses of such a field, each written as `name <mailbox@host>`, without the comments
  // and quotes that stand between.
  [[nodiscard]] bool in_addresses(std::string_view value) const;
  [[nodiscard]] bool in_body(std::string_view message, const Structure& structure) const;  // BODY
  [[nodiscard]] bool in_text(std::string_view message, const Structure& structure) const;  // TEXT

 private:
  [[nodiscard]] bool in_utf8(std::string_view text) const;
  [[nodiscard]] bool in_block(std::string_view header) const;
  [[nodiscard]] bool in_content(std::string_view body, const Part& part) const;
  [[nodiscard]] bool in_octets(std::string_view text, std::string_view charset) const;
  enum class Seen { No, Yes, MaybeAtMarks };  // MaybeAtMarks: only the folded text tells
  [[nodiscard]] Seen look(std::string_view text) const;
  [[nodiscard]] bool in_parts(std::string_view message, const Structure& structure,
                              bool part_headers) const;

  std::string folded_;
  bool ascii_;
  bool ends_in_letter_;
  AsciiFinder finder_;  // of folded_
  AsciiFinder stem_;    // of all but its last letter
};

}  // namespace dmail::mail
