// A connection to one server, up to and with TLS.  libldap's own way of connecting turns in circles
// while it waits for a TLS handshake, and waits for ever for the second half of an answer; so the
// socket is connected here, and a watchdog shuts it when time is up.
#pragma once

#include <ldap.h>

#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"
#include "tools/ldapauth/config.h"

namespace dmail::ldapauth {

class Link {
 public:
  // `uri` must be one of config.servers.  Errors: TryLater.
  static Result<std::unique_ptr<Link>> open(const Config& config, const std::string& uri);
  ~Link();
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  [[nodiscard]] LDAP* ld() const { return ld_; }
  [[nodiscard]] int fd() const { return fd_; }

 private:
  Link() = default;
  LDAP* ld_ = nullptr;  // owns fd_ from ldap_init_fd on
  int fd_ = -1;
};

// While one lives, `fd` is shut down when `ms` have passed: what reads from it sees the end.  One
// at a time; SIGALRM and the real-time timer are its own.
class Watchdog {
 public:
  Watchdog(int fd, int64_t ms);
  ~Watchdog();
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;
};

}  // namespace dmail::ldapauth
