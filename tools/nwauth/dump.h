// The whole database as text, to keep and to load again: hashes and keys included, so the file is
// for its owner's eyes alone.
//   nwauth-dump 1
//   user joe
//    nwauth 1              the record (record.h), one blank before each line
//    created 1795000000
//    ...
//   end 1                  how many: a file that was cut short is no dump
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "tools/nwauth/user_table.h"

namespace dmail::nwauth {

inline constexpr size_t kMaxDumpLine = 8 * 1024;
inline constexpr size_t kMaxRecord = 64 * 1024;

// Writes all users to `fd`, which is synced where it is a file.  How many.
Result<uint64_t> dump(UserTable& users, int fd);

struct Loading {
  uint64_t added = 0, changed = 0;
};
// Takes all users of a dump, a regular file, over; others stay.  Nothing is changed when there is a
// fault anywhere in the file.  `acceptable` says whether a name can be a user's here.
Result<Loading> load(UserTable& users, int fd,
                     const std::function<bool(std::string_view)>& acceptable);

// `fd` as a dump, each user to `each` until it fails; how many there are.  BadInput names the line.
using EachUser = std::function<Status(const std::string& user, Record record)>;
Result<uint64_t> read_dump(int fd, const EachUser& each);

}  // namespace dmail::nwauth
