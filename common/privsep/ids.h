// Numeric ids of a user, read from /etc/passwd itself: a static program has no name service.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

#include "base/result.h"

namespace dmail::privsep {

struct Ids {
  uid_t uid = static_cast<uid_t>(-1);
  gid_t gid = static_cast<gid_t>(-1);
  [[nodiscard]] bool valid() const {
    return uid != static_cast<uid_t>(-1) && gid != static_cast<gid_t>(-1);
  }
  bool operator==(const Ids&) const = default;
};

inline constexpr size_t kMaxPasswdLine = 4096;

// `name` is a user's name, or "UID" or "UID:GID" in digits (UID alone: the gid is looked up, and is
// the same number where the user has no entry).  NotFound when there is no such user.
Result<Ids> ids_of(std::string_view name, const std::string& passwd_file = "/etc/passwd");
// Both at the cost of one: the file is read once.
struct TwoIds {
  Result<Ids> first, second;
};
TwoIds ids_of_two(std::string_view first, std::string_view second,
                  const std::string& passwd_file = "/etc/passwd");
// The ids of `uid`, as above.
Result<Ids> ids_of(uid_t uid, const std::string& passwd_file = "/etc/passwd");

}  // namespace dmail::privsep
