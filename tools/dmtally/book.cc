#include "tools/dmtally/book.h"

#include <arpa/inet.h>
#include <fcntl.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "base/number.h"
#include "base/text.h"
#include "io/clock.h"
#include "io/file.h"
#include "io/file_lock.h"
#include "privsep/address_key.h"

namespace dmail::tally {
namespace {

using privsep::Mark;
using privsep::MarkKind;

constexpr std::string_view kPurged = "purged";  // beside the addresses, which begin with 4 or 6
constexpr int kMarksLockMs = 2000;
constexpr int64_t kLongestMark = 8 * 24 * 3600;  // seconds; forward_window is at most a week

int64_t now_ms() { return wall_microseconds() / 1000; }

Error no_address() { return Error{ErrorKind::BadInput, "It is not an address", "not an address"}; }

std::string text_of(std::string_view key) {
  char text[INET6_ADDRSTRLEN] = "";
  if (key.size() == 5 && key[0] == '4') ::inet_ntop(AF_INET, key.data() + 1, text, sizeof text);
  if (key.size() == 17 && key[0] == '6') ::inet_ntop(AF_INET6, key.data() + 1, text, sizeof text);
  return text;
}

uint32_t seconds_of(int64_t seconds) {
  return static_cast<uint32_t>(std::clamp<int64_t>(seconds, 0, UINT32_MAX));
}

}  // namespace

Result<std::unique_ptr<Book>> Book::open(const std::string& directory) {
  std::unique_ptr<Book> book(new Book);
  table::EnvironmentOptions options;
  options.lock_timeout_ms = 3000;
  options.sync = false;  // a crash of the machine may forget the last moments
  auto environment = table::Environment::open(directory, options);
  if (!environment) return std::move(environment.error());
  book->environment_ = std::move(*environment);
  auto failures = book->environment_->table("failures.db");
  if (!failures) return std::move(failures.error());
  book->failures_ = std::move(*failures);
  auto relay = book->environment_->table("relay.db");
  if (!relay) return std::move(relay.error());
  book->relay_ = std::move(*relay);
  DMAIL_TRY(book->open_marks(directory));
  return book;
}

// ---- failures

Result<int64_t> Book::change(std::string_view ip,
                             int64_t (*how)(Failures&, int64_t, int64_t, int64_t),
                             int64_t login_delay, int64_t most) {
  const std::string key = privsep::network_key(ip);
  if (key.empty()) return no_address();
  const int64_t now = now_ms();
  int64_t delay = 0;
  Failures failures;
  DMAIL_TRY(failures_->update(
      key, [&](std::optional<std::string_view> old) -> std::optional<std::string> {
        failures = failures_of(old);
        delay = how(failures, now, login_delay, most);
        if (failures.count == 0) return std::nullopt;
        return serialise(failures);
      }));
  if (failures.count != 0)
    DMAIL_TRY(mark(MarkKind::Failures, key, {seconds_of(expiry_ms(failures) / 1000 + 1), 0}));
  return delay;
}

Result<int64_t> Book::begin_attempt(std::string_view ip, int64_t login_delay, int64_t most) {
  return change(ip, tally::begin_attempt, login_delay, most);
}

Result<int64_t> Book::count_failure(std::string_view ip, int64_t login_delay, int64_t most) {
  return change(ip, tally::count_failure, login_delay, most);
}

// ---- logins

Status Book::logged_in(std::string_view ip, std::string_view user, int64_t window) {
  const std::string key = privsep::address_key(ip);
  if (key.empty() || user.empty() || user.size() > kMaxUser) return no_address();
  const int64_t now = wall_seconds();
  DMAIL_TRY(relay_->put(key, serialise(Login{now, window, std::string(user)})));
  return mark(MarkKind::Relay, key, {seconds_of(now + window), privsep::mark_tag(key, user)});
}

Result<std::optional<std::string>> Book::relay_user(std::string_view ip, int64_t window) {
  const std::string key = privsep::address_key(ip);
  if (key.empty()) return no_address();
  auto stored = relay_->find(key);
  if (!stored) return std::move(stored.error());
  const auto login = login_of(*stored);
  if (!login || left(*login, wall_seconds(), window) == 0) return std::optional<std::string>();
  return std::optional(login->user);
}

Status Book::each_login(int64_t window, const std::function<void(const Entry&)>& each) {
  const int64_t now = wall_seconds();
  return relay_->scan("", [&](std::string_view key, std::string_view value) {
    Entry entry;
    entry.ip = text_of(key);
    if (auto login = login_of(value); login && !entry.ip.empty()) {
      entry.left = left(*login, now, window);
      entry.login = std::move(*login);
      if (entry.left > 0) each(entry);
    }
    return true;
  });
}

Result<bool> Book::remove_login(std::string_view ip) {
  const std::string key = privsep::address_key(ip);
  if (key.empty()) return no_address();
  auto removed = relay_->remove(key);
  // The next login is recorded again, however soon.
  if (removed) DMAIL_TRY(mark(MarkKind::Relay, key, {}));
  return removed;
}

// ---- purging

Result<int> Book::purge() {
  const int64_t now = now_ms();
  int removed = 0;
  auto sweep = [&](table::Table& table, auto expired) -> Status {
    std::vector<std::string> old;
    DMAIL_TRY(table.scan("", [&](std::string_view key, std::string_view value) {
      if (key != kPurged && expired(value)) old.emplace_back(key);
      return true;
    }));
    for (const std::string& key : old) {
      // It may have been renewed since.
      bool gone = false;
      DMAIL_TRY(table.update(
          key, [&](std::optional<std::string_view> value) -> std::optional<std::string> {
            gone = value && expired(*value);
            if (!value || gone) return std::nullopt;
            return std::string(*value);
          }));
      removed += gone ? 1 : 0;
    }
    return {};
  };
  DMAIL_TRY(sweep(*failures_, [&](std::string_view v) {
    // One from a clock that was ahead would wait until that time comes.
    const Failures f = failures_of(v);
    return f.since_ms > now + kHalfLife * 1000 || at(f, now).count == 0;
  }));
  DMAIL_TRY(sweep(*relay_, [&](std::string_view v) {
    const auto login = login_of(v);
    return !login || left(*login, now / 1000, login->window) == 0;
  }));
  DMAIL_TRY(environment_->checkpoint());
  return removed;
}

Status Book::purge_when_due() {
  const int64_t now = wall_seconds();
  bool due = false;
  // Whoever writes the new time does the work.
  auto stored = failures_->find(kPurged);
  if (!stored) return std::move(stored.error());
  auto recent = [&](std::string_view value) {
    const auto when = parse_u64(value, INT64_MAX / 4);
    return when && static_cast<int64_t>(*when) <= now &&
           now < static_cast<int64_t>(*when) + kPurgeEvery;
  };
  if (*stored && recent(**stored)) return {};
  DMAIL_TRY(failures_->update(kPurged, [&](std::optional<std::string_view> old) {
    due = !old || !recent(*old);
    return std::optional(due ? concat(now) : std::string(*old));
  }));
  if (!due) return {};
  auto done = purge();
  if (!done) return std::move(done.error());
  return {};
}

// ---- marks

Status Book::open_marks(const std::string& directory) {
  const std::string path = directory + "/marks";
  auto file = open_file(path, O_RDWR | O_CREAT, 0600);
  if (!file) return std::move(file.error());
  marks_ = std::move(*file);
  auto st = stat_fd(marks_.get());
  if (!st) return std::move(st.error());
  if (st->st_size == static_cast<off_t>(privsep::kMarksSize)) return {};
  // New, or not ours: its length is set last, so that a half-made one is made again.
  auto lock = FileLock::take(marks_.get(), LockMode::Exclusive, Deadline::in_ms(kMarksLockMs));
  if (!lock) return std::move(lock.error());
  st = stat_fd(marks_.get());
  if (st && st->st_size == static_cast<off_t>(privsep::kMarksSize)) return {};
  DMAIL_TRY(truncate_to(marks_.get(), 0));
  DMAIL_TRY(truncate_to(marks_.get(), privsep::kMarksSize - 1));
  DMAIL_TRY(rebuild_marks());
  return truncate_to(marks_.get(), privsep::kMarksSize);
}

namespace {

// The later of two marks of one slot; one that no clock of today can have made gives way.
Status write_mark(int fd, MarkKind kind, std::string_view key, Mark mark) {
  const uint64_t at = privsep::mark_offset(kind, key);
  std::array<char, sizeof(Mark)> bytes{};
  auto got = read_at(fd, bytes, at);
  if (!got) return std::move(got.error());
  Mark old;
  std::memcpy(&old, bytes.data(), sizeof old);
  if (old.until > wall_seconds() + kLongestMark) old.until = 0;
  mark.until = std::max(mark.until, old.until);
  std::memcpy(bytes.data(), &mark, sizeof mark);
  return write_at(fd, {bytes.data(), bytes.size()}, at);
}

}  // namespace

Status Book::rebuild_marks() {
  Status done;
  DMAIL_TRY(failures_->scan("", [&](std::string_view key, std::string_view value) {
    const Failures f = failures_of(value);
    if (key != kPurged && f.count != 0)
      done = write_mark(marks_.get(), MarkKind::Failures, key,
                        {seconds_of(expiry_ms(f) / 1000 + 1), 0});
    return done.ok();
  }));
  DMAIL_TRY(std::move(done));
  DMAIL_TRY(relay_->scan("", [&](std::string_view key, std::string_view value) {
    if (const auto login = login_of(value))
      done = write_mark(marks_.get(), MarkKind::Relay, key,
                        {seconds_of(login->when + login->window), 0});
    return done.ok();
  }));
  return done;
}

Status Book::mark(MarkKind kind, std::string_view key, Mark mark) {
  auto lock = FileLock::take(marks_.get(), LockMode::Exclusive, Deadline::in_ms(kMarksLockMs));
  if (!lock) return std::move(lock.error());
  return write_mark(marks_.get(), kind, key, mark);
}

}  // namespace dmail::tally
