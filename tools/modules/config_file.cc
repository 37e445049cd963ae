#include "tools/modules/config_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/ascii.h"
#include "base/text.h"
#include "io/owned_fd.h"

namespace dmail::modules {

Error config_error(const std::string& file, int line, std::string_view text) {
  return Error{ErrorKind::BadInput, "The configuration is wrong",
               concat(file, ':', line, ": ", text)};
}

Result<std::vector<ConfigLine>> parse_config(std::string_view text, const std::string& file) {
  std::vector<ConfigLine> lines;
  int number = 0;
  while (!text.empty()) {
    std::string_view line = take_until(text, '\n');
    ++number;
    if (line.size() > kMaxConfigLine) return config_error(file, number, "line too long");
    if (static_cast<size_t>(number) > kMaxConfigLines)
      return config_error(file, number, "too many lines");
    line = trim(line);
    if (line.empty() || line.front() == '#') continue;
    for (char c : line)
      if (is_control(c) && c != '\t') return config_error(file, number, "control byte");
    const size_t end = std::min(line.find_first_of(" \t"), line.size());
    lines.push_back(
        {number, std::string(line.substr(0, end)), std::string(trim(line.substr(end)))});
  }
  return lines;
}

Result<std::string> read_config_file(const std::string& file) {
  const OwnedFd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  struct stat st {};
  if (!fd.valid() || ::fstat(fd.get(), &st) != 0) return system_error(file, errno);
  if (!S_ISREG(st.st_mode)) return Error{ErrorKind::BadInput, "", file + ": no regular file"};
  if ((st.st_mode & S_IWOTH) != 0)
    return Error{ErrorKind::NoPermission, "", file + ": everybody may write it"};
  std::string text;
  char chunk[4096];
  for (;;) {
    const ssize_t n = ::read(fd.get(), chunk, sizeof chunk);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return system_error(file, errno);
    if (n == 0) return text;
    text.append(chunk, static_cast<size_t>(n));
    if (text.size() > kMaxConfigFile)
      return Error{ErrorKind::Limit, "", file + ": the file is too large"};
  }
}

bool parse_bool(std::string_view value, bool& flag) {
  for (std::string_view yes : {"true", "yes", "on", "1"})
    if (iequals(value, yes)) return flag = true;
  flag = false;
  for (std::string_view no : {"false", "no", "off", "0"})
    if (iequals(value, no)) return true;
  return false;
}

}  // namespace dmail::modules
