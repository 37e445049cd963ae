// dmail.conf as values.  settings.def has one row a setting; this struct, the reader, the text sent to
// children, dmconf and the man page are made from it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace dmail::conf {

// Which program reads (bits); a row names the programs a setting applies to.
enum Program : uint32_t { kImapd = 1, kDpopd = 2, kDsmtpd = 4, kTools = 8, kAll = 15 };
// Which processes of a connection may see a setting (bits).  The monitor sees all.
enum Visibility : uint32_t { kMonitorOnly = 0, kLogin = 1, kSession = 2, kBoth = 3 };

struct Settings {
#define SETTING_BOOL(name, dflt, programs, seen, doc) bool name = dflt;
#define SETTING_INT(name, dflt, low, high, unit, programs, seen, doc) int64_t name = dflt;
#define SETTING_WORD(name, dflt, choices, programs, seen, doc) std::string name = dflt;
#define SETTING_TEXT(name, dflt, programs, seen, doc) std::string name = dflt;
#define SETTING_LIST(name, words, programs, seen, doc) std::vector<std::string> name;
#define SETTING_IGNORED(name, programs, doc)
#include "conf/settings.def"
#undef SETTING_BOOL
#undef SETTING_INT
#undef SETTING_WORD
#undef SETTING_TEXT
#undef SETTING_LIST
#undef SETTING_IGNORED
};

// A remark about one line of a configuration file.
struct Remark {
  enum class Level { Warning, Error } level = Level::Warning;
  std::string file;
  int line = 0;
  std::string text;  // "unknown setting 'x'", "bad value ...: ..., the default ... stands"
};

struct Loaded {
  Settings settings;
  std::vector<Remark> remarks;
  std::vector<std::string> files;  // read, in order
};

// Reads `path` for `program` with its includes.  An Error only when the file itself cannot be read.
Result<Loaded> load(const std::string& path, Program program);
// Applies one "name value" line as the file would.
void apply_line(Settings& settings, std::string_view line, std::vector<Remark>& remarks,
                const std::string& file = "", int number = 0);

// The non-default settings that `seen` processes may see, as lines for apply_line.
std::string lines_for(const Settings& settings, Visibility seen);

// One row, for dmconf, the man page and tests.
struct Row {
  enum class Type { Bool, Int, Word, Text, List, Ignored } type;
  std::string_view name;
  std::string_view default_text;
  std::string_view choices_or_unit;
  int64_t low, high;
  uint32_t programs;
  uint32_t seen;
  std::string_view doc;
};
const std::vector<Row>& rows();
const Row* find_row(std::string_view name);
// The value(s) of a row as lines "name value" (none for an empty text or list).
std::vector<std::string> values_of(const Settings& settings, const Row& row);

}  // namespace dmail::conf
