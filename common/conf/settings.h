// dmail.conf as values.  settings.def has one row a setting; this struct, the reader, the text sent
// to children, dmconf and the man page are made from it.
//
// A file is lines `name value`; `#` in column one starts a comment, except `#include FILE` and
// `#imapd_include FILE`.  A text may be "quoted", with backslash escapes; `""` is the empty value.
// Limits: kMaxFile bytes a file, kMaxLine a line, kMaxLines lines of all files, kMaxDepth includes.
// The file is the administrator's, so links are followed; its bytes are still checked.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace dmail::conf {

inline constexpr size_t kMaxFile = 1024 * 1024;
inline constexpr size_t kMaxLine = 8 * 1024;
inline constexpr int kMaxLines = 10000;
inline constexpr int kMaxDepth = 16;

// Which program reads (bits); a row names the programs a setting applies to.
enum Program : uint32_t { kImapd = 1, kDpopd = 2, kDsmtpd = 4, kTools = 8, kAll = 15 };
// Beside the programs of a row: a mistake in this setting makes servers defer (Remark::Level).
inline constexpr uint32_t kDefer = 16;
// Which processes of a connection may see a setting (bits).  The monitor sees all.
enum Visibility : uint32_t { kMonitorOnly = 0, kLogin = 1, kSession = 2, kBoth = 3 };

// SETTING_QUOTA: a number of kbytes, or one of these.
inline constexpr int64_t kQuotaOff = 0;  // user_quota false
inline constexpr int64_t kQuotaOfAccount =
    -1;  // user_quota true: only what the account itself says

// The items of a list's default.
std::vector<std::string> list_default(std::string_view words);

struct Settings {
#define SETTING_SECTION(title)
#define SETTING_BOOL(name, dflt, programs, seen, doc) bool name = dflt;
#define SETTING_INT(name, dflt, low, high, unit, programs, seen, doc) int64_t name = dflt;
#define SETTING_QUOTA(name, programs, seen, doc) int64_t name = kQuotaOff;
#define SETTING_WORD(name, dflt, choices, programs, seen, doc) std::string name = dflt;
#define SETTING_TEXT(name, dflt, programs, seen, doc) std::string name = dflt;
#define SETTING_PATH(name, dflt, programs, seen, doc) std::string name = dflt;
#define SETTING_LIST(name, dflt, words, programs, seen, doc) \
  std::vector<std::string> name = list_default(dflt);
#define SETTING_IGNORED(name, programs, doc)
#include "conf/settings.def"
#include "conf/settings_undef.h"

  // Which rows a file has set (bit = row number): a list's first line replaces its default, and a
  // single setting given twice is remarked upon.
  std::array<uint64_t, 4> given{};
};

// Where the dmail.conf of `make install` has the logs: also the place for what is to be said of a
// file that cannot be used.
inline constexpr char kUsualLogPath[] = "/var/log/dmail";

// A remark about one line of a configuration file.
struct Remark {
  // Defer: what the line meant to say, or may have said, must not be guessed.  Servers are
  // temporarily unavailable to everybody until it is right.
  enum class Level { Warning, Error, Defer } level = Level::Warning;
  std::string file;
  int line = 0;
  // "unknown setting 'x'...", "bad value "y" for 'x': ...; the default z stands"; printable ASCII.
  std::string text;
  std::string name;  // the setting as the line wrote it; empty when the remark is about no setting
};
// "FILE:LINE: warning: TEXT", without the place when there is none.
std::string to_text(const Remark& remark);

struct Loaded {
  Settings settings;
  std::vector<Remark> remarks;
  std::vector<std::string> files;  // read, in order
  // The first remark that makes servers defer, or nullptr.
  [[nodiscard]] const Remark* defer() const;
};

// A file that everybody may write, or that belongs to somebody who is neither root nor who reads
// it, says what that somebody wants, to programs that run as root.
enum class Untrusted {
  Refuse,  // an Error; an included one is left out, and servers defer
  Read     // a remark, and read: for tools that only look at it
};

// Reads `path` for `program` with its includes.  An Error only when the file itself cannot be read
// or trusted.  Remarks are about settings of `program`; kTools gets those of all programs.
Result<Loaded> load(const std::string& path, Program program,
                    Untrusted untrusted = Untrusted::Refuse);
// Applies one "name value" line as the file would.
void apply_line(Settings& settings, std::string_view line, std::vector<Remark>& remarks,
                const std::string& file = "", int number = 0, Program program = kTools);

// The known setting that an unknown `name` is most likely a misspelling of, whatever its letters'
// case and what stands right behind it ("Hash-Spool=1"); empty when none is near.
std::string_view nearest(std::string_view name);

// The non-default settings that `seen` processes may see, as lines for apply_line.
std::string lines_for(const Settings& settings, Visibility seen);

// One row, for dmconf, the man page and tests (programs that call these carry the documentation).
struct Row {
  enum class Type { Bool, Int, Quota, Word, Text, Path, List, Ignored } type;
  std::string_view name;
  std::string_view default_text;
  std::string_view choices_or_unit;
  int64_t low, high;  // of an Int
  int words;          // of a List
  uint32_t programs;
  uint32_t seen;
  std::string_view doc;
  std::string_view section;
  bool defer;  // kDefer
};
std::span<const Row> rows();
const Row* find_row(std::string_view name);
// The value(s) of a row as lines "name value" (none for an empty text or list).
std::vector<std::string> values_of(const Settings& settings, const Row& row);

}  // namespace dmail::conf
