#include "tools/dmtry/log_ends.h"

#include <algorithm>
#include <filesystem>
#include <vector>

#include "base/text.h"
#include "io/file.h"

namespace dmail::dmtry {
namespace {

constexpr size_t kLines = 8, kMaxLog = 1 << 20;

std::string last_lines(std::string_view text) {
  size_t at = text.size();
  if (text.ends_with('\n')) --at;
  for (size_t lines = 0; lines < kLines && at != text.npos && at > 0; ++lines)
    at = text.rfind('\n', at - 1);
  return std::string(text.substr(at == text.npos || at == 0 ? 0 : at + 1));
}

}  // namespace

std::string log_ends(const std::string& directory) {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory, error))
    if (entry.is_regular_file(error)) names.push_back(entry.path());
  std::sort(names.begin(), names.end());
  std::string out;
  for (const std::string& name : names) {
    const auto text = read_file(name, kMaxLog);
    if (text && !text->empty()) append(out, concat("---- ", name, '\n', last_lines(*text)));
  }
  return out;
}

}  // namespace dmail::dmtry
