// The answers of unixauth to check, lookup and account, one line each.  The same words for every
// refusal, and why in brackets, for the log; the same work, too: a name that is refused whatever
// the password is (root, system accounts, impossible names) never reaches PAM, but another one
// does.
#pragma once

#include <string>
#include <string_view>

#include "tools/unixauth/system.h"

namespace dmail::unixauth {

inline constexpr size_t kMaxUser = 255;
inline constexpr size_t kMaxPassword = 1024;

enum class PamOnly { No, Login, All };  // accounts that PAM knows and getpwnam does not

struct Answers {
  std::string service = "imap";
  std::string client_ip;
  uid_t minimum_uid = 1000;
  uid_t maximum_uid = 60000;  // gids, too
  PamOnly pam_only = PamOnly::Login;
  // Others ask in the servers' place: the answer to a lookup says that there is `account` to ask.
  bool tells_of_rules = false;

  std::string check(std::string_view user, std::string_view password);
  std::string lookup(std::string_view user);
  // As lookup, for a login whose proof was no password: the account rules are asked, too.
  std::string account(std::string_view user);

 private:
  Judgement ask_pam(std::string_view user, std::string_view password) const;
  // Why the system's account of that name has no mail here; empty: it has.
  [[nodiscard]] std::string refused(const SystemUser& user, std::string_view asked) const;
  std::string find(std::string_view user);
  std::string lookup_in_pam(std::string_view user);

  enum class Stack { Untried, Knows, YesToAll } account_stack_ = Stack::Untried;
};

}  // namespace dmail::unixauth
