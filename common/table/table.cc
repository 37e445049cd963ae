#include "table/table.h"

#include <db.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/text.h"

namespace dmail::table {
namespace {

constexpr int kDeadlockRetries = 50;

Error db_error(std::string_view what, int code) {
  ErrorKind kind = ErrorKind::Io;
  if (code == ENOSPC || code == EDQUOT) kind = ErrorKind::NoSpace;
  if (code == EACCES || code == EROFS || code == EPERM) kind = ErrorKind::NoPermission;
  if (code == ENOENT) kind = ErrorKind::NotFound;
  if (code == DB_LOCK_DEADLOCK || code == DB_LOCK_NOTGRANTED) kind = ErrorKind::InUse;
  return Error{kind, "The database cannot be used now", concat(what, ": ", ::db_strerror(code))};
}

DBT entry_of(std::string_view bytes) {
  DBT t{};
  t.data = const_cast<char*>(bytes.data());
  t.size = static_cast<u_int32_t>(bytes.size());
  return t;
}

// A DBT whose memory Berkeley DB allocates and we free.
struct Fetched : DBT {
  Fetched() : DBT{} {
    data = nullptr;
    flags = DB_DBT_REALLOC;
  }
  ~Fetched() { ::free(data); }
  Fetched(const Fetched&) = delete;
  Fetched& operator=(const Fetched&) = delete;
  [[nodiscard]] std::string_view view() const { return {static_cast<const char*>(data), size}; }
};

bool retried(int code) { return code == DB_LOCK_DEADLOCK || code == DB_LOCK_NOTGRANTED; }

class BerkeleyTable : public Table {
 public:
  BerkeleyTable(DB_ENV* env, DB* db, bool read_only) : env_(env), db_(db), read_only_(read_only) {}
  ~BerkeleyTable() override { db_->close(db_, 0); }
  BerkeleyTable(const BerkeleyTable&) = delete;
  BerkeleyTable& operator=(const BerkeleyTable&) = delete;

  Result<std::optional<std::string>> find(std::string_view key) override {
    DMAIL_TRY(checked(key, ""));
    DBT k = entry_of(key);
    for (int i = 0;; ++i) {
      Fetched value;
      const int r = db_->get(db_, nullptr, &k, &value, 0);
      if (r == 0) return std::optional<std::string>(value.view());
      if (r == DB_NOTFOUND) return std::optional<std::string>();
      if (!retried(r) || i == kDeadlockRetries) return db_error("get", r);
    }
  }

  Status put(std::string_view key, std::string_view value) override {
    return update(key, [&](std::optional<std::string_view>) { return std::string(value); });
  }

  Result<bool> remove(std::string_view key) override {
    bool was_there = false;
    DMAIL_TRY(update(key, [&](std::optional<std::string_view> old) {
      was_there = old.has_value();
      return std::optional<std::string>();
    }));
    return was_there;
  }

  Status update(std::string_view key, const Change& change) override {
    DMAIL_TRY(checked(key, ""));
    if (read_only_)
      return Error{ErrorKind::NoPermission, "The database is read-only", "table is read-only"};
    for (int i = 0;; ++i) {
      DB_TXN* txn = nullptr;
      int r = env_->txn_begin(env_, nullptr, &txn, 0);
      if (r != 0) return db_error("txn_begin", r);
      Result<int> done = change_in(txn, key, change);
      if (!done || *done != 0) {
        txn->abort(txn);
        if (!done) return std::move(done.error());
        if (retried(*done) && i < kDeadlockRetries) continue;
        return db_error("update", *done);
      }
      r = txn->commit(txn, 0);
      if (r == 0) return {};
      return db_error("commit", r);
    }
  }

  // In batches, so that no lock is held while `each` works.
  Status scan(std::string_view from, const Each& each) override {
    std::string at(from);
    bool skip_first = false;
    for (;;) {
      std::vector<std::pair<std::string, std::string>> batch;
      const int r = read_batch(at, skip_first, batch);
      if (r != 0) return db_error("scan", r);
      for (const auto& [key, value] : batch)
        if (!each(key, value)) return {};
      if (batch.size() < kBatch) return {};
      at = batch.back().first;
      skip_first = true;
    }
  }

 private:
  static constexpr size_t kBatch = 100;

  static Status checked(std::string_view key, std::string_view value) {
    if (!key.empty() && key.size() <= kMaxKey && value.size() <= kMaxValue) return {};
    return Error{ErrorKind::Limit, "The entry is too large", "key or value out of limits"};
  }

  // 0, or Berkeley DB's code; an Error when the new value is out of limits.
  Result<int> change_in(DB_TXN* txn, std::string_view key, const Change& change) {
    DBT k = entry_of(key);
    Fetched old;
    int r = db_->get(db_, txn, &k, &old, DB_RMW);
    if (r != 0 && r != DB_NOTFOUND) return r;
    const auto now = change(r == 0 ? std::optional<std::string_view>(old.view()) : std::nullopt);
    if (!now) return r == DB_NOTFOUND ? 0 : db_->del(db_, txn, &k, 0);
    DMAIL_TRY(checked(key, *now));
    DBT v = entry_of(*now);
    return db_->put(db_, txn, &k, &v, 0);
  }

