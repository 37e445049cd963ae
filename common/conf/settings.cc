#include "conf/settings.h"

#include <algorithm>

#include "base/ascii.h"
#include "base/text.h"
#include "conf/table.h"
#include "conf/value.h"

namespace dmail::conf {

namespace {

bool is_given(const Settings& settings, const Entry& e) {
  return settings.given[e.number / 64] >> (e.number % 64) & 1;
}
void mark_given(Settings& settings, const Entry& e) {
  settings.given[e.number / 64] |= uint64_t{1} << (e.number % 64);
}

bool is_default(const Settings& settings, const Settings& defaults, const Entry& e) {
  switch (e.type) {
    case Row::Type::Bool:
      return settings.*e.field.as_bool == defaults.*e.field.as_bool;
    case Row::Type::Int:
    case Row::Type::Quota:
      return settings.*e.field.as_int == defaults.*e.field.as_int;
    case Row::Type::Word:
    case Row::Type::Text:
    case Row::Type::Path:
      return settings.*e.field.as_text == defaults.*e.field.as_text;
    case Row::Type::List:
      return settings.*e.field.as_list == defaults.*e.field.as_list;
    case Row::Type::Ignored:
      break;
  }
  return true;
}

constexpr std::string_view kDeferred = "; servers defer all mail until this line is right";

// What is in force after a value was refused.
std::string standing(const Settings& settings, const Entry& e) {
  if (e.defer) return std::string(kDeferred.substr(2));
  if (e.type == Row::Type::List) return "the line is ignored";
  std::vector<std::string> now;
  append_values(now, settings, e);
  const std::string_view value = now.empty() ? "(none)" : std::string_view(now[0]);
  return concat(is_given(settings, e) ? "the earlier value " : "the default ", escaped(value),
                " stands");
}

// The remark of one known setting; empty when all is well.
std::string apply_known(Settings& settings, const Entry& e, std::string_view value,
                        Remark::Level& level) {
  level = e.defer ? Remark::Level::Defer : Remark::Level::Warning;
  if (e.type == Row::Type::Ignored)
    return concat("setting '", name_of(e), "' is not implemented", e.defer ? kDeferred : "");
  const bool again = is_given(settings, e);
  std::string problem =
      value.empty() ? "a value is missing" : take_value(settings, e, value, !again);
  if (!problem.empty()) {
    if (!e.defer) level = Remark::Level::Error;
    return concat("bad value \"", escaped(value), "\" for '", name_of(e), "': ", problem, "; ",
                  standing(settings, e));
  }
  mark_given(settings, e);
  level = Remark::Level::Warning;
  if (again && e.type != Row::Type::List)
    return concat("setting '", name_of(e), "' is given twice; this last one counts");
  if (e.type == Row::Type::Quota && settings.*e.field.as_int == kQuotaOff && value == "0")
    return concat("setting '", name_of(e), "' 0 means no limit, as false does");
  return {};
}

// A line that cannot be read may be any setting, unless its first word says which.
Remark::Level level_of_unreadable(std::string_view line) {
  line = trim(line);
  const auto end = std::find_if(line.begin(), line.end(), is_blank) - line.begin();
  const Entry* e = find_entry(line.substr(0, static_cast<size_t>(end)));
  return e != nullptr && !e->defer ? Remark::Level::Error : Remark::Level::Defer;
}

bool is_read_by(const Entry& e, Program program) {
  return program == kTools || (e.programs & program) != 0;
}

}  // namespace

const Remark* Loaded::defer() const {
  for (const Remark& remark : remarks)
    if (remark.level == Remark::Level::Defer) return &remark;
  return nullptr;
}

std::vector<std::string> list_default(std::string_view words) {
  std::vector<std::string> items;
  for (std::string_view word : split_words(words)) items.emplace_back(word);
  return items;
}

void append_values(std::vector<std::string>& lines, const Settings& settings, const Entry& e) {
  switch (e.type) {
    case Row::Type::Bool:
      lines.emplace_back(settings.*e.field.as_bool ? "true" : "false");
      break;
    case Row::Type::Int:
      lines.push_back(concat(settings.*e.field.as_int));
      break;
    case Row::Type::Quota:
      if (const int64_t kbytes = settings.*e.field.as_int; kbytes > 0)
        lines.push_back(concat(kbytes));
      else
        lines.emplace_back(kbytes == kQuotaOfAccount ? "true" : "false");
      break;
    case Row::Type::Word:
    case Row::Type::Text:
    case Row::Type::Path:
      if (const std::string& text = settings.*e.field.as_text; !text.empty())
        lines.push_back(quoted_if_needed(text, false));
      break;
    case Row::Type::List:
      for (const std::string& item : settings.*e.field.as_list)
        lines.push_back(e.words == 0 ? quoted_if_needed(item, true) : item);
      break;
    case Row::Type::Ignored:
      break;
  }
}

std::string to_text(const Remark& remark) {
  std::string text;
  if (!remark.file.empty()) text += escaped(remark.file, 4096) + ':';
  if (remark.line > 0) text += concat(remark.line, ':');
  if (!text.empty()) text += ' ';
  text += remark.level == Remark::Level::Warning ? "warning: " : "error: ";
  return text + remark.text;
}

void apply_line(Settings& settings, std::string_view line, std::vector<Remark>& remarks,
                const std::string& file, int number, Program program) {
  const auto remark = [&](Remark::Level level, std::string text, std::string_view name = {}) {
    remarks.push_back({level, file, number, std::move(text), std::string(name)});
  };
  if (line.size() > kMaxLine)
    return remark(level_of_unreadable(line),
                  concat("line over ", kMaxLine, " bytes; it is ignored"));
  line = trim(line);
  if (line.empty() || line.front() == '#') return;
  for (char c : line)
    if (is_control(c) && c != '\t')
      return remark(level_of_unreadable(line), "control character in line; it is ignored");

  size_t end = 0;
  while (end < line.size() && !is_blank(line[end])) ++end;
  const std::string_view name = line.substr(0, end);
  const std::string_view value = trim(line.substr(end));
  const Entry* entry = find_entry(name);
  if (entry == nullptr) {
    const Entry* meant = find_entry(nearest(name));
    if (meant == nullptr || !meant->defer || !is_read_by(*meant, program))
      return remark(Remark::Level::Warning,
                    concat("unknown setting '", escaped(name, 64), "'; it is ignored"), name);
    return remark(Remark::Level::Defer,
                  concat("unknown setting '", escaped(name, 64), "', which looks like ",
                         name_of(*meant), kDeferred),
                  name);
  }
  Remark::Level level = Remark::Level::Warning;
  std::string text = apply_known(settings, *entry, value, level);
  if (text.empty() || !is_read_by(*entry, program)) return;
  remark(level, std::move(text), name);
}

std::string lines_for(const Settings& settings, Visibility seen) {
  const Settings defaults;
  std::string lines;
  std::vector<std::string> values;
  for (const Entry& e : kTable) {
    if ((e.seen & seen) == 0 || is_default(settings, defaults, e)) continue;
    values.clear();
    append_values(values, settings, e);
    if (values.empty()) values.emplace_back("\"\"");
    for (const std::string& value : values) lines += concat(name_of(e), ' ', value, '\n');
  }
  return lines;
}

}  // namespace dmail::conf
