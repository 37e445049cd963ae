#include "tools/nwauth/record.h"

#include "base/ascii.h"
#include "base/base64.h"
#include "base/number.h"
#include "base/text.h"
#include "base/wipe.h"

namespace dmail::nwauth {
namespace {

constexpr std::string_view kFirstLine = "nwauth 1", kFirstLine2 = "nwauth 2";

Error corrupt(std::string_view why) {
  return Error{ErrorKind::Corrupt, "The user database is damaged", concat("record: ", why)};
}

}  // namespace

void Record::set_label(std::string_view name, std::string_view value) {
  std::erase_if(labels, [&](const auto& label) { return iequals(label.first, name); });
  if (!value.empty()) labels.emplace_back(lower(name), value);
}

Record::~Record() { wipe(plain); }

std::string serialise(const Record& record) {
  const bool second = !record.plain.empty() || !record.digest.empty();
  std::string out = concat(second ? kFirstLine2 : kFirstLine, "\ncreated ", record.created, '\n');
  if (!record.crypt.empty()) out += concat("crypt ", record.crypt, '\n');
  for (const std::string& line : record.scram) out += concat(line, '\n');
  if (!record.plain.empty()) out += concat("plain ", base64_encode(record.plain), '\n');
  if (!record.digest.empty())
    out += concat("digest-md5 ", record.digest, ' ', record.digest_realm, '\n');
  for (const auto& [name, value] : record.labels) out += concat("label ", name, ' ', value, '\n');
  for (const std::string& line : record.other) out += concat(line, '\n');
  return out;
}

Result<Record> parse_record(std::string_view bytes) {
  const std::string_view version = take_until(bytes, '\n');
  if (version != kFirstLine && version != kFirstLine2) return corrupt("unknown version");
  Record record;
  while (!bytes.empty()) {
    const std::string_view line = take_until(bytes, '\n');
    std::string_view rest = line;
    const std::string_view field = take_until(rest, ' ');
    if (field == "created") {
      const auto seconds = parse_u64(rest, INT64_MAX);
      if (!seconds) return corrupt("date of creation");
      record.created = static_cast<int64_t>(*seconds);
    } else if (field == "crypt") {
      record.crypt = rest;
    } else if (field.starts_with("scram-")) {
      record.scram.emplace_back(line);
    } else if (field == "plain" && version == kFirstLine2) {
      auto password = base64_decode(rest);
      if (!password || password->empty()) return corrupt("plain");
      record.plain = std::move(*password);
    } else if (field == "digest-md5" && version == kFirstLine2) {
      record.digest = take_until(rest, ' ');
      record.digest_realm = rest;
    } else if (field == "label") {
      const std::string_view name = take_until(rest, ' ');
      if (!valid_label(name, rest)) return corrupt("label");
      record.labels.emplace_back(name, rest);
    } else {
      record.other.emplace_back(line);
    }
  }
  return record;
}

bool valid_label(std::string_view name, std::string_view value) {
  if (name.empty() || name.size() > kMaxLabelName || value.size() > kMaxLabelValue) return false;
  for (char c : name)
    if (!is_alnum(c) && c != '_' && c != '-' && c != '.') return false;
  for (char c : value)
    if (is_control(c) || c == '"') return false;
  return true;
}

}  // namespace dmail::nwauth
