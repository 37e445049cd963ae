#include "host.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/ascii.h"
#include "base/text.h"
#include "certificates.h"
#include "modules.h"
#include "owners.h"
#include "privsep/ids.h"

namespace dmail::dmconf {
namespace {

using conf::Settings;
using Problems = std::vector<std::string>;

std::string why(int error) { return std::strerror(error); }

void accounts(const Settings& s, Problems& out) {
  if (::geteuid() != 0) return;  // an ordinary user's servers change to nobody
  for (const auto& [name, value] : {std::pair("login_user", &s.login_user),
                                    {"mail_user", &s.mail_user},
                                    {"auth_user", &s.auth_user},
                                    {"module_user", &s.module_user}}) {
    const auto ids = privsep::ids_of(*value);
    if (!ids)
      out.push_back(
          concat(name, ": ", ids.error().log, " (useradd -r -s /usr/sbin/nologin ", *value, ")"));
    else if (ids->uid == 0)
      out.push_back(concat(name, ": ", *value, " is root; name an account of its own"));
  }
  // Each of the others reads what a stranger sends, or what he has sent.
  const auto own = privsep::ids_of(s.module_user);
  for (const auto& [name, value] : {std::pair("login_user", &s.login_user),
                                    {"mail_user", &s.mail_user},
                                    {"auth_user", &s.auth_user}}) {
    const auto ids = privsep::ids_of(*value);
    if (own && ids && ids->uid == own->uid && own->uid != 0)
      out.push_back(concat("module_user: ", s.module_user, " has the uid of ", name, ' ', *value,
                           ", who must not have what modules have: name an account of its own"));
  }
}

void names(const Settings& s, Problems& out) {
  if (s.host_domain.empty() || s.host_domain[0].find('.') != std::string::npos) return;
  out.push_back(concat("host_domain: ", s.host_domain[0],
                       " is no full domain name, and other hosts ",
                       "will not send mail to it: write host_domain example.org, the part of mail ",
                       "addresses behind the @"));
}

// RFC 5321 section 4.5.1: postmaster has to be taken.  Whether an account has that name only the
// directory knows, and nothing is run here.
void postmaster(const Settings& s, Report& report) {
  if (!s.sysadmin.empty()) return;
  for (const std::string& line : s.forward)
    if (istarts_with(line, "postmaster@") || istarts_with(line, "postmaster ")) return;
  report.fact(concat(
      "sysadmin: nobody is named, and mail for postmaster is refused unless an account has that ",
      "name, though other hosts expect that somebody reads it: write sysadmin you@",
      s.host_domain.empty() ? "example.org" : s.host_domain[0]));
}

void jail(const Settings& s, Problems& out) {
  struct stat st {};
  if (::geteuid() != 0) return;
  if (::lstat(s.jail_path.c_str(), &st) != 0) {
    const std::string above = s.jail_path.substr(0, std::max<size_t>(1, s.jail_path.rfind('/')));
    if (::stat(above.c_str(), &st) != 0)  // else the servers make it
      out.push_back(concat("jail_path: ", above, ": ", why(errno), " (install -d ", above, ")"));
  } else if (!S_ISDIR(st.st_mode) || st.st_uid != 0 || (st.st_mode & 022) != 0) {
    out.push_back(
        concat("jail_path: ", s.jail_path, " must be an empty directory that is root's alone"));
  }
}

void readable(std::string_view setting, const std::string& path, Problems& out) {
  if (!path.empty() && ::access(path.c_str(), R_OK) != 0)
    out.push_back(concat(setting, ": ", path, ": ", why(errno)));
}

void users(const Settings& s, Problems& out) {
  if (s.authent_method == "external") {
    check_module("authent_process", s.authent_process, s, out);
    check_module("imapd_authent_process", s.imapd_authent_process, s, out);
  } else if (s.authent_method == "unix_user") {
    for (const char* service : {"imap", "pop", "smtp"}) {
      const std::string path = concat("/etc/pam.d/", service);
      if (::access(path.c_str(), F_OK) != 0)
        out.push_back(concat("authent_method: ", path,
                             " is not there, and PAM takes /etc/pam.d/other (see unixauth(8))"));
    }
  }
}

void programs(const Settings& s, Problems& out) {
  const bool set = !s.libexec_path.empty();
  const std::string where = set ? s.libexec_path : DMAIL_LIBEXEC;
  const std::string_view name = set ? "libexec_path" : "programs";
  if (::access(where.c_str(), F_OK) != 0)
    return out.push_back(concat(name, ": ", where, ": ", why(errno), " (make install)"));
  for (const char* one :
       {"imapd", "imapd-login", "imapd-login-tls", "imapd-session", "dpopd", "dpopd-login",
        "dpopd-login-tls", "dpopd-session", "dsmtpd", "dsmtpd-session", "dsmtpd-session-tls",
        "dsmtpd-deliver", "dmsasl", "dmsasl-external", "dmtally", "dmail-proxy", "dmail-proxy-tls"})
    check_program(name, concat(where, '/', one), out);
}

}  // namespace

Report look_at_host(const conf::Loaded& loaded) {
  const Settings& s = loaded.settings;
  Report report;
  Problems& out = report.problems;
  accounts(s, out);
  names(s, out);
  postmaster(s, report);
  check_owners(loaded, report);
  jail(s, out);
  check_certificates(s, report);
  users(s, out);
  readable("kerberos_keytab", s.kerberos_keytab, out);
  if (s.remote_accounts != "none") readable("remote_ca", s.remote_ca, out);
  programs(s, out);
  return report;
}

}  // namespace dmail::dmconf
