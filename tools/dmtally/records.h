// What is stored about addresses, as values and pure functions over them; no database, no clock.
// A stored value that cannot be read counts as none: nothing here is worth failing for.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace dmail::tally {

inline constexpr int64_t kHalfLife = 600;     // seconds in which the number of failures halves
inline constexpr uint32_t kMaxFailures = 32;  // counted; more makes no wait longer
inline constexpr size_t kMaxUser = 300;

struct Failures {
  uint32_t count = 0;
  int64_t since_ms = 0;  // what `count` was true at
  int64_t free_ms = 0;   // no attempt is looked at before
};

std::string serialise(const Failures& failures);
Failures failures_of(std::optional<std::string_view> stored);
// The same at `now_ms`, with what has been forgotten since.
Failures at(Failures failures, int64_t now_ms);
// When nothing of it is left.
int64_t expiry_ms(const Failures& failures);
// login_delay * 2^(count - 1), at most `most`; 0 without failures.
int64_t delay_ms(uint32_t count, int64_t login_delay, int64_t most);

// No attempt waits longer than the longest delay: what would, finds the queue full.
inline constexpr int64_t kFull = -1;
// An attempt begins: how long it has to wait, after all others of its address that wait already; or
// kFull, and it must not be looked at.
int64_t begin_attempt(Failures& failures, int64_t now_ms, int64_t login_delay, int64_t most);
// It was wrong: how long the answer has to wait.
int64_t count_failure(Failures& failures, int64_t now_ms, int64_t login_delay, int64_t most);

struct Login {
  int64_t when = 0;    // seconds
  int64_t window = 0;  // forward_window then
  std::string user;
};

std::string serialise(const Login& login);
std::optional<Login> login_of(std::optional<std::string_view> stored);
// Seconds left at `now`; not more than `window`, which may have been made shorter since.
int64_t left(const Login& login, int64_t now, int64_t window);

}  // namespace dmail::tally
