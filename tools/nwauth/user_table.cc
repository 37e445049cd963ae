#include "tools/nwauth/user_table.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <mutex>

#include "io/clock.h"
#include "io/owned_fd.h"

namespace dmail::nwauth {

Result<std::unique_ptr<UserTable>> UserTable::open(const std::string& directory, bool read_only) {
  std::unique_ptr<UserTable> users(new UserTable(directory, read_only));
  DMAIL_TRY(users->reopen());
  return users;
}

Status UserTable::reopen() {
  const std::unique_lock lock(mutex_);
  table_.reset();
  environment_.reset();
  table::EnvironmentOptions options;
  options.read_only = read_only_;
  auto environment = table::Environment::open(directory_, options);
  if (!environment) return std::move(environment.error());
  auto opened = (*environment)->table("users.db");
  if (!opened) return std::move(opened.error());
  environment_ = std::move(*environment);
  table_ = std::move(*opened);
  return {};
}

template <typename R, typename Call>
R UserTable::with_table(const Call& call) {
  for (bool again = false;; again = true) {
    std::shared_lock lock(mutex_);
    R result = table_ ? call(*table_) : R(Error{ErrorKind::Io, "Try again later", "not open"});
    if (result || result.error().kind != ErrorKind::Io || again) return result;
    lock.unlock();
    DMAIL_TRY(reopen());
  }
}

Result<std::optional<Record>> UserTable::find(const std::string& user) {
  using Stored = Result<std::optional<std::string>>;
  Stored bytes = with_table<Stored>([&](table::Table& t) { return t.find(user); });
  if (!bytes) return std::move(bytes.error());
  if (!*bytes) return std::optional<Record>();
  Result<Record> record = parse_record(**bytes);
  if (!record) return std::move(record.error());
  return std::optional<Record>(std::move(*record));
}

Status UserTable::change(const std::string& user, const std::function<void(Record&)>& edit,
                         bool* existed) {
  Status parsed;
  Status done = with_table<Status>([&](table::Table& t) {
    return t.update(user, [&](std::optional<std::string_view> old) -> std::optional<std::string> {
      Record record;
      record.created = wall_seconds();
      if (existed != nullptr) *existed = old.has_value();
      if (old) {
        Result<Record> stored = parse_record(*old);
        if (!stored) {
          parsed = std::move(stored.error());
          return std::string(*old);
        }
        record = std::move(*stored);
      }
      edit(record);
      return serialise(record);
    });
  });
  if (!parsed) return parsed;
  if (done) tell_of_change();
  return done;
}

Result<bool> UserTable::remove(const std::string& user) {
  auto removed = with_table<Result<bool>>([&](table::Table& t) { return t.remove(user); });
  if (removed && *removed) tell_of_change();
  return removed;
}

Status UserTable::each(
    const std::function<bool(std::string_view name, std::string_view record)>& one) {
  return with_table<Status>([&](table::Table& t) { return t.scan("", one); });
}

// After the change is there, so that what is asked from now on is answered anew.  Without it, or
// killed before it, answers are remembered as long as they are where nobody tells.
void UserTable::tell_of_change() const {
  const std::string path = directory_ + "/changes";
  const OwnedFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  uint64_t sign[2] = {static_cast<uint64_t>(monotonic_ms()), static_cast<uint64_t>(::getpid())};
  static std::atomic<uint64_t> count = 0;
  sign[0] = sign[0] << 20 | (++count & 0xfffff);
  if (fd.valid() && ::pwrite(fd.get(), sign, sizeof sign, 0) != sizeof sign) return;
}

Status UserTable::names(std::string_view prefix,
                        const std::function<bool(std::string_view)>& each) {
  return with_table<Status>([&](table::Table& t) {
    return t.scan(prefix, [&](std::string_view key, std::string_view) { return each(key); });
  });
}

}  // namespace dmail::nwauth
