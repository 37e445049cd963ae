#include "tools/dmtally/records.h"

#include <algorithm>
#include <bit>

#include "base/number.h"
#include "base/text.h"

namespace dmail::tally {
namespace {

std::optional<int64_t> number(std::string_view& rest) {
  const auto n = parse_u64(take_until(rest, ' '), INT64_MAX / 4);
  return n ? std::optional(static_cast<int64_t>(*n)) : std::nullopt;
}

}  // namespace

std::string serialise(const Failures& f) {
  return concat(f.count, ' ', f.since_ms, ' ', f.free_ms);
}

Failures failures_of(std::optional<std::string_view> stored) {
  if (!stored) return {};
  const auto count = number(*stored), since = number(*stored), free = number(*stored);
  if (!count || !since || !free || *count > kMaxFailures) return {};
  return {static_cast<uint32_t>(*count), *since, *free};
}

Failures at(Failures f, int64_t now_ms) {
  // A clock that was set back: from now on.
  if (f.since_ms > now_ms) f.since_ms = now_ms;
  const int64_t halvings = (now_ms - f.since_ms) / (kHalfLife * 1000);
  f.count = halvings > 31 ? 0 : f.count >> halvings;
  f.since_ms += halvings * kHalfLife * 1000;
  if (f.count == 0) return {};
  return f;
}

int64_t expiry_ms(const Failures& f) {
  return f.since_ms + std::bit_width(f.count) * kHalfLife * 1000;
}

int64_t delay_ms(uint32_t count, int64_t login_delay, int64_t most) {
  if (count == 0) return 0;
  int64_t delay = login_delay;
  for (uint32_t i = 1; i < count && delay < most; ++i) delay *= 2;
  return std::min(delay, most);
}

int64_t begin_attempt(Failures& f, int64_t now_ms, int64_t login_delay, int64_t most) {
  f = at(f, now_ms);
  if (f.count == 0) return 0;
  // A clock that was set back: nobody waits that long.
  if (f.free_ms - now_ms > 2 * most) f.free_ms = now_ms;
  const int64_t wait = std::max<int64_t>(f.free_ms - now_ms, 0);
  // Looked at one delay apart, without exception: who does not fit in is not looked at at all.
  if (wait > most) return kFull;
  f.free_ms = now_ms + wait + delay_ms(f.count, login_delay, most);
  return wait;
}

int64_t count_failure(Failures& f, int64_t now_ms, int64_t login_delay, int64_t most) {
  f = at(f, now_ms);
  if (f.count == 0) f.since_ms = now_ms;
  f.count = std::min(f.count + 1, kMaxFailures);
  const int64_t delay = delay_ms(f.count, login_delay, most);
  // Those who wait keep their turn: at most the longest wait and one delay.
  f.free_ms = std::max(std::min(f.free_ms, now_ms + 2 * most), now_ms + delay);
  return delay;
}

std::string serialise(const Login& login) {
  return concat(login.when, ' ', login.window, ' ', login.user);
}

std::optional<Login> login_of(std::optional<std::string_view> stored) {
  if (!stored) return std::nullopt;
  const auto when = number(*stored), window = number(*stored);
  if (!when || !window || stored->empty() || stored->size() > kMaxUser) return std::nullopt;
  return Login{*when, *window, std::string(*stored)};
}

int64_t left(const Login& login, int64_t now, int64_t window) {
  if (login.when > now) return 0;  // the clock was set back
  return std::max<int64_t>(login.when + std::min(login.window, window) - now, 0);
}

}  // namespace dmail::tally
