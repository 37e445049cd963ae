#include "tools/nwauth/dump.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <utility>

#include "base/number.h"
#include "base/text.h"
#include "base/wipe.h"

namespace dmail::nwauth {
namespace {

constexpr std::string_view kFirstLine = "nwauth-dump 1";
constexpr size_t kChunk = 64 * 1024;

Error fault(uint64_t line, std::string_view what) {
  const std::string text = concat("line ", line, ": ", what, "; nothing is changed");
  return Error{ErrorKind::BadInput, text, text};
}

Status write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return system_error("write of the dump", errno);
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return {};
}

// Lines of a file, from its beginning.
class Lines {
 public:
  explicit Lines(int fd) : fd_(fd) {}
  ~Lines() { wipe(held_); }
  Lines(const Lines&) = delete;
  Lines& operator=(const Lines&) = delete;

  // nullopt at the end; a last line without LF is a fault.
  Result<std::optional<std::string>> next() {
    for (;;) {
      const size_t end = held_.find('\n', at_);
      if (end != std::string::npos) {
        ++number_;
        std::string line = held_.substr(at_, end - at_);
        at_ = end + 1;
        return std::optional<std::string>(std::move(line));
      }
      held_.erase(0, std::exchange(at_, 0));
      if (held_.size() > kMaxDumpLine) return fault(number_ + 1, "is too long");
      char chunk[4096];
      const ssize_t n = ::pread(fd_, chunk, sizeof chunk, offset_);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return system_error("read of the dump", errno);
      if (n == 0 && !held_.empty()) return fault(number_ + 1, "is cut short");
      if (n == 0) return std::optional<std::string>();
      offset_ += n;
      held_.append(chunk, static_cast<size_t>(n));
      ::explicit_bzero(chunk, sizeof chunk);
    }
  }
  [[nodiscard]] uint64_t number() const { return number_; }

 private:
  int fd_;
  off_t offset_ = 0;
  std::string held_;
  size_t at_ = 0;
  uint64_t number_ = 0;
};

}  // namespace

Result<uint64_t> dump(UserTable& users, int fd) {
  std::string out = concat(kFirstLine, '\n');
  uint64_t count = 0;
  Status written;
  DMAIL_TRY(users.each([&](std::string_view name, std::string_view bytes) {
    ++count;
    out += concat("user ", name, '\n');
    while (!bytes.empty()) out += concat(' ', take_until(bytes, '\n'), '\n');
    if (out.size() < kChunk) return true;
    written = write_all(fd, out);
    wipe(out);
    out.clear();
    return static_cast<bool>(written);
  }));
  if (written) written = write_all(fd, concat(out, "end ", count, '\n'));
  wipe(out);
  if (!written) return std::move(written.error());
  struct stat st {};
  if (::fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && ::fsync(fd) != 0)
    return system_error("fsync of the dump", errno);
  return count;
}

Result<uint64_t> read_dump(int fd, const EachUser& each) {
  Lines lines(fd);
  std::string user, bytes;
  uint64_t count = 0, began = 0;
  auto take_user = [&]() -> Status {
    if (user.empty()) return {};
    Result<Record> record = parse_record(bytes);
    if (!record) return fault(began, record.error().log);
    wipe(bytes);
    bytes.clear();
    ++count;
    return each(std::exchange(user, {}), std::move(*record));
  };
  for (bool first = true;; first = false) {
    auto line = lines.next();
    if (!line) return std::move(line.error());
    if (!*line) return fault(lines.number(), "there is no line `end`: the file is not whole");
    const std::string_view text = **line;
    if (first) {
      if (text != kFirstLine) return fault(1, "is not the first of a dump");
    } else if (text.starts_with(' ')) {
      if (user.empty()) return fault(lines.number(), "belongs to no user");
      if (bytes.size() + text.size() > kMaxRecord) return fault(began, "the record is too long");
      bytes += concat(text.substr(1), '\n');
      wipe(**line);
    } else if (text.starts_with("user ")) {
      DMAIL_TRY(take_user());
      user = text.substr(5);
      began = lines.number();
      if (user.empty()) return fault(began, "no name");
    } else if (text.starts_with("end ")) {
      DMAIL_TRY(take_user());
      if (parse_u64(text.substr(4)) != count) return fault(lines.number(), "not so many users");
      auto more = lines.next();
      if (!more) return std::move(more.error());
      if (*more) return fault(lines.number(), "comes after the end");
      return count;
    } else {
      return fault(lines.number(), "is not understood");
    }
  }
}

Result<Loading> load(UserTable& users, int fd,
                     const std::function<bool(std::string_view)>& acceptable) {
  struct stat st {};
  if (::fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
    return Error{ErrorKind::BadInput, "", "it is no file (it is read twice)"};
  // All of it is looked at before anything is changed.
  auto good = read_dump(fd, [&](const std::string& user, const Record&) -> Status {
    if (acceptable(user)) return {};
    return Error{
        ErrorKind::BadInput, "",
        concat("the user name ", escaped(user, 60), " is not acceptable; nothing is changed")};
  });
  if (!good) return std::move(good.error());
  Loading done;
  auto taken = read_dump(fd, [&](const std::string& user, const Record& record) -> Status {
    bool existed = false;
    DMAIL_TRY(users.change(
        user, [&](Record& now) { now = record; }, &existed));
    ++(existed ? done.changed : done.added);
    return {};
  });
  if (!taken) return std::move(taken.error());
  return done;
}

}  // namespace dmail::nwauth
