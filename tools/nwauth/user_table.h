// The users: records in one shared table.  Safe for several threads and several processes.  When
// another process died inside the database, it is opened (and so recovered) again, once per call.
// The file `changes` beside it holds other bytes after every change: who remembers answers
// (authpool -watch) looks there.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>

#include "table/table.h"
#include "tools/nwauth/record.h"

namespace dmail::nwauth {

class UserTable {
 public:
  // `directory`: absolute; made when missing.
  static Result<std::unique_ptr<UserTable>> open(const std::string& directory, bool read_only);

  Result<std::optional<Record>> find(const std::string& user);
  // Makes or changes a record in one transaction; `existed` says which.
  Status change(const std::string& user, const std::function<void(Record&)>& edit,
                bool* existed = nullptr);
  Result<bool> remove(const std::string& user);
  // All names in byte order from `prefix` on, until `each` says false.
  Status names(std::string_view prefix, const std::function<bool(std::string_view)>& each);
  // All users with their records as they are stored, likewise.
  Status each(const std::function<bool(std::string_view name, std::string_view record)>& one);

 private:
  UserTable(std::string directory, bool read_only)
      : directory_(std::move(directory)), read_only_(read_only) {}
  Status reopen();
  void tell_of_change() const;
  template <typename Result, typename Call>
  Result with_table(const Call& call);

  std::string directory_;
  bool read_only_;
  std::shared_mutex mutex_;  // shared: using the table; alone: opening it
  std::unique_ptr<table::Environment> environment_;
  std::unique_ptr<table::Table> table_;
};

}  // namespace dmail::nwauth
