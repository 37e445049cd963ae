#include "mail/search.h"

#include "base/ascii.h"
#include "mail/address.h"
#include "mail/decode.h"
#include "mail/header.h"
#include "mail/lexer.h"

namespace dmail::mail {

namespace {

// All but the last letter of a needle in ASCII: what stands before a letter with marks.
std::string stem_of(std::string_view folded) {
  return std::string(folded.substr(0, folded.empty() ? 0 : folded.size() - 1));
}

}  // namespace

TextNeedle::TextNeedle(std::string_view utf8)
    : folded_(fold_case(utf8)),
      ascii_(!has_8bit(folded_)),
      ends_in_letter_(ascii_ && !folded_.empty() && is_alpha(folded_.back())),
      finder_(folded_),
      stem_(stem_of(folded_)) {}

// A needle in ASCII sees the text as it is: what is not ASCII becomes so by folding only where a
// letter has marks, and there the needle must end.  Text that is all ASCII has none.
TextNeedle::Seen TextNeedle::look(std::string_view text) const {
  bool text_has_8bit = false;
  if (finder_.in(text, text_has_8bit)) return Seen::Yes;
  return text_has_8bit && ends_in_letter_ && stem_.in(text) ? Seen::MaybeAtMarks : Seen::No;
}

bool TextNeedle::in_utf8(std::string_view text) const {
  if (ascii_) {
    const Seen seen = look(text);
    return seen == Seen::Yes || (seen == Seen::MaybeAtMarks && finder_.in(fold_case(text)));
  }
  return has_8bit(text) && finder_.in(fold_case(text));
}

bool TextNeedle::in_header(std::string_view value) const {
  const bool coded = value.find("=?") != std::string_view::npos;
  const bool folded = value.find('\n') != std::string_view::npos;
  if (!coded && !folded) return in_utf8(value);
  return in_utf8(coded ? decode_header(value) : unfold(value));
}

bool TextNeedle::in_addresses(std::string_view value) const {
  // What has neither comments, quotes nor blanks at odd places reads as it stands.
  if (value.find_first_of("(\"\\") == value.npos && value.find(" @") == value.npos &&
      value.find("@ ") == value.npos && value.find("< ") == value.npos)
    return in_header(value);
  value = value.substr(0, kMaxEnvelopeField);
  Lexer lexer(value);
  AddressCursor cursor(lexer);
  Address address;
  for (size_t n = 0; n < kMaxAddresses && cursor.next(address); ++n) {
    std::string text = decode_header(address.name);
    if (address.kind == Address::Kind::Mailbox) {
      if (!text.empty()) text += ' ';
      text.append("<").append(address.mailbox).append("@").append(address.host).append(">");
    }
    // A group's name is in the place of the mailbox.
    if (address.kind == Address::Kind::GroupStart) text = decode_header(address.mailbox);
    if (in_utf8(text)) return true;
  }
  return folded_.empty();
}

// A whole header block: as it stands, then the fields that read differently.
bool TextNeedle::in_block(std::string_view header) const {
  if (in_utf8(header)) return true;
  FieldCursor cursor(header);
  Field field;
  while (cursor.next(field)) {
    const bool coded = field.value.find("=?") != std::string_view::npos;
    const bool folded = field.value.find('\n') != std::string_view::npos;
    if ((coded || folded) && in_header(field.whole)) return true;
  }
  return false;
}

bool TextNeedle::in_content(std::string_view body, const Part& part) const {
  if (part.encoding == "BASE64") return in_octets(decode_base64(body), part.charset);
  if (part.encoding == "QUOTED-PRINTABLE")
    return in_octets(decode_quoted_printable(body), part.charset);
  return in_octets(body, part.charset);
}

// Text is converted only when it must be.
bool TextNeedle::in_octets(std::string_view text, std::string_view charset) const {
  const CharsetShape shape = charset_shape(charset);
  if (shape != CharsetShape::Shifted) {
    const Seen seen = ascii_ ? look(text) : has_8bit(text) ? Seen::MaybeAtMarks : Seen::No;
    if (seen == Seen::No) return false;
    if (seen == Seen::Yes && shape == CharsetShape::Plain) return true;
  }
  return finder_.in(fold_case(to_utf8(text, charset)));
}

bool TextNeedle::in_parts(std::string_view message, const Structure& structure,
                          bool part_headers) const {
  const auto piece = [message](uint64_t from, uint64_t to) {
    return message.substr(from, to - from);
  };
  std::vector<bool> enclosed(structure.parts.size());
  for (size_t i = 0; i < structure.parts.size(); ++i) {
    const Part& part = structure.parts[i];
    const bool message_part = part.type == "MESSAGE";
    if (message_part && !part.children.empty()) enclosed[part.children.front()] = true;
    if ((part_headers || enclosed[i]) && in_block(piece(part.header_start, part.body_start)))
      return true;
    if (!part.children.empty() || (part.type != "TEXT" && !message_part)) continue;
    if (in_content(piece(part.body_start, part.body_end), part)) return true;
  }
  return false;
}

bool TextNeedle::in_body(std::string_view message, const Structure& structure) const {
  return in_parts(message, structure, false);
}

bool TextNeedle::in_text(std::string_view message, const Structure& structure) const {
  return in_parts(message, structure, true);
}

}  // namespace dmail::mail
