// Files and their includes.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/ascii.h"
#include "base/number.h"
#include "base/text.h"
#include "conf/settings.h"
#include "conf/table.h"
#include "conf/value.h"
#include "io/owned_fd.h"

namespace dmail::conf {

namespace {

struct OneFile {
  std::string text;
  std::string untrusted;  // why servers do not use it, and what to do; empty when they may
  dev_t device = 0;
  ino_t inode = 0;
};

// Whoever may write this file decides what root runs.  A group may: root named it on purpose
// (chgrp), and files of root made under umask 002 belong to root's own group.
std::string distrust(const std::string& path, const struct stat& st) {
  const std::string name = escaped(path, 4096);
  if ((st.st_mode & S_IWOTH) != 0) {
    std::string mode;
    for (int shift = 9; shift >= 0; shift -= 3)
      mode.push_back(static_cast<char>('0' + (st.st_mode >> shift & 7)));
    return concat("everybody may write ", name, " (mode ", mode, "): chmod o-w ", name);
  }
  if (st.st_uid != 0 && st.st_uid != ::geteuid())
    return concat(name, " belongs to uid ", st.st_uid, ": chown root ", name);
  return {};
}

Result<OneFile> read_whole(const std::string& path) {
  // Links are followed (the file is the administrator's); a pipe or device is not waited for.
  const OwnedFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd.valid()) return system_error(concat("open ", escaped(path)), errno);
  struct stat st {};
  if (::fstat(fd.get(), &st) != 0) return system_error(concat("stat ", escaped(path)), errno);
  if (!S_ISREG(st.st_mode))
    return Error{ErrorKind::BadInput, "configuration error",
                 concat(escaped(path), " is not a regular file")};
  OneFile file{{}, distrust(path, st), st.st_dev, st.st_ino};
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
  Reader(Loaded& loaded, Program program, Untrusted untrusted)
      : loaded_(loaded), program_(program), untrusted_(untrusted) {}

  Status read_main(const std::string& path) {
    auto file = read_whole(path);
    if (!file) return std::move(file.error());
    if (!file->untrusted.empty()) {
      const std::string text =
          concat("not used by servers, which defer all mail: ", file->untrusted);
      if (untrusted_ == Untrusted::Refuse)
        return Error{ErrorKind::NoPermission, "configuration error", text};
      remark(Level::Defer, path, 0, text);
    }
    if (program_ == kImapd) levels_ = find_include_level(file->text);
    walk(path, *file, 0);
    for (const auto& [file_name, line, entry] : hidden_)
      if ((loaded_.settings.given[entry->number / 64] >> (entry->number % 64) & 1) == 0)
        remark(Level::Defer, file_name, line,
               concat("imapd does not read this file (imapd_include_level ", levels_, "), where ",
                      name_of(*entry), " is set for the other servers; raise imapd_include_level, ",
                      "or set it for imapd in another place, too; imapd defers until then"));
    return {};
  }

 private:
  using Level = Remark::Level;
  // What the other servers are told and imapd is not.
  struct Hidden {
    std::string file;
    int line;
    const Entry* entry;
  };
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
        remark(
            Level::Defer, path, number,
            concat("more than ", kMaxLines, " lines; servers defer all mail until they are fewer"));
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

  // What cannot be read may say where mail is, or who may not have it.
  void unread(const std::string& from, int number, std::string_view why) {
    remark(Level::Defer, from, number,
           concat(why, "; servers defer all mail until this line is right"));
  }

  void include(const std::string& from, int number, std::string_view argument, int depth,
               bool follow) {
    if (!follow && program_ != kImapd) return;
    const std::string name = unquoted(argument);
    if (name.empty() || argument.size() > kMaxLine || name.find('\0') != std::string::npos)
      return unread(from, number, "#include without a file name");
    if (depth + 1 > kMaxDepth)
      return unread(from, number, concat("includes nest deeper than ", kMaxDepth));
    if (!follow) return look_into(from, name, depth + 1);
    const std::string path = beside(from, name);
    auto file = read_whole(path);
    if (!file) return unread(from, number, concat("cannot include: ", file.error().log));
    // What it says has been read already: nothing is missed.
    if (is_open(*file))
      return remark(Level::Error, from, number,
                    concat("file ", escaped(path), " includes itself; the line is ignored"));
    if (!file->untrusted.empty()) {
      unread(from, number, concat("cannot include: ", file->untrusted));
      if (untrusted_ == Untrusted::Refuse) return;
    }
    walk(path, *file, depth + 1);
  }

  // An #include that imapd does not follow.  What the other servers find there and it doesn't would
  // have it look for mail in another place than they put it.
  void look_into(const std::string& from, const std::string& name, int depth) {
    if (name.empty() || depth > kMaxDepth || name.find('\0') != std::string::npos) return;
    const std::string path = beside(from, name);
    auto file = read_whole(path);
    if (!file || is_open(*file)) return;  // the others complain
    stack_.push_back({file->device, file->inode});
    std::string_view rest = file->text;
    for (int number = 1; !rest.empty() && lines_ < kMaxLines; ++number, ++lines_) {
      const std::string_view line = trim(take_until(rest, '\n'));
      std::string_view argument;
      if (take_directive(line, "#include", argument))
        look_into(path, unquoted(argument), depth + 1);
      const size_t end = std::min(line.find_first_of(" \t"), line.size());
      const Entry* entry = find_entry(line.substr(0, end));
      if (entry != nullptr && entry->defer && (entry->programs & kImapd) != 0)
        hidden_.push_back({path, number, entry});
    }
    stack_.pop_back();
  }

  [[nodiscard]] bool is_open(const OneFile& file) const {
    for (const Open& open : stack_)
      if (open.device == file.device && open.inode == file.inode) return true;
    return false;
  }

  void remark(Level level, const std::string& file, int line, std::string text) {
    loaded_.remarks.push_back({level, file, line, std::move(text), {}});
  }

  Loaded& loaded_;
  Program program_;
  Untrusted untrusted_;
  int64_t levels_ = 0;
  int lines_ = 0;
  bool too_many_ = false;
  std::vector<Open> stack_;
  std::vector<Hidden> hidden_;
};

}  // namespace

Result<Loaded> load(const std::string& path, Program program, Untrusted untrusted) {
  Loaded loaded;
  Reader reader(loaded, program, untrusted);
  DMAIL_TRY(reader.read_main(path));
  return loaded;
}

}  // namespace dmail::conf
