#include "store/mbox_state.h"

#include <cassert>

#include "base/ascii.h"
#include "base/number.h"
#include "base/text.h"
#include "store/record.h"

namespace dmail::store {
namespace {

// What may stand where: 9 a digit, 8 a digit or blank, ~ a sign, \1 to \6 that letter of kLetters
// or a blank; anything else itself.
constexpr std::string_view kShape =
    "X-DMail: 1 ~9999 size=9999999999\n"
    "X-IMAPbase: 8888888888 8888888888\n"
    "X-UID: 9999999999\n"
    "Status: \001\002\n"
    "X-Status: \003\004\005\006\n"
    "X-Keywords: ";
static_assert(kShape.size() == kStateFixed);
constexpr std::string_view kLetters = "ROAFTD";
constexpr size_t kSeenAt = 93, kStatusAt = 106;
static_assert(kShape[kSeenAt] == '\001' && kShape[kStatusAt] == '\003');

constexpr bool fits(char shape, char c) {
  switch (shape) {
    case '9':
      return is_digit(c);
    case '8':
      return is_digit(c) || c == ' ';
    case '~':
      return c == '+' || c == '-';
    default:
      if (shape >= '\001' && shape <= '\006')
        return c == ' ' || c == kLetters[static_cast<size_t>(shape - 1)];
      return c == shape;
  }
}

// Octets at the front of `bytes` that fit;
size_t fitting(std::string_view bytes) {
  size_t i = 0;
  while (i < bytes.size() && i < kShape.size() && fits(kShape[i], bytes[i])) ++i;
  return i;
}

constexpr std::pair<size_t, uint32_t> kMarks[] = {{kSeenAt, kSeen},
                                                  {kStatusAt, kAnswered},
                                                  {kStatusAt + 1, kFlagged},
                                                  {kStatusAt + 2, kDraft},
                                                  {kStatusAt + 3, kDeleted}};

bool is_keyword_octet(char c) { return c == ' ' || is_graph(c); }

uint32_t number(std::string_view s) { return parse_u32(s).value_or(0); }

}  // namespace

std::optional<MboxState> parse_mbox_state(std::string_view bytes) {
  if (bytes.size() <= kStateFixed || fitting(bytes) != kStateFixed) return std::nullopt;
  const size_t end = bytes.substr(0, kStateFixed + kMboxMaxKeywordRoom + 1).find('\n', kStateFixed);
  if (end == bytes.npos || end < kStateFixed + kMboxKeywordRoom) return std::nullopt;
  MboxState s;
  s.keywords = bytes.substr(kStateFixed, end - kStateFixed);
  for (char c : s.keywords)
    if (!is_keyword_octet(c)) return std::nullopt;
  s.length = end + 1;
  s.size = *parse_u64(bytes.substr(kStateSizeAt, 10));
  s.zone_minutes = block_zone(bytes);
  s.uid_validity = number(bytes.substr(kStateBaseAt, 10));
  s.last_uid = number(bytes.substr(kStateBaseAt + 11, 10));
  s.uid = number(bytes.substr(kStateUidAt + 7, 10));
  for (const auto& [at, flag] : kMarks)
    if (bytes[at] != ' ') s.flags |= flag;
  s.old = bytes[kSeenAt + 1] != ' ';
  return s;
}

int block_zone(std::string_view bytes) {
  if (bytes.size() < kStateZoneAt + 5) return 0;
  const unsigned zone = number(bytes.substr(kStateZoneAt + 1, 4));
  const int minutes = static_cast<int>(zone / 100 * 60 + zone % 100);
  return bytes[kStateZoneAt] == '-' ? -minutes : minutes;
}

bool is_part_of_mbox_state(std::string_view bytes) {
  const size_t n = fitting(bytes);
  if (n == bytes.size()) return true;
  if (n < kStateFixed || bytes.size() > kStateFixed + kMboxMaxKeywordRoom) return false;
  for (char c : bytes.substr(kStateFixed))
    if (!is_keyword_octet(c)) return false;
  return true;
}

std::string format_mbox_base(uint32_t uid_validity, uint32_t last_uid) {
  if (uid_validity == 0 && last_uid == 0) return std::string(21, ' ');
  std::string out;
  append_padded(out, uid_validity, 10);
  out += ' ';
  append_padded(out, last_uid, 10);
  return out;
}

std::string format_mbox_state(const MboxState& s, size_t room) {
  assert(room >= s.keywords.size() && room >= kMboxKeywordRoom);
  const unsigned zone =
      static_cast<unsigned>(s.zone_minutes < 0 ? -s.zone_minutes : s.zone_minutes);
  std::string out("X-DMail: 1 ");
  out += s.zone_minutes < 0 ? '-' : '+';
  append_padded(out, zone / 60 % 100 * 100 + zone % 60, 4);
  out += " size=";
  append_padded(out, s.size, 10);
  out += "\nX-IMAPbase: ";
  out += format_mbox_base(s.uid_validity, s.last_uid);
  out += "\nX-UID: ";
  append_padded(out, s.uid, 10);
  out += "\nStatus: ??\nX-Status: ????\nX-Keywords: ";
  for (const auto& [at, flag] : kMarks)
    out[at] = s.flags & flag ? kLetters[static_cast<size_t>(kShape[at] - 1)] : ' ';
  out[kSeenAt + 1] = s.old ? 'O' : ' ';
  out += s.keywords;
  out.append(room - s.keywords.size(), ' ');
  out += '\n';
  return out;
}

}  // namespace dmail::store
