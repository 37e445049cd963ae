// A module's configuration file: lines `name value`, `#` comments, blank lines.  The value is the
// rest of the line, without blanks at its ends.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace dmail::modules {

inline constexpr size_t kMaxConfigFile = 256 * 1024;
inline constexpr size_t kMaxConfigLine = 4096;
inline constexpr size_t kMaxConfigLines = 4000;

struct ConfigLine {
  int number = 0;  // from 1
  std::string name, value;
};

// BadInput: a control byte, a line that is too long, too many lines; the log text begins with
// FILE:LINE.
Result<std::vector<ConfigLine>> parse_config(std::string_view text, const std::string& file);
// The whole file.  A file that others may write, or of over kMaxConfigFile bytes, is refused.
Result<std::string> read_config_file(const std::string& file);
// "FILE:LINE: text".
Error config_error(const std::string& file, int line, std::string_view text);

// `true yes on 1` and `false no off 0`; false when it is none of these.
bool parse_bool(std::string_view value, bool& flag);

}  // namespace dmail::modules
