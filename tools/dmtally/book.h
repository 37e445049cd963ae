// The tables and the marker file: work_path/tally/failures.db, relay.db and marks.  Run by the mail
// user, who owns them.  Every change ends with the mark it needs, and the mark is never later than
// the entry: a monitor that reads it asks.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "io/owned_fd.h"
#include "privsep/tally_marks.h"
#include "table/table.h"
#include "tools/dmtally/records.h"

namespace dmail::tally {

inline constexpr int64_t kPurgeEvery = 600;  // seconds

class Book {
 public:
  // `directory`: absolute; made when missing.
  static Result<std::unique_ptr<Book>> open(const std::string& directory);

  // Of an address, as text; BadInput when it is none.
  Result<int64_t> begin_attempt(std::string_view ip, int64_t login_delay, int64_t most);
  Result<int64_t> count_failure(std::string_view ip, int64_t login_delay, int64_t most);
  Status logged_in(std::string_view ip, std::string_view user, int64_t window);
  Result<std::optional<std::string>> relay_user(std::string_view ip, int64_t window);

  struct Entry {
    std::string ip;
    Login login;
    int64_t left = 0;
  };
  // Every address that may relay now.
  Status each_login(int64_t window, const std::function<void(const Entry&)>& each);
  Result<bool> remove_login(std::string_view ip);
  // Removes what has expired: how many.  purge_when_due: at most every kPurgeEvery, all processes
  // together.
  Result<int> purge();
  Status purge_when_due();

 private:
  Book() = default;
  Result<int64_t> change(std::string_view ip, int64_t (*how)(Failures&, int64_t, int64_t, int64_t),
                         int64_t login_delay, int64_t most);
  Status open_marks(const std::string& directory);
  Status rebuild_marks();
  Status mark(privsep::MarkKind kind, std::string_view key, privsep::Mark mark);

  std::unique_ptr<table::Environment> environment_;
  std::unique_ptr<table::Table> failures_, relay_;
  OwnedFd marks_;
};

}  // namespace dmail::tally
