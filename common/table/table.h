// Keyed tables that several processes share: Berkeley DB 5.3, one transactional environment per
// directory.  Every change is one transaction, on disk when the call returns (unless told
// otherwise).  The environment's home is always named and absolute, a DB_CONFIG file there or in
// the current directory is not read.  A process that dies inside leaves nothing behind: the next
// open recovers (DB_REGISTER with DB_RECOVER), and processes that still had it open get Io from
// then on and open again. Not fork-safe: a child must not touch an object its parent opened; open
// after the fork.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace dmail::table {

inline constexpr size_t kMaxKey = 1024;
inline constexpr size_t kMaxValue = 64 * 1024;

struct EnvironmentOptions {
  bool read_only = false;  // tables are opened for reading; the environment must exist
  bool sync = true;        // false: a change may be lost when the machine (not the process) dies
  uint64_t cache_bytes = 256 * 1024;
  int lock_timeout_ms = 5000;
};

class Table;

class Environment {
 public:
  // `home`: an absolute path; made (0700) when missing and not read_only.
  static Result<std::unique_ptr<Environment>> open(const std::string& home,
                                                   EnvironmentOptions options = {});
  virtual ~Environment() = default;
  // A B-tree table in `file` (a plain file name) of the environment.  It must not outlive the
  // environment.
  virtual Result<std::unique_ptr<Table>> table(const std::string& file) = 0;
  virtual Status
  checkpoint() = 0;  // writes changes from the log to the tables and removes old logs
};

class Table {
 public:
  virtual ~Table() = default;
  virtual Result<std::optional<std::string>> find(std::string_view key) = 0;
  virtual Status put(std::string_view key, std::string_view value) = 0;
  virtual Result<bool> remove(std::string_view key) = 0;  // whether it was there
  // Reads, lets `change` make the new value (nullopt: remove), writes: one transaction.  `change`
  // may be called again after a deadlock.
  using Change = std::function<std::optional<std::string>(std::optional<std::string_view> old)>;
  virtual Status update(std::string_view key, const Change& change) = 0;
  // Every entry with key >= `from` in byte order until `each` says false.
  using Each = std::function<bool(std::string_view key, std::string_view value)>;
  virtual Status scan(std::string_view from, const Each& each) = 0;
};

}  // namespace dmail::table
