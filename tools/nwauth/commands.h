// The commands of the line protocol: one question in, all lines of the answer out.  Safe for
// several threads.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tools/modules/server.h"
#include "tools/modules/verified.h"
#include "tools/nwauth/secret.h"
#include "tools/nwauth/user_table.h"

namespace dmail::nwauth {

using modules::kMaxLine;
using modules::Verified;

inline constexpr size_t kMaxName = 255;
inline constexpr size_t kMaxPassword = 1024;
inline constexpr size_t kMaxFound = 10000;  // names in one answer to search

struct Policy {
  HashKind hash = HashKind::Yescrypt;
  int scram_iterations = 10000;
  bool read_only = false;
  bool keep_plain = false;        // set keeps the password itself, too
  std::string digest_realm;       // set keeps DIGEST-MD5's key of this realm; empty: none
  bool allow_ats = false;         // more than one @ in a name
  bool allow_high_ascii = false;  // bytes over 127 in a name
};

class Commands : public modules::Responder {
 public:
  Commands(UserTable& users, Verified& verified, const Policy& policy)
      : users_(&users), verified_(&verified), policy_(policy) {}

  // Lines with LF.  Empty when the question is quit or exit.
  std::string answer(std::string_view line);
  std::string answer(std::string_view line, int64_t) override { return answer(line); }
  // The answer when it needs no crypt(3) and no write: lookup, secret, and check of a password seen
  // before.
  std::optional<std::string> quick_answer(std::string_view line) override;

  // set with its parts: a password may hold blanks here.  Labels as name=value or name="value".
  std::string set(std::string_view user, std::string_view password,
                  const std::vector<std::string>& labels);
  // Whether `user` can be a name here, written as the database keeps it.
  [[nodiscard]] bool is_key(std::string_view user) const { return key_of(user) == user; }

 private:
  std::string check(std::string_view user, std::string_view password);
  std::string lookup(std::string_view user);
  std::string secret(std::string_view user, std::string_view mechanism);
  std::string set_line(std::string_view rest);
  std::string remove(std::string_view user);
  std::string search(std::string_view rest);
  // The name as a key (lower case); nullopt when it is not acceptable.
  [[nodiscard]] std::optional<std::string> key_of(std::string_view user) const;

  UserTable* users_;
  Verified* verified_;
  Policy policy_;
};

}  // namespace dmail::nwauth
