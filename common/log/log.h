// The log: one line an event, in key=value form, written with one write(2) to a file opened
// O_APPEND, so that lines of many processes never mix:
//   2026-11-21T10:00:00.123Z imapd[4711] sid=abc123 level=info event=login user="x" ip=1.2.3.4
// Texts are quoted and escaped (base/text.h), so bytes of a client cannot forge a line or a field;
// numbers, true/false and addresses stand bare.  Passwords and message texts are never given to it.
//
// A log that cannot be written never stops service: lines are lost, counted, and the count is
// logged (event=log-gap) when writing works again.  Limits: kMaxValue bytes of a value, kMaxLogLine
// of a line. main() builds a Log and passes it by reference.
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "io/owned_fd.h"

namespace dmail::log {

inline constexpr size_t kMaxValue = 500;
inline constexpr size_t kMaxLogLine = 4000;
inline constexpr int kInheritedFd = 4;  // where a monitor leaves the open log for its children

enum class Level { Error, Info, Debug };
Level level_of(std::string_view name);  // Info when the name is none of error, info, debug
inline Level level_of(const Error& error) { return is_fault(error) ? Level::Error : Level::Info; }

// One key=value of a line.  A view: it lives as long as the call it is an argument of.
class Field {
 public:
  Field(std::string_view key, std::string_view text) : key_(key), text_(text) {}
  Field(std::string_view key, const char* text) : key_(key), text_(text) {}
  Field(std::string_view key, const std::string& text) : key_(key), text_(text) {}
  Field(std::string_view key, bool yes) : key_(key), text_(yes ? "true" : "false"), bare_(true) {}
  template <std::integral T>
  requires(!std::same_as<T, bool> && !std::same_as<T, char>) Field(std::string_view key, T number)
      : key_(key),
        number_(static_cast<uint64_t>(number)),
        is_number_(true),
        negative_(std::signed_integral<T> && number < T{}) {}

  void append_to(std::string& line) const;

 private:
  std::string_view key_;
  std::string_view text_;
  uint64_t number_ = 0;
  bool is_number_ = false;
  bool negative_ = false;
  bool bare_ = false;
};
using Fields = std::initializer_list<Field>;

// Where a program's log is and when it is rotated: FILE.1 is the newest of `keep` old ones.
struct Place {
  std::string directory;
  std::string program;   // directory/PROGRAM.log
  int64_t max_size = 0;  // bytes; 0 never rotates
  int keep = 4;
};

class Log {
 public:
  // Opens (or creates) and rotates the file; log_file.h says who may read it.  When that fails the
  // reason goes to syslog's socket and lines go nowhere, because under inetd standard error is the
  // client's connection.
  static Log open(const Place& place, Level level);
  // In a child: the descriptor the monitor left open; standard error when it is closed (run by
  // hand), unless that is a socket: under inetd it is the client's connection.
  static Log inherited(std::string program, std::string session_id, std::string_view level,
                       int fd = kInheritedFd);
  static Log to_stderr(std::string program, Level level);

  Log(Log&&) noexcept = default;
  Log& operator=(Log&&) noexcept = default;

  void error(std::string_view event, Fields fields = {}) { write(Level::Error, event, fields); }
  void info(std::string_view event, Fields fields = {}) {
    if (wants(Level::Info)) write(Level::Info, event, fields);
  }
  void debug(std::string_view event, Fields fields = {}) {
    if (wants(Level::Debug)) write(Level::Debug, event, fields);
  }
  void line(Level level, std::string_view event, Fields fields) {
    if (wants(level)) write(level, event, fields);
  }
  [[nodiscard]] bool wants(Level level) const { return level <= level_; }

  void set_level(Level level) { level_ = level; }
  void set_session(std::string id) { session_ = std::move(id); }
  [[nodiscard]] const std::string& session() const { return session_; }
  [[nodiscard]] const std::string& program() const { return program_; }
  // For children: to be put at kInheritedFd.  -1 when there is none.
  [[nodiscard]] int fd() const { return fd_; }
  // Why open() failed; empty when it did not.
  [[nodiscard]] const std::string& problem() const { return problem_; }

 private:
  Log(std::string program, Level level, int fd)
      : program_(std::move(program)), level_(level), fd_(fd) {}
  void write(Level level, std::string_view event, Fields fields);
  void put(std::string line);
  void reopen();

  std::string program_;
  std::string session_;
  Level level_;
  int fd_;         // where lines go
  OwnedFd owned_;  // the same, when the file is ours
  Place place_;
  std::string problem_;
  int64_t until_check_ = 0;  // bytes until the size is looked at again
  uint64_t lost_ = 0;
  bool torn_ = false;  // the last line was cut short by a full disk
};

// A session id: short, of [0-9a-z], unique on the host (time, pid, counter of this process).
std::string new_session_id();
// The id made of these, for tests.
std::string session_id_of(int64_t unix_ms, int64_t pid, uint64_t counter);

}  // namespace dmail::log