  int read_batch(const std::string& at, bool skip_first,
                 std::vector<std::pair<std::string, std::string>>& batch) {
    for (int i = 0;; ++i) {
      batch.clear();
      DBC* cursor = nullptr;
      int r = db_->cursor(db_, nullptr, &cursor, 0);
      if (r != 0) return r;
      // Berkeley DB allocates for the key of DB_SET_RANGE only what it gives back.
      Fetched key, value;
      key.data = ::malloc(at.size() + 1);
      if (key.data == nullptr) r = ENOMEM;
      if (r == 0) {
        std::memcpy(key.data, at.data(), at.size());
        key.size = static_cast<u_int32_t>(at.size());
        r = cursor->get(cursor, &key, &value, at.empty() ? DB_FIRST : DB_SET_RANGE);
      }
      for (; r == 0 && batch.size() < kBatch; r = cursor->get(cursor, &key, &value, DB_NEXT))
        if (!skip_first || key.view() != at) batch.emplace_back(key.view(), value.view());
      cursor->close(cursor);
      if (r == 0 || r == DB_NOTFOUND) return 0;
      if (!retried(r) || i == kDeadlockRetries) return r;
    }
  }

  DB_ENV* env_;
  DB* db_;
  bool read_only_;
};

class BerkeleyEnvironment : public Environment {
 public:
  BerkeleyEnvironment(DB_ENV* env, bool read_only) : env_(env), read_only_(read_only) {}
  ~BerkeleyEnvironment() override { env_->close(env_, 0); }
  BerkeleyEnvironment(const BerkeleyEnvironment&) = delete;
  BerkeleyEnvironment& operator=(const BerkeleyEnvironment&) = delete;

  Result<std::unique_ptr<Table>> table(const std::string& file) override {
    if (file.empty() || file.find('/') != std::string::npos || file.front() == '.')
      return Error{ErrorKind::BadInput, "", "table name is not a plain file name"};
    DB* db = nullptr;
    int r = ::db_create(&db, env_, 0);
    if (r != 0) return db_error("db_create", r);
    const u_int32_t flags =
        DB_AUTO_COMMIT | DB_THREAD |
        (read_only_ ? static_cast<u_int32_t>(DB_RDONLY) : static_cast<u_int32_t>(DB_CREATE));
    r = db->open(db, nullptr, file.c_str(), nullptr, DB_BTREE, flags, 0600);
    if (r != 0) {
      db->close(db, 0);
      return db_error("open table " + file, r);
    }
    return std::unique_ptr<Table>(std::make_unique<BerkeleyTable>(env_, db, read_only_));
  }

  Status checkpoint() override {
    int r = env_->txn_checkpoint(env_, 0, 0, 0);
    if (r == 0) r = env_->log_archive(env_, nullptr, DB_ARCH_REMOVE);
    if (r != 0) return db_error("checkpoint", r);
    return {};
  }

 private:
  DB_ENV* env_;
  bool read_only_;
};

Status home_ready(const std::string& home, const EnvironmentOptions& options) {
  if (!home.starts_with('/'))
    return Error{ErrorKind::BadInput, "", "database directory is not an absolute path"};
  if (!options.read_only && ::mkdir(home.c_str(), 0700) != 0 && errno != EEXIST)
    return system_error("mkdir " + home, errno);
  struct stat st {};
  if (::lstat(home.c_str(), &st) != 0) return system_error("stat " + home, errno);
  if (!S_ISDIR(st.st_mode) || (st.st_mode & S_IWOTH) != 0)
    return Error{ErrorKind::NoPermission, "", home + " is no directory or anybody may write to it"};
  // Who owns it can put other files in place of these.
  if (st.st_uid != ::geteuid() && st.st_uid != 0)
    return Error{ErrorKind::NoPermission, "",
                 concat(home, " belongs to uid ", st.st_uid, ", and not to uid ", ::geteuid(),
                        ", which uses it")};
  // Berkeley DB obeys a file of this name in the home: that would be somebody else's configuration.
  if (::lstat((home + "/DB_CONFIG").c_str(), &st) == 0)
    return Error{ErrorKind::NoPermission, "", home + "/DB_CONFIG exists; remove it"};
  return {};
}

int configure(DB_ENV* env, const EnvironmentOptions& options) {
  const auto timeout = static_cast<db_timeout_t>(options.lock_timeout_ms) * 1000;
  int r = env->set_cachesize(env, 0, static_cast<u_int32_t>(options.cache_bytes), 1);
  if (r == 0) r = env->set_lk_detect(env, DB_LOCK_DEFAULT);
  if (r == 0) r = env->set_timeout(env, timeout, DB_SET_LOCK_TIMEOUT);
  if (r == 0) r = env->set_lg_max(env, 4 * 1024 * 1024);
  if (r == 0) r = env->log_set_config(env, DB_LOG_AUTO_REMOVE, 1);
  if (r == 0 && !options.sync) r = env->set_flags(env, DB_TXN_WRITE_NOSYNC, 1);
  return r;
}

}  // namespace

Result<std::unique_ptr<Environment>> Environment::open(const std::string& home,
                                                       EnvironmentOptions options) {
  DMAIL_TRY(home_ready(home, options));
  // Recovery may find a process half way through leaving; a second try sees it gone.
  constexpr int kTries = 5;
  for (int i = 1;; ++i) {
    DB_ENV* env = nullptr;
    int r = ::db_env_create(&env, 0);
    if (r != 0) return db_error("db_env_create", r);
    env->set_errcall(env, [](const DB_ENV*, const char*, const char*) {});
    r = configure(env, options);
    constexpr u_int32_t kFlags = DB_CREATE | DB_INIT_TXN | DB_INIT_LOCK | DB_INIT_LOG |
                                 DB_INIT_MPOOL | DB_THREAD | DB_REGISTER | DB_RECOVER;
    if (r == 0) r = env->open(env, home.c_str(), kFlags, 0600);
    if (r == 0)
      return std::unique_ptr<Environment>(
          std::make_unique<BerkeleyEnvironment>(env, options.read_only));
    env->close(env, 0);
    if (r != DB_RUNRECOVERY || i == kTries) return db_error("open environment " + home, r);
  }
}

}  // namespace dmail::table
