#include "host.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/text.h"
#include "io/owned_fd.h"
#include "privsep/ids.h"
#include "privsep/tls_files.h"
#include "tools/dmconf/multiauth.h"

namespace dmail::dmconf {
namespace {

using conf::Settings;
using Problems = std::vector<std::string>;

std::string why(int error) { return std::strerror(error); }

void accounts(const Settings& s, Problems& out) {
  if (::geteuid() != 0) return;  // an ordinary user's servers change to nobody
  for (const auto& [name, value] : {std::pair("login_user", &s.login_user),
                                    {"mail_user", &s.mail_user},
                                    {"auth_user", &s.auth_user}}) {
    const auto ids = privsep::ids_of(*value);
    if (!ids)
      out.push_back(
          concat(name, ": ", ids.error().log, " (useradd -r -s /usr/sbin/nologin ", *value, ")"));
    else if (ids->uid == 0)
      out.push_back(concat(name, ": ", *value, " is root; name an account of its own"));
  }
}

void directory(std::string_view setting, const std::string& path, Problems& out) {
  if (path.empty()) return;
  struct stat st {};
  if (::stat(path.c_str(), &st) != 0)
    out.push_back(concat(setting, ": ", path, ": ", why(errno), " (install -d ", path, ")"));
  else if (!S_ISDIR(st.st_mode))
    out.push_back(concat(setting, ": ", path, " is no directory"));
  else if ((st.st_mode & S_IWOTH) != 0 && (st.st_mode & S_ISVTX) == 0)  // /var/mail is sticky
    out.push_back(concat(setting, ": everybody may write in ", path, " (chmod o-w ", path, ")"));
}

void drop_paths(const Settings& s, Problems& out) {
  directory("drop_path", s.drop_path, out);
  for (const std::string& line : s.vdomain) {
    const auto words = split_words(line);
    if (words.size() == 4) directory("vdomain", std::string(words[3]), out);
  }
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

void pem(std::string_view setting, const std::string& path, bool secret, Problems& out) {
  if (path.empty()) return;
  if (const auto file = privsep::open_pem(path, secret); !file)
    out.push_back(concat(setting, ": ", file.error().log));
}

void certificates(const Settings& s, Problems& out) {
  pem("tls_certificate", s.tls_certificate, false, out);
  pem("tls_key", s.tls_key, true, out);
  pem("tls_client_ca", s.tls_client_ca, false, out);
  for (const std::string& line : s.tls_certificate_for) {
    const auto words = split_words(line);
    if (words.size() != 3) continue;
    pem("tls_certificate_for", std::string(words[1]), false, out);
    pem("tls_certificate_for", std::string(words[2]), true, out);
  }
}

void readable(std::string_view setting, const std::string& path, Problems& out) {
  if (!path.empty() && ::access(path.c_str(), R_OK) != 0)
    out.push_back(concat(setting, ": ", path, ": ", why(errno)));
}

void program(std::string_view setting, const std::string& path, Problems& out) {
  if (::access(path.c_str(), X_OK) != 0)
    out.push_back(concat(setting, ": ", path, ": ", why(errno)));
}

// Somebody listens at the socket of a resident module.
void resident(std::string_view setting, const std::string& path, Problems& out) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    return out.push_back(concat(setting, ": ", path, " is too long"));
  std::memcpy(address.sun_path, path.data(), path.size());
  const OwnedFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    out.push_back(concat(setting, ": ", path, ": ", why(errno),
                         " (is nwauth -listen or authpool -listen running?)"));
}

void module(std::string_view setting, const std::string& command, Problems& out) {
  if (command.empty()) return;
  if (command.starts_with("unix:")) return resident(setting, command.substr(5), out);
  const auto words = split_words(command);
  if (!words.empty()) program(setting, std::string(words[0]), out);
  for (const std::string& one : multiauth_modules(words, out)) module("multiauth", one, out);
}

void users(const Settings& s, Problems& out) {
  if (s.authent_method == "external") {
    module("authent_process", s.authent_process, out);
    module("imapd_authent_process", s.imapd_authent_process, out);
  } else if (s.authent_method == "unix_user") {
    for (const char* service : {"imap", "pop", "smtp"}) {
      const std::string path = concat("/etc/pam.d/", service);
      if (::access(path.c_str(), F_OK) != 0)
        out.push_back(concat("authent_method: ", path,
                             " is not there, and PAM takes /etc/pam.d/other (see unixauth(8))"));
    }
  }
  for (const std::string& line : s.vdomain_passwd)
    for (const std::string_view word : split_words(line))
      if (word.starts_with('/')) readable("vdomain_passwd", std::string(word), out);
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
    program(name, concat(where, '/', one), out);
}

}  // namespace

Problems host_problems(const Settings& s) {
  Problems out;
  accounts(s, out);
  drop_paths(s, out);
  directory("work_path", s.work_path, out);
  directory("log_path", s.log_path, out);
  jail(s, out);
  certificates(s, out);
  users(s, out);
  readable("kerberos_keytab", s.kerberos_keytab, out);
  if (s.remote_accounts != "none") readable("remote_ca", s.remote_ca, out);
  programs(s, out);
  return out;
}

}  // namespace dmail::dmconf
