#include "store/mbx_format.h"

#include "base/ascii.h"
#include "base/number.h"
#include "base/text.h"
#include "mail/mail_date.h"

namespace dmail::store {
namespace {

constexpr size_t kNumbersAt = 7, kNamesAt = 25, kDateSize = 26;

uint32_t hex_or_zero(std::string_view s) { return static_cast<uint32_t>(parse_hex(s).value_or(0)); }

// "dd-mmm-yyyy hh:mm:ss +zzzz" by shape alone; what the numbers say is another question.
bool looks_like_date(std::string_view s) {
  constexpr std::string_view shape = "dd-aaa-dddd dd:dd:dd sdddd";
  if (s.size() < shape.size()) return false;
  for (size_t i = 0; i < shape.size(); ++i) {
    const char c = s[i];
    const bool fits = shape[i] == 'd'   ? is_digit(c) || (i == 0 && c == ' ')
                      : shape[i] == 'a' ? is_alpha(c)
                      : shape[i] == 's' ? c == '+' || c == '-'
                                        : c == shape[i];
    if (!fits) return false;
  }
  return true;
}

constexpr std::pair<uint32_t, uint32_t> kFlagPairs[] = {{kSeen, kMbxSeen},
                                                        {kDeleted, kMbxDeleted},
                                                        {kFlagged, kMbxFlagged},
                                                        {kAnswered, kMbxAnswered},
                                                        {kDraft, kMbxDraft}};

}  // namespace

std::optional<MbxHeader> parse_mbx_header(std::string_view bytes) {
  if (!bytes.starts_with(kMbxMagic) || bytes.size() < kNamesAt) return std::nullopt;
  MbxHeader h;
  h.uid_validity = hex_or_zero(bytes.substr(kNumbersAt, 8));
  h.last_uid = hex_or_zero(bytes.substr(kNumbersAt + 8, 8));
  std::string_view rest = bytes.substr(kNamesAt, kMbxHeaderSize - kNamesAt);
  for (std::string& name : h.names) {
    const size_t end = rest.find("\r\n");
    if (end == rest.npos || rest.substr(0, end).find('\0') != rest.npos) break;
    name = rest.substr(0, end);
    rest.remove_prefix(end + 2);
  }
  return h;
}

std::string format_mbx_header(const MbxHeader& h, std::string_view old) {
  std::string out(kMbxMagic);
  append_hex(out, h.uid_validity, 8);
  append_hex(out, h.last_uid, 8);
  append(out, "\r\n");
  for (const std::string& name : h.names) {
    append(out, name);
    append(out, "\r\n");
  }
  out.resize(kMbxHeaderSize - 10, '\0');
  append(out, old.substr(std::min(old.size(), kMbxHeaderSize - 10), 10));
  out.resize(kMbxHeaderSize, '\0');
  return out;
}

std::optional<MbxLine> parse_mbx_line(std::string_view bytes) {
  if (!looks_like_date(bytes) || bytes.size() < kDateSize + 2 || bytes[kDateSize] != ',')
    return std::nullopt;
  bytes = bytes.substr(0, kMbxMaxLine);
  const size_t semicolon = bytes.find(';', kDateSize);
  if (semicolon == bytes.npos || bytes.size() < semicolon + 1 + kMbxStateSize + 2)
    return std::nullopt;
  if (bytes.substr(semicolon + 1 + kMbxStateSize, 2) != "\r\n") return std::nullopt;
  const auto size =
      parse_u64(bytes.substr(kDateSize + 1, semicolon - kDateSize - 1), uint64_t{1} << 62);
  if (!size) return std::nullopt;
  MbxLine line;
  line.size = *size;
  line.length = semicolon + 1 + kMbxStateSize + 2;
  if (const auto date = mail::parse_imap_date_time(bytes.substr(0, kDateSize))) {
    line.seconds = date->seconds;
    line.zone_minutes = date->zone_minutes;
  }
  const std::string_view state = bytes.substr(semicolon + 1, kMbxStateSize);
  const auto keywords = parse_hex(state.substr(0, 8)), flags = parse_hex(state.substr(8, 4)),
             uid = parse_hex(state.substr(13, 8));
  if (keywords && flags && uid && state[12] == '-') {
    line.keywords = static_cast<uint32_t>(*keywords);
    line.flags = static_cast<uint32_t>(*flags);
    line.uid = static_cast<uint32_t>(*uid);
  }
  return line;
}

std::string format_mbx_line(int64_t seconds, int zone_minutes, uint64_t size,
                            std::string_view state) {
  std::string out;
  mail::append_imap_date_time(out, {seconds, zone_minutes});
  out.push_back(',');
  append_padded(out, size, 10);
  out.push_back(';');
  append(out, state);
  append(out, "\r\n");
  return out;
}

std::string format_mbx_state(uint32_t keywords, uint32_t flags, uint32_t uid) {
  std::string out;
  append_hex(out, keywords, 8);
  append_hex(out, flags & 0xffff, 4);
  out.push_back('-');
  append_hex(out, uid, 8);
  return out;
}

uint32_t flags_from_mbx(uint32_t mbx) {
  uint32_t flags = 0;
  for (const auto& [ours, theirs] : kFlagPairs)
    if (mbx & theirs) flags |= ours;
  return flags;
}

uint32_t flags_to_mbx(uint32_t flags) {
  uint32_t mbx = 0;
  for (const auto& [ours, theirs] : kFlagPairs)
    if (flags & ours) mbx |= theirs;
  return mbx;
}

MbxKeywordMap::MbxKeywordMap(const MbxHeader& header, KeywordTable& table) {
  bit_.fill(-1);
  for (size_t i = 0; i < kMbxKeywords; ++i) {
    if (header.names[i].empty()) continue;
    if (const auto bit = table.add(header.names[i])) bit_[i] = static_cast<int>(*bit);
  }
}

uint64_t MbxKeywordMap::from_file(uint32_t file) const {
  uint64_t table = 0;
  for (size_t i = 0; i < kMbxKeywords; ++i)
    if ((file >> i & 1) && bit_[i] >= 0) table |= uint64_t{1} << bit_[i];
  return table;
}

uint32_t MbxKeywordMap::to_file(uint64_t table, uint32_t kept) const {
  uint32_t file = kept;
  for (size_t i = 0; i < kMbxKeywords; ++i) {
    if (bit_[i] < 0) continue;
    file &= ~(uint32_t{1} << i);
    if (table >> bit_[i] & 1) file |= uint32_t{1} << i;
  }
  return file;
}

bool MbxKeywordMap::place(const KeywordTable& table, uint64_t wanted, MbxHeader& header,
                          bool& changed) {
  for (int i : bit_)
    if (i >= 0) wanted &= ~(uint64_t{1} << i);
  for (unsigned bit = 0; bit < table.names().size(); ++bit) {
    if (!(wanted >> bit & 1)) continue;
    size_t slot = 0;
    // Free, or of a name that the table has given up.
    while (slot < kMbxKeywords && !header.names[slot].empty() &&
           (bit_[slot] < 0 || bit_[slot] < static_cast<int>(table.names().size())))
      ++slot;
    if (slot == kMbxKeywords) return false;
    header.names[slot] = table.names()[bit];
    bit_[slot] = static_cast<int>(bit);
    changed = true;
  }
  return true;
}

}  // namespace dmail::store
