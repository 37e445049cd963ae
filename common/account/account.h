// From a login name or a mail address to an account: who is asked about it, and where its mail
// lies. Pure functions over dmail.conf (DESIGN: names pass through one pipeline); no system call,
// no file is looked at.  Whoever calls turns every Error into the same failed login: which rule
// refused is for the log only.  Names are bytes; they must be UTF-8 without blanks and control
// bytes, at most kMaxName.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "conf/settings.h"

namespace dmail::account {

inline constexpr size_t kMaxName = 255;  // a login name or local part, in bytes
inline constexpr size_t kMaxFileName =
    200;                                  // its encoded drop file name (".mbx", ".lock" must fit)
inline constexpr size_t kMaxPath = 1024;  // a drop file path that a module answers

enum class Service { Imap, Pop, Smtp };
std::string_view service_name(Service service);  // "imap", "pop", "smtp": also the PAM service

// A name that went through the pipeline: folded, its domain known.
struct Name {
  std::string user;    // within its domain: "sales"
  std::string domain;  // "computers.com"; the main domain's name; empty when none is configured
  std::string prefix;  // of the vdomain line: "cc"; empty for the main domain
  bool is_virtual = false;  // a vdomain line decided the domain
  std::string drop_path;    // base directory of the domain's drop files
  std::string
      auth_name;  // what the authenticator is asked about: "sales@computers.com" or "cc_sales"
  std::string passwd_file;  // the domain's vdomain_passwd file, or empty
  // DOMAIN/user/alias: the mailbox asked for by another name, and that name for the authenticator.
  // It must turn out to be the user's own (auth::Authenticator sees to it); empty otherwise.
  std::string alias, alias_auth_name;
};

// For texts and logs: USER, or USER@DOMAIN in a virtual domain.
std::string text_of(const Name& name);

struct Login {
  std::string_view name;  // as typed
  std::string_view
      client_ip;  // text form; empty when run by hand (user_ip_address is not applied then)
  std::string_view local_ip;  // the address connected to, for vdomain lines that name an address
  Service service = Service::Imap;
};

// lowercase_username, imapd_strip_domain, the forms below, login_domain, vdomain by @suffix,
// host_domain, vdomain by local address, valid_users, user_ip_address.  BadInput: no acceptable
// name. NoPermission: a rule refuses.
//   user    user@DOMAIN    DOMAIN\user    DOMAIN/user    DOMAIN/user/alias    user@DOMAIN/alias
// with either slash, where DOMAIN is a local domain or the NAME of a login_domain line.  A text
// with a slash whose DOMAIN is neither is a user name like others.  A dot is a letter like others.
Result<Name> login_name(const Login& login, const conf::Settings& settings);

struct Recipient {
  Name name;
  std::string detail;  // "folder" of user+folder@domain
};
// The account a mail address `local@domain` (unquoted, no angle brackets) belongs to; nullopt when
// its domain is not local.  Without @ it is of the main domain.  A local domain's address that can
// be no account is an Error (BadInput, NoPermission): "no such user".  With `detail_separator`
// (`+`; 0: none) what follows the first one in the local part goes to `detail`; callers try without
// it first.
Result<std::optional<Recipient>> recipient(std::string_view address, const conf::Settings& settings,
                                           char detail_separator = 0);
// Whether the name is of a domain that neither host_domain nor a vdomain or login_domain line
// knows: the module alone has to say whose it is.
bool is_of_unknown_domain(const Name& name, const conf::Settings& settings);
// Whether mail for `domain` is for here (host_domain or vdomain).
bool is_local_domain(std::string_view domain, const conf::Settings& settings);

// What the authenticator says about an account.
struct Facts {
  std::string account;       // its own name, USER or USER@DOMAIN, when asked by another; or empty
  std::string drop_file;     // absolute path; empty: derive it from dmail.conf
  std::optional<uid_t> uid;  // absent (and for uid 0): the account is served as the mail user
  std::optional<gid_t> gid;
  std::string home;  // absolute path, or empty
  std::optional<uint64_t> quota_kb;
};

struct Account {
  std::string user;  // for texts and logs: NAME, or NAME@DOMAIN in a virtual domain
  std::string domain;
  std::string base;       // directory that holds all of it, and is there already
  std::string drop_file;  // mbox: absolute path of the INBOX.  maildir: the maildir itself
  std::string folders;  // directory of the folders (and of the index); the maildir itself likewise
  bool maildir = false;
  // Directories to be made when missing, outermost first, mode kHashDirMode.
  std::vector<std::string> directories;
  std::optional<uid_t> uid;  // never 0
  std::optional<gid_t> gid;
  std::string home;
  uint64_t quota_bytes = 0;  // 0: none
};
inline constexpr mode_t kHashDirMode = 0711;  // users reach their own drop file, and list nobody's

// The name of the same account that the authenticator knows it by: USER of name's domain, or
// USER@DOMAIN.  Errors as login_name.
Result<Name> own_name(const Name& name, std::string_view account, const conf::Settings& settings);

// Where the mail of `name` (of facts.account, if any) lies.  BadInput: the name cannot be a file
// name, or the module's path is not absolute, has empty, `.` or `..` parts or control bytes.
// NoPermission: uid or gid is above unix_uid_maximum.
Result<Account> account_of(const Name& name, const Facts& facts, const conf::Settings& settings);

}  // namespace dmail::account
