// One way to ask whether a password is right and what is known of an account.  For the root
// monitors: the code here is linked statically, does no NSS and no PAM, and parses nothing but
// bounded reply lines.
//
//   authent_method unix_user   the program `unixauth` of the libexec directory (PAM), as root
//   authent_method external    authent_process (imapd: imapd_authent_process), a child run as
//                              module_user; or `unix:/path`, the socket of a resident module of it
//   a domain's vdomain_passwd  its passwd file, through crypt(3), before either
//
// The label account="NAME" of an answer is the account's own name, when the question was about
// another of its names (a mail address, an alias): login and delivery then end at the same mailbox.
// The account is looked up by its own name, too: its facts and labels come first, and an account
// that is not there is No.
// A Name with an alias (account.h) is one of this account only when a lookup of the alias says so.
//
// One object serves one connection; a child is started at the first question and kept until the
// object goes.  A question takes at most authent_timeout.  A module that dies, is late, says too
// much or answers for somebody else is Dead: temporary, never "wrong password", never "no such
// user".
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "account/account.h"
#include "conf/settings.h"

namespace dmail::auth {

inline constexpr size_t kMaxPassword = 1024;           // bytes
inline constexpr size_t kMaxToken = 6 * 1024;          // bytes of an OAuth bearer token
inline constexpr size_t kMaxReplyLine = 8 * 1024;      // one line of a module
inline constexpr size_t kMaxReplyTotal = 1024 * 1024;  // everything a module says to one question
inline constexpr size_t kMaxLabels = 100;

struct Answer {
  enum class Kind {
    Ok,
    No,    // check: wrong password or no such user, never told apart.  lookup: no such user
    Dead,  // cannot be answered now: a temporary failure
  };
  Kind kind = Kind::Dead;
  account::Facts facts;                                     // Ok only
  std::vector<std::pair<std::string, std::string>> labels;  // Ok only; fwd, quota, ...
  std::string text;  // why, for the log (escaped there); never for the client

  [[nodiscard]] bool ok() const { return kind == Kind::Ok; }
  [[nodiscard]] const std::string* label(std::string_view name) const {
    for (const auto& [key, value] : labels)
      if (key == name) return &value;
    return nullptr;
  }
};

class Authenticator {
 public:
  virtual ~Authenticator() = default;
  // An empty password, one over kMaxPassword, or one holding CR, LF or NUL is No without asking.
  virtual Answer check(const account::Name& name, std::string_view password) = 0;
  virtual Answer lookup(const account::Name& name) = 0;
  // A lookup for a login that was proved without the password (a certificate, a ticket, SCRAM):
  // the account rules of PAM are asked, too: with unix_user, and of an external module whose answer
  // has the label account_rules="yes" (PAM behind authpool or multiauth).  Others know no such
  // question, and -ERR to it says nothing.  No: not now, or no such user.
  virtual Answer may_log_in(const account::Name& name) { return lookup(name); }
  // The keys that `mechanism` ("SCRAM-SHA-256-PLUS", "APOP", ...) needs of this user, in the labels
  // of secret.h, which are checked to be well-formed.  No: no such user, no such keys, or a module
  // that does not know the question; unix_user and vdomain_passwd files have none.  Wipe the labels
  // after use (wipe_labels).
  virtual Answer secret(const account::Name& name, std::string_view mechanism) = 0;
  // Whether an OAuth bearer token is this user's.  No likewise.
  virtual Answer token(const account::Name& name, std::string_view token) = 0;
};

struct Options {
  account::Service service = account::Service::Imap;
  std::string libexec;    // directory of unixauth
  std::string client_ip;  // told to a child in DMAIL_CLIENT_IP (and to PAM)
  // When we are root: external modules run as module_user, and a resident one's process is its.
  // Who has the mail user's uid (a session of a virtual user) must not have theirs, too: where the
  // two are one, or there is no module_user (0), no module is started.  Ignored when we are not
  // root.
  uid_t module_uid = 0;
  gid_t module_gid = 0;
  uid_t mail_uid = 0;
};

// `settings` must stay.  Never fails: what cannot work answers Dead, with the reason as text.
std::unique_ptr<Authenticator> make_authenticator(const conf::Settings& settings,
                                                  const Options& options);

}  // namespace dmail::auth
