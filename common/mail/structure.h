// What clients ask of a message without reading it: envelope and body structure, as the text of
// RFC 3501 section 7.4.2 (the one serial form everybody needs), plus the part tree with offsets.
//
// Input is the whole message in CRLF form in memory.  Limits: kMaxParts parts, kMaxDepth levels,
// header blocks and parameters bounded as named below; what is over a limit is treated as opaque
// text, never as an error.  Time and memory are linear in the message.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace dmail::mail {

inline constexpr size_t kMaxParts = 10000;
inline constexpr size_t kMaxDepth = 100;
inline constexpr size_t kMaxParameters = 128;         // of one Content-Type or Content-Disposition
inline constexpr size_t kMaxAddresses = 10000;        // of one header field, in an envelope
inline constexpr size_t kMaxBoundary = 4096;          // octets; a longer one is taken for none
inline constexpr size_t kMaxEnvelopeField = 1 << 20;  // octets of one field taken into an envelope

// One MIME part.  Offsets are octets from the start of the message, CRLF form.
struct Part {
  std::string type, subtype;  // upper case, as sent: "TEXT", "PLAIN"
  uint64_t header_start = 0;  // of the part's MIME header (0 for the top)
  uint64_t body_start = 0;    // first octet after the blank line
  uint64_t body_end = 0;      // one past the last octet of the body
  uint64_t lines = 0;         // CRLFs in the body
  std::string encoding;       // upper case content-transfer-encoding, "7BIT" by default
  std::string charset;        // as written, may be empty
  // Indexes into Structure::parts.  A message/rfc822 has one: the enclosed message, whose
  // header_start is the body_start of this.  A multipart has at least one: an empty text part when
  // none was found.
  std::vector<size_t> children;
  // Over a limit, or a message/rfc822 that is sent encoded: type and subtype are APPLICATION and
  // OCTET-STREAM, whatever the header says, and nothing inside is looked at.
  bool opaque = false;
};

struct Structure {
  std::vector<Part> parts;  // [0] is the message itself
};

Structure parse_structure(std::string_view message);

// Texts as they stand after "ENVELOPE ", "BODY " and "BODYSTRUCTURE " in a FETCH reply: strings are
// quoted or literals, never bare; 8-bit bytes are allowed in literals only.
std::string envelope_text(std::string_view header);
std::string body_text(std::string_view message, const Structure& structure, bool extensible);

// Resolves an IMAP section number ("1.2"): parts are numbered as in RFC 3501 section 6.4.5.  Null
// when there is no such part.  An empty path is the message itself.
const Part* find_part(const Structure& structure, const std::vector<uint32_t>& path);

}  // namespace dmail::mail
