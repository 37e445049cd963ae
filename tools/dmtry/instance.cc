#include "tools/dmtry/instance.h"

#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <utility>

#include "base/text.h"
#include "io/clock.h"
#include "io/file.h"
#include "tools/dmtry/answers.h"
#include "tools/dmtry/certificate.h"
#include "tools/dmtry/directories.h"

namespace dmail::dmtry {
namespace {

// Uids of a root instance: numbers no Debian account has (above the ranges of adduser and below
// those of containers), so that nothing needs to be added to the host.
constexpr int kLoginUid = 63001;
constexpr int kMailUid = 63002;
constexpr int kAuthUid = 63003;
constexpr int kModuleUid = 63004;
constexpr int kFirstUserUid = 63101;

// All there are: a client under test chooses.
constexpr std::string_view kMechanisms =
    "scram-sha-256-plus scram-sha-1-plus scram-sha-256 scram-sha-1 digest-md5 cram-md5 plain login "
    "oauthbearer xoauth2 external gssapi";

Error wrong(std::string text) { return Error{ErrorKind::BadInput, std::move(text), {}}; }

// `value` for a POSIX shell.
std::string quoted(std::string_view value) {
  std::string out = "'";
  for (char c : value) {
    if (c == '\'')
      out += "'\\''";
    else
      out.push_back(c);
  }
  out.push_back('\'');
  return out;
}

// The host's, or one that was only unpacked and is named by PATH.
std::string find_xinetd() {
  const char* path = std::getenv("PATH");
  const std::string all = concat("/usr/sbin:/usr/local/sbin:/sbin:", path ? path : "");
  for (std::string_view rest = all;;) {
    const size_t end = rest.find(':');
    std::string candidate = concat(rest.substr(0, end), "/xinetd");
    if (candidate[0] == '/' && ::access(candidate.c_str(), X_OK) == 0) return candidate;
    if (end == std::string_view::npos) return {};
    rest.remove_prefix(end + 1);
  }
}

// Others must be able to walk to the drop files, or no user could open his own.
Status check_reachable(const std::string& path) {
  for (size_t at = 1; at != std::string::npos && at < path.size();) {
    at = path.find('/', at);
    const std::string part = path.substr(0, at);
    struct stat st {};
    if (::stat(part.c_str(), &st) != 0) return {};  // made by us, with the right mode
    if ((st.st_mode & S_IXOTH) == 0 && part != path)
      return wrong(part +
                   " is closed to other users, so the users' mail could not be reached; choose a "
                   "directory below /tmp, say");
    if (at != std::string::npos) ++at;
  }
  return {};
}

}  // namespace

Instance::Instance(Options options, std::string programs)
    : options_(std::move(options)), programs_(std::move(programs)), root_(::geteuid() == 0) {}

Status Instance::up() {
  if (find_xinetd().empty())
    return wrong(
        "xinetd is not installed, nor in PATH; `sh tools/build/install-packages demo` brings one");
  if (const std::string imapd = programs_ + "/imapd"; ::access(imapd.c_str(), X_OK) != 0)
    return wrong(imapd + " is not there; run the dmtry that was built or installed with it");
  DMAIL_TRY(make_directories());
  DMAIL_TRY(choose_ports());
  DMAIL_TRY(write_certificate(in("cert.pem"), in("key.pem"), options_.domain));
  DMAIL_TRY(write_settings());
  DMAIL_TRY(write_xinetd());
  DMAIL_TRY(start_accounts());
  DMAIL_TRY(children_.start({find_xinetd(), "-dontfork", "-f", in("xinetd.conf"), "-pidfile",
                             in("run/xinetd.pid"), "-filelog", in("log/xinetd.out")},
                            in("log/xinetd.out")));
  DMAIL_TRY(wait_for_ports());
  return write_env();
}

Status Instance::make_directories() {
  if (root_) DMAIL_TRY(check_reachable(options_.directory));
  const int mail = root_ ? kMailUid : -1;
  auto own = open_own_directory(options_.directory);
  if (!own) return std::move(own.error());
  for (const char* name : {"spool", "log", "jail", "run"})
    DMAIL_TRY(make_directory_in(own->get(), name, 0755, -1));
  DMAIL_TRY(make_directory_in(own->get(), "work", 0755, mail));
  // Passwords are the modules' alone, as on a host.
  const int modules = root_ ? kModuleUid : -1;
  DMAIL_TRY(make_directory_in(own->get(), "auth", 0755, modules));
  return make_directory_in(own->get(), "users", 0700, modules);
}

Status Instance::choose_ports() {
  for (int& port : options_.ports) {
    if (port < 0) continue;
    auto chosen = ports_.take(port);
    if (!chosen) return std::move(chosen.error());
    port = *chosen;
  }
  ports_.let_go();
  return {};
}

Status Instance::write_settings() {
  std::string c = "# A private instance, made by dmtry.\n";
  auto line = [&c](std::string_view name, std::string_view value) {
    append(c, concat(name, ' ', value, '\n'));
  };
  line("host_domain", options_.domain);
  line("host_domain", "localhost");
  line("drop_path", in("spool"));
  line("hash_spool", "1");
  line("work_path", in("work"));
  line("log_path", in("log"));
  line("authent_method", "external");
  line("authent_process", "unix:" + in("auth/socket"));
  line("libexec_path", programs_);
  line("jail_path", in("jail"));
  if (root_) {
    line("login_user", concat(kLoginUid));
    line("mail_user", concat(kMailUid));
    line("auth_user", concat(kAuthUid));
    line("module_user", concat(kModuleUid));
  }
  line("unix_uid_maximum", "65534");  // of the users made here
  line("tls_certificate", in("cert.pem"));
  line("tls_key", in("key.pem"));
  line("create_folders", "Sent Drafts Trash");
  line("login_delay", "0");
  // Lists grow by each line, so that what --set says of these has to stand alone.
  auto mechanisms = [&](std::string_view name, std::string_view value) {
    for (const std::string& s : options_.settings)
      if (s.starts_with(concat(name, ' '))) return;
    line(name, value);
  };
  mechanisms("imapd_mechanisms", kMechanisms);
  mechanisms("dpop_mechanisms", concat("apop ", kMechanisms));
  mechanisms("dsmtp_mechanisms", kMechanisms);
  line("sysadmin", "postmaster@" + options_.domain);
  for (const std::string& s : options_.settings) append(c, s + "\n");
  return replace_file(in("dmail.conf"), c, 0644);
}

Status Instance::write_xinetd() {
  std::string c = concat(
      "defaults\n{\n\tinstances = UNLIMITED\n\tper_source = UNLIMITED\n\tcps = 100000 1\n"
      "\tlog_type = FILE ",
      in("log/xinetd.log"), "\n\tlog_on_failure = HOST\n}\n");
  for (size_t i = 0; i < kServices.size(); ++i) {
    if (options_.ports[i] < 0) continue;
    const Service& s = kServices[i];
    append(c,
           concat("service dmail-", s.option.substr(2),
                  "\n{\n\ttype = UNLISTED\n\tsocket_type = stream\n"
                  "\tprotocol = tcp\n\twait = no\n\tflags = NODELAY\n\tbind = 127.0.0.1\n\tport = ",
                  options_.ports[i]));
    // xinetd refuses a service without a user, also where it cannot change to one.
    append(c, concat("\n\tuser = ", ::geteuid()));
    append(c, concat("\n\tserver = ", programs_, '/', s.program, "\n\tserver_args = -C ",
                     in("dmail.conf"), s.arguments.empty() ? "" : " ", s.arguments,
                     "\n\tdisable = no\n}\n"));
  }
  return replace_file(in("xinetd.conf"), c, 0644);
}

Status Instance::start_accounts() {
  const std::string nwauth = programs_ + "/nwauth";
  std::string commands;
  int uid = root_ ? kFirstUserUid : static_cast<int>(::getuid());
  for (const User& u : options_.users) {
    append(commands, concat("set ", u.name, ' ', u.password, " uid=\"", uid, "\" gid=\"",
                            root_ ? uid : static_cast<int>(::getgid()), "\"\n"));
    if (root_) ++uid;
  }
  append(commands, "quit\n");
  const std::string modules = concat(root_ ? kModuleUid : static_cast<int>(::getuid()));
  auto made = Children::run({nwauth, "-path", in("users"), "-moduleuser", modules, "-keep-plain"},
                            commands);
  if (!made) return std::move(made.error());
  if (made->find("-ERR") != std::string::npos || made->find("-DEAD") != std::string::npos)
    return wrong("nwauth refuses a user: " + escaped(*made));
  return children_.start(
      {nwauth, "-path", in("users"), "-moduleuser", modules, "-listen", in("auth/socket")},
      in("log/nwauth.out"));
}

Status Instance::wait_for_ports() {
  const Deadline deadline = Deadline::in_seconds(20), patience = Deadline::in_seconds(3);
  bool said = false;
  // A server greets without it, and the first login would come to nothing.
  while (!listens(in("auth/socket"))) {
    if (std::string name = children_.ended(); !name.empty())
      return wrong(name + " ended; " + in("log") + " may say why");
    if (deadline.passed()) return wrong("nwauth does not listen; see " + in("log"));
    ::poll(nullptr, 0, 20);
  }
  for (size_t i = 0; i < kServices.size(); ++i) {
    if (options_.ports[i] < 0) continue;
    while (!answers(options_.ports[i], kServices[i].tls)) {
      if (std::string name = children_.ended(); !name.empty())
        return wrong(name + " ended; " + in("log") + " may say why");
      const std::string service =
          concat(kServices[i].option.substr(2), " on port ", options_.ports[i]);
      if (deadline.passed()) return wrong(service + " does not answer; see " + in("log"));
      if (patience.passed() && !said)
        std::fprintf(stderr, "dmtry: waits for %s to answer (20 seconds at most)\n",
                     service.c_str());
      said |= patience.passed();
      ::poll(nullptr, 0, 20);
    }
  }
  return {};
}

Status Instance::write_env() {
  std::string e;
  auto set = [&e](std::string_view name, std::string_view value) {
    append(e, concat(name, '=', quoted(value), '\n'));
  };
  set("IMAP_HOST", "localhost");
  for (size_t i = 0; i < kServices.size(); ++i)
    if (options_.ports[i] >= 0) set(kServices[i].variable, concat(options_.ports[i]));
  for (size_t i = 0; i < options_.users.size(); ++i) {
    const User& u = options_.users[i];
    set(concat("USER", i + 1), u.name);
    set(concat("PASS", i + 1), u.password);
    set(concat("MAIL", i + 1),
        u.name.find('@') == std::string::npos ? concat(u.name, '@', options_.domain) : u.name);
  }
  set("MAIL_DOMAIN", options_.domain);
  set("CAFILE", in("cert.pem"));
  return replace_file(in("env"), e, 0600);  // passwords
}

}  // namespace dmail::dmtry
