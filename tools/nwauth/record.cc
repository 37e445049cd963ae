#include "tools/nwauth/record.h"

#include "base/ascii.h"
#include "base/number.h"
#include "base/text.h"

namespace dmail::nwauth {
namespace {

constexpr std::string_view kFirstLine = "nwauth 1";

Error corrupt(std::string_view why) {
  return Error{ErrorKind::Corrupt, "The user database is damaged", concat("record: ", why)};
}

}  // namespace

void Record::set_label(std::string_view name, std::string_view value) {
  std::erase_if(labels, [&](const auto& label) { return iequals(label.first, name); });
  if (!value.empty()) labels.emplace_back(lower(name), value);
}

std::string serialise(const Record& record) {
  std::string out = concat(kFirstLine, "\ncreated ", record.created, '\n');
  if (!record.crypt.empty()) out += concat("crypt ", record.crypt, '\n');
  for (const std::string& line : record.scram) out += concat(line, '\n');
  for (const auto& [name, value] : record.labels) out += concat("label ", name, ' ', value, '\n');
  for (const std::string& line : record.other) out += concat(line, '\n');
  return out;
}

Result<Record> parse_record(std::string_view bytes) {
  if (take_until(bytes, '\n') != kFirstLine) return corrupt("unknown version");
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
