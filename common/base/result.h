// Result<T>: a value, or an Error that says what went wrong twice: once for the peer, once for the
// log.
//
// Bad input from a peer, a disk or a configuration file is an Error.  A connection that is over
// (timeout, hang-up) is an exception (io/connection_over.h).  A broken promise of our own is an
// assertion.  Texts: `client` is safe to send (no path, no peer bytes unescaped, no CR or LF);
// `log` may name files and errno and is empty when there is nothing to add.
#pragma once

#include <cassert>
#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace dmail {

enum class ErrorKind {
  BadInput,      // the peer's syntax or value is wrong
  NotFound,      // mailbox, message, user: there is none of that name
  Exists,        // already there
  InUse,         // locked by another for longer than we wait
  NoPermission,  // the system or a rule refuses
  OverQuota,     // would exceed the user's quota
  NoSpace,       // ENOSPC, EDQUOT, EFBIG
  Io,            // EIO and other surprises of the system
  Corrupt,       // a file is not what its format says
  Limit,         // a named limit of ours
  Unsupported,   // known, and not done here
  TryLater,      // a helper cannot answer now
};

struct Error {
  ErrorKind kind = ErrorKind::Io;
  std::string client;
  std::string log;
};

// The one rule of what is worth an administrator's attention: true when something is to be repaired
// (a file, a program, a disk, a right, a setting), false when a user or a peer went wrong (a quota,
// a name, the syntax) or another program is in the way.  NotFound and Unsupported are faults when
// the log is told more than the client: then it was no mailbox that somebody asked for, but a file
// that must be there.
bool is_fault(const Error& error);

// The Error for a failed system call: kind from errno, client text generic, log text
// "what: strerror (errno)".
Error system_error(std::string what, int errno_value);

template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value)
      : state_(std::in_place_index<0>, std::move(value)) {}  // NOLINT: implicit on purpose
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT
  explicit operator bool() const { return state_.index() == 0; }
  [[nodiscard]] bool ok() const { return state_.index() == 0; }
  T& operator*() & {
    assert(ok());
    return *std::get_if<0>(&state_);
  }
  const T& operator*() const& {
    assert(ok());
    return *std::get_if<0>(&state_);
  }
  T&& operator*() && {
    assert(ok());
    return std::move(*std::get_if<0>(&state_));
  }
  T* operator->() {
    assert(ok());
    return std::get_if<0>(&state_);
  }
  const T* operator->() const {
    assert(ok());
    return std::get_if<0>(&state_);
  }
  Error& error() {
    assert(!ok());
    return *std::get_if<1>(&state_);
  }
  const Error& error() const {
    assert(!ok());
    return *std::get_if<1>(&state_);
  }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}  // NOLINT: implicit on purpose
  explicit operator bool() const { return !error_.has_value(); }
  [[nodiscard]] bool ok() const { return !error_.has_value(); }
  Error& error() {
    assert(!ok());
    return *error_;
  }
  const Error& error() const {
    assert(!ok());
    return *error_;
  }

 private:
  std::optional<Error> error_;
};

using Status = Result<void>;

// `DMAIL_TRY(expr)`: return the error of a Result<void> or Result<T> expression to the caller.
#define DMAIL_TRY(expr)                                                              \
  do {                                                                               \
    if (auto dmail_try_ = (expr); !dmail_try_) return std::move(dmail_try_.error()); \
  } while (0)

}  // namespace dmail
