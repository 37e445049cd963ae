// Any bytes as a message: the part tree nests, every text is made, every part is found.
#include <cstdint>
#include <cstdlib>

#include "mail/header.h"
#include "mail/line_scan.h"
#include "mail/search.h"
#include "mail/structure.h"

using namespace dmail::mail;

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

void check(std::string_view m, const Structure& s) {
  require(!s.parts.empty() && s.parts.size() <= kMaxParts);
  require(s.parts[0].body_start == header_size(m) && s.parts[0].body_end == m.size());
  for (size_t i = 0; i < s.parts.size(); ++i) {
    const Part& p = s.parts[i];
    require(p.header_start <= p.body_start && p.body_start <= p.body_end && p.body_end <= m.size());
    require(p.lines == count_newlines(m.substr(p.body_start, p.body_end - p.body_start)));
    require(p.type != "MULTIPART" || !p.children.empty());
    uint64_t at = p.body_start;
    for (const size_t c : p.children) {
      require(c > i && c < s.parts.size());
      require(s.parts[c].header_start >= at && s.parts[c].body_end <= p.body_end);
      at = s.parts[c].body_end;
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view m(reinterpret_cast<const char*>(data), size);
  const Structure s = parse_structure(m);
  check(m, s);
  const std::string envelope = envelope_text(m.substr(0, s.parts[0].body_start));
  require(envelope.starts_with('(') && envelope.find('\0') == std::string::npos);
  require(body_text(m, s, true).size() >= body_text(m, s, false).size());
  require(find_part(s, {}) == s.parts.data() && find_part(s, {1}) != nullptr);
  const TextNeedle needle(m.substr(0, m.size() < 5 ? m.size() : 5));
  require(!needle.in_body(m, s) || needle.in_text(m, s));
  static_cast<void>(TextNeedle("привет").in_text(m, s));
  return 0;
}
