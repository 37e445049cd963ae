// The rows with their documentation, for tools.  In a file of its own so that servers do not link
// it.
#include <algorithm>
#include <vector>

#include "base/text.h"
#include "conf/table.h"

namespace dmail::conf {

namespace {

struct Words {
  std::string_view unit, doc, section;
};

constexpr auto kWords = [] {
  std::array<Words, kRowCount> words{};
  std::string_view section;
  size_t n = 0;
#define SETTING_SECTION(title) section = title;
#define SETTING_BOOL(name, dflt, programs, seen, doc) words[n++] = {"", doc, section};
#define SETTING_INT(name, dflt, low, high, unit, programs, seen, doc) \
  words[n++] = {unit, doc, section};
#define SETTING_QUOTA(name, programs, seen, doc) words[n++] = {"kbytes", doc, section};
#define SETTING_WORD(name, dflt, choices, programs, seen, doc) words[n++] = {choices, doc, section};
#define SETTING_TEXT(name, dflt, programs, seen, doc) words[n++] = {"", doc, section};
#define SETTING_PATH(name, dflt, programs, seen, doc) words[n++] = {"", doc, section};
#define SETTING_LIST(name, dflt, items, programs, seen, doc) words[n++] = {"", doc, section};
#define SETTING_IGNORED(name, programs, doc) words[n++] = {"", doc, section};
#include "conf/settings.def"
#include "conf/settings_undef.h"
  return words;
}();

std::vector<Row> make_rows() {
  static std::vector<std::string> defaults(kRowCount);  // what default_text views
  const Settings settings;
  std::vector<Row> rows(kRowCount);
  for (const Entry& e : kTable) {
    std::vector<std::string> values;
    append_values(values, settings, e);
    std::string& text = defaults[e.number];
    for (const std::string& value : values) text += (text.empty() ? "" : " ") + value;
    const Words& words = kWords[e.number];
    rows[e.number] = {e.type,  name_of(e), text,   words.unit, e.low,         e.high,
                      e.words, e.programs, e.seen, words.doc,  words.section, e.defer};
  }
  return rows;
}

}  // namespace

std::span<const Row> rows() {
  static const std::vector<Row> all = make_rows();
  return all;
}

const Row* find_row(std::string_view name) {
  const Entry* entry = find_entry(name);
  return entry == nullptr ? nullptr : &rows()[entry->number];
}

std::vector<std::string> values_of(const Settings& settings, const Row& row) {
  std::vector<std::string> lines;
  if (const Entry* entry = find_entry(row.name)) append_values(lines, settings, *entry);
  for (std::string& line : lines) line = concat(row.name, ' ', line);
  return lines;
}

}  // namespace dmail::conf
