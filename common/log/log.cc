#include "log/log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/ascii.h"
#include "base/text.h"
#include "io/clock.h"
#include "log/log_file.h"
#include "log/log_time.h"

namespace dmail::log {

namespace {

constexpr int64_t kCheckEvery = 64 * 1024;     // bytes written between two looks at the file's size
constexpr int64_t kIdEpochMs = 1577836800000;  // 2020-01-01: eight digits of time last until 2109

bool is_address(std::string_view s) {
  return !s.empty() && s.size() <= 46 && s.find_first_of(".:") != std::string_view::npos &&
         std::all_of(s.begin(), s.end(),
                     [](char c) { return hex_value(c) >= 0 || c == '.' || c == ':'; });
}

void append_base36(std::string& out, uint64_t value, size_t width) {
  const size_t start = out.size();
  do {
    out.push_back("0123456789abcdefghijklmnopqrstuvwxyz"[value % 36]);
    value /= 36;
  } while (value != 0 || out.size() - start < width);
  std::reverse(out.begin() + static_cast<std::ptrdiff_t>(start), out.end());
}

// Whether `fd` is open for what a log does.  A file that is not appended to is something that a
// shell left open, not our log.
bool is_log(int fd) {
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags == -1 || (flags & O_ACCMODE) == O_RDONLY) return false;
  struct stat st {};
  return ::fstat(fd, &st) == 0 && (!S_ISREG(st.st_mode) || (flags & O_APPEND) != 0);
}

bool is_socket(int fd) {
  struct stat st {};
  return ::fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode);
}

std::string_view name_of(Level level) {
  if (level == Level::Error) return "error";
  return level == Level::Info ? "info" : "debug";
}

}  // namespace

Level level_of(std::string_view name) {
  if (name == "error") return Level::Error;
  return name == "debug" ? Level::Debug : Level::Info;
}

void Field::append_to(std::string& line) const {
  line += ' ';
  line += key_;
  line += '=';
  if (is_number_) {
    if (negative_) line += '-';
    append(line, negative_ ? uint64_t{0} - number_ : number_);
  } else if (bare_ || is_address(text_)) {
    line += text_;
  } else {
    line += '"';
    line += escaped(text_, kMaxValue);
    line += '"';
  }
}

Log Log::open(const Place& place, Level level) {
  Log log(place.program, level, -1);
  log.place_ = place;
  log.reopen();
  if (!log.problem_.empty()) tell_syslog(place.program, log.problem_);
  return log;
}

Log Log::inherited(std::string program, std::string session_id, std::string_view level, int fd) {
  if (!is_log(fd)) fd = is_socket(STDERR_FILENO) ? -1 : STDERR_FILENO;
  Log log(std::move(program), level_of(level), fd);
  log.session_ = std::move(session_id);
  return log;
}

Log Log::to_stderr(std::string program, Level level) {
  return {std::move(program), level, STDERR_FILENO};
}

void Log::reopen() {
  until_check_ = kCheckEvery;
  auto file = open_log_file(place_);
  if (!file) {
    // A file that was open stays in use: a process that gave up its rights cannot open it again.
    if (fd_ < 0) problem_ = concat("no log: ", escaped(file.error().log, kMaxValue));
    return;
  }
  owned_ = std::move(*file);
  fd_ = owned_.get();
}

void Log::write(Level level, std::string_view event, Fields fields) {
  if (fd_ < 0) return;
  std::string line;
  line.reserve(256);
  line.resize(kTimeLength);
  write_time(line.data(), wall_microseconds());
  line += concat(' ', program_, '[', ::getpid(), ']');
  if (!session_.empty()) line += concat(" sid=", session_);
  line += concat(" level=", name_of(level), " event=", event);
  for (const Field& field : fields) {
    const size_t before = line.size();
    field.append_to(line);
    if (line.size() > kMaxLogLine - 16) {
      line.resize(before);
      line += " cut=true";
      break;
    }
  }
  line += '\n';
  put(std::move(line));
}

void Log::put(std::string line) {
  if (const uint64_t lost = std::exchange(lost_, 0); lost != 0) {
    write(Level::Error, "log-gap", {{"lines", lost}});
    if (lost_ != 0) {
      lost_ += lost;  // still failing: the gap's own line counts for `line`
      return;
    }
  }
  if (torn_) line.insert(line.begin(), '\n');
  ssize_t n;
  do {
    n = ::write(fd_, line.data(), line.size());
  } while (n < 0 && errno == EINTR);
  if (n == static_cast<ssize_t>(line.size())) {
    torn_ = false;
  } else {
    ++lost_;
    torn_ = torn_ || n > 0;
  }
  if (!owned_.valid()) return;
  until_check_ -= static_cast<int64_t>(line.size());
  if (until_check_ <= 0) reopen();
}

std::string session_id_of(int64_t unix_ms, int64_t pid, uint64_t counter) {
  // Time and pid have fixed widths, so that two different triples never read the same.
  std::string id;
  append_base36(id, static_cast<uint64_t>(std::max<int64_t>(unix_ms - kIdEpochMs, 0)), 8);
  append_base36(id, static_cast<uint64_t>(pid), 5);
  if (counter != 0) append_base36(id, counter, 1);
  return id;
}

std::string new_session_id() {
  static uint64_t counter = 0;
  return session_id_of(wall_microseconds() / 1000, ::getpid(), counter++);
}

}  // namespace dmail::log
