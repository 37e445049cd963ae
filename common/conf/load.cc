// Files and their includes.
#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <utility>

#include "base/ascii.h"
#include "base/number.h"
#include "base/text.h"
#include "conf/settings.h"
#include "conf/value.h"
#include "io/owned_fd.h"

namespace dmail::conf {

namespace {

struct OneFile {
  std::string text;
  dev_t device = 0;
  ino_t inode = 0;
};

Result<OneFile> read_whole(const std::string& path) {
  // Links are followed (the file is the administrator's); a pipe or device is not waited for.
  const OwnedFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd.valid()) return system_error(concat("open ", escaped(path)), errno);
  struct stat st {};
  if (::fstat(fd.get(), &st) != 0) return system_error(concat("stat ", escaped(path)), errno);
  if (!S_ISREG(st.st_mode))
    return Error{ErrorKind::BadInput, "configuration error",
                 concat(escaped(path), " is not a regular file")};
  OneFile file{{}, st.st_dev, st.st_ino};
  size_t have = 0;
  // One byte more than the size, so that the usual file ends after two reads.
  file.text.resize(std::min<size_t>(static_cast<size_t>(st.st_size), kMaxFile) + 1);
  while (true) {
    const ssize_t n = ::read(fd.get(), file.text.data() + have, file.text.size() - have);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return system_error(concat("read ", escaped(path)), errno);
    if (n == 0) break;
    have += static_cast<size_t>(n);
    if (have > kMaxFile)
      return Error{ErrorKind::Limit, "configuration error",
                   concat(escaped(path), " is over ", kMaxFile, " bytes")};
    if (have == file.text.size()) file.text.resize(std::min(have * 2, kMaxFile + 1));
  }
  file.text.resize(have);
  return file;
}

std::string beside(const std::string& including, std::string path) {
  if (path.starts_with('/')) return path;
  const size_t slash = including.rfind('/');
  if (slash == std::string::npos) return path;
  return including.substr(0, slash + 1) + path;
}

// What follows `directive` and a blank; nullopt-like empty view with `matches` false otherwise.
bool take_directive(std::string_view line, std::string_view directive, std::string_view& argument) {
  if (!line.starts_with(directive)) return false;
  line.remove_prefix(directive.size());
  if (!line.empty() && !is_blank(line.front())) return false;
  argument = trim(line);
  return true;
}

class Reader {
 public:
  Reader(Loaded& loaded, Program program) : loaded_(loaded), program_(program) {}

  Status read_main(const std::string& path) {
    auto file = read_whole(path);
    if (!file) return std::move(file.error());
    if (program_ == kImapd) levels_ = find_include_level(file->text);
    walk(path, *file, 0);
    return {};
  }

 private:
  struct Open {
    dev_t device;
    ino_t inode;
  };

  // The level counts wherever it stands, so it is looked for before the lines are applied.  A bad
  // value is remarked upon when its line is reached.
  static int64_t find_include_level(std::string_view text) {
    constexpr std::string_view kName = "imapd_include_level";
    if (text.find(kName) == std::string_view::npos) return 0;
    Settings scratch;
    std::vector<Remark> remarks;
    while (!text.empty()) {
      const std::string_view line = trim(take_until(text, '\n'));
      if (line.starts_with(kName)) apply_line(scratch, line, remarks);
    }
    return scratch.imapd_include_level;
  }

  void walk(const std::string& path, const OneFile& file, int depth) {
    loaded_.files.push_back(path);
    stack_.push_back({file.device, file.inode});
    std::string_view rest = file.text;
    int number = 0;
    while (!rest.empty() && !too_many_) {
      const std::string_view line = take_until(rest, '\n');
      ++number;
      if (++lines_ > kMaxLines) {
        too_many_ = true;
        error(path, number, concat("more than ", kMaxLines, " lines; the rest is ignored"));
        break;
      }
      std::string_view argument;
      if (!line.starts_with('#'))
        apply_line(loaded_.settings, line, loaded_.remarks, path, number, program_);
      else if (take_directive(line, "#include", argument))
        include(path, number, argument, depth, program_ != kImapd || depth < levels_);
      else if (take_directive(line, "#imapd_include", argument))
        include(path, number, argument, depth, program_ == kImapd);
    }
    stack_.pop_back();
  }

  void include(const std::string& from, int number, std::string_view argument, int depth,
               bool follow) {
    if (!follow) return;
    const std::string name = unquoted(argument);
    if (name.empty() || argument.size() > kMaxLine || name.find('\0') != std::string::npos)
      return error(from, number, "#include without a file name; it is ignored");
    if (depth + 1 > kMaxDepth)
      return error(from, number,
                   concat("includes nest deeper than ", kMaxDepth, "; it is ignored"));
    const std::string path = beside(from, name);
    auto file = read_whole(path);
    if (!file)
      return error(from, number, concat("cannot include: ", file.error().log, "; it is ignored"));
    for (const Open& open : stack_)
      if (open.device == file->device && open.inode == file->inode)
        return error(from, number,
                     concat("file ", escaped(path), " includes itself; the line is ignored"));
    walk(path, *file, depth + 1);
  }

  void error(const std::string& file, int line, std::string text) {
    loaded_.remarks.push_back({Remark::Level::Error, file, line, std::move(text), {}});
  }

  Loaded& loaded_;
  Program program_;
  int64_t levels_ = 0;
  int lines_ = 0;
  bool too_many_ = false;
  std::vector<Open> stack_;
};

}  // namespace

Result<Loaded> load(const std::string& path, Program program) {
  Loaded loaded;
  Reader reader(loaded, program);
  DMAIL_TRY(reader.read_main(path));
  return loaded;
}

}  // namespace dmail::conf
