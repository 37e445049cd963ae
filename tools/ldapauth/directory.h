// The directory through libldap: one connection for searches, one for binds that check passwords.
// Servers are tried in order, beginning with the one that answered last.  A connection that is gone
// is made anew, once for each server and question.  Nothing is read but what we configure: no
// ldap.conf, no ldaprc, no environment.  Referrals are not followed.
#pragma once

#include <ldap.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "tools/ldapauth/config.h"
#include "tools/ldapauth/entry.h"
#include "tools/ldapauth/server_link.h"

namespace dmail::ldapauth {

inline constexpr int64_t kIdleMs = 60'000;  // an older connection is not trusted to be there still

using Log = std::function<void(std::string_view)>;

class Directory {
 public:
  // `config` must stay.
  Directory(const Config& config, std::string bind_password, Log log);

  // The one entry that `filter` finds; an Entry without DN when there is none.  Errors: TryLater
  // (no server answers), Corrupt (several entries; the base is not there; the filter is wrong).
  Result<Entry> find(const std::string& filter);

  enum class Verdict { Right, Wrong };
  // Binds as `name` (a DN; Active Directory takes a userPrincipalName, too).  Neither may be empty.
  Result<Verdict> check(const std::string& name, std::string_view password);

 private:
  struct Connection {
    std::unique_ptr<Link> link;
    size_t server = 0;
    int64_t used_ms = 0;
  };
  // An LDAP result code; 0: success.
  using Task = std::function<int(LDAP*)>;

  Status open(Connection& connection, size_t server, bool for_search);
  // `task` with the connection that is there; under a watchdog.
  int attempt(Connection& connection, const Task& task) const;
  int bind(LDAP* ld, const std::string& name, std::string_view password, std::string& why) const;
  // Runs `task` on some server; TryLater when none could do it.
  Result<int> run(Connection& connection, bool for_search, const Task& task);
  Error not_now(size_t server, int code) const;

  const Config& config_;
  std::string bind_password_;
  Log log_;
  Connection search_, bind_;
  size_t preferred_ = 0;
  std::vector<std::string> attributes_;
};

}  // namespace dmail::ldapauth
