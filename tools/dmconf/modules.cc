#include "modules.h"

#include <dirent.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "base/text.h"
#include "io/owned_fd.h"
#include "privsep/drop.h"
#include "privsep/ids.h"
#include "tools/dmconf/multiauth.h"
#include "tools/modules/config_file.h"

namespace dmail::dmconf {
namespace {

using Problems = std::vector<std::string>;

class Module {
 public:
  Module(std::string_view setting, const conf::Settings& settings, Problems& out)
      : setting_(setting), user_(settings.module_user), out_(out) {
    // An ordinary user's modules run as he does.
    if (!privsep::is_root()) return;
    if (const auto ids = privsep::ids_of(user_); ids) own_ = *ids;
    const bool digits =
        !user_.empty() && user_.find_first_not_of("0123456789:") == std::string::npos;
    owner_ = digits ? concat(own_.uid, ':', own_.gid) : concat(user_, ':');
    if (const auto ids = privsep::ids_of(settings.mail_user); ids) mail_ = *ids;
  }

  // Somebody listens at the socket of a resident module, as one whom servers trust.
  void resident(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) return say(concat(path, " is too long"));
    std::memcpy(address.sun_path, path.data(), path.size());
    const OwnedFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
      return say(concat(path, ": ", std::strerror(errno),
                        " (is nwauth -listen or authpool -listen running?)"));
    ucred peer{};
    socklen_t size = sizeof peer;
    if (!own_.valid() || ::getsockopt(fd.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return;
    if (peer.uid != 0 && peer.uid != own_.uid)
      say(concat(path, " belongs to a process of uid ", peer.uid,
                 ", and servers trust only one of module_user (", user_,
                 "): start it again as that (systemctl restart dmail-nwauth dmail-authpool)"));
  }

  void program(const std::vector<std::string_view>& words) {
    check_program(setting_, std::string(words[0]), out_);
    if (!own_.valid()) return;
    const std::string_view name = words[0].substr(words[0].rfind('/') + 1);
    if (name == "nwauth") database(option(words, "-path", "/var/lib/dmail/nwauth"));
    const std::string_view conf = DMAIL_CONF;
    const std::string usual = concat(conf.substr(0, conf.rfind('/') + 1), name, ".conf");
    if (name == "multiauth") readable(option(words, "-config", usual));
    if (name == "ldapauth") ldap(option(words, "-config", usual));
  }

 private:
  void say(std::string_view text) { out_.push_back(concat(setting_, ": ", text)); }

  static std::string option(const std::vector<std::string_view>& words, std::string_view name,
                            std::string_view usual) {
    for (size_t i = 1; i + 1 < words.size(); ++i)
      if (words[i] == name) return std::string(words[i + 1]);
    return std::string(usual);
  }

  // Who it is, and what that lets him do.
  std::string owner(uid_t uid) const {
    if (uid == mail_.uid)
      return concat("uid ", uid, " (mail_user, whose sessions could change it)");
    return concat("uid ", uid);
  }

  void database(const std::string& path) {
    struct stat st {};
    if (::lstat(path.c_str(), &st) != 0)
      return say(
          concat(path, ": ", std::strerror(errno), " (make it: nwauth -path ", path, " list)"));
    std::string wrong = st.st_uid == own_.uid ? "" : path;
    uid_t found = st.st_uid;
    const std::unique_ptr<DIR, int (*)(DIR*)> open(::opendir(path.c_str()), ::closedir);
    while (const dirent* e = open && wrong.empty() ? ::readdir(open.get()) : nullptr) {
      const std::string file = concat(path, '/', e->d_name);
      if (std::string_view(e->d_name) == ".." || ::lstat(file.c_str(), &st) != 0) continue;
      if (st.st_uid == own_.uid) continue;
      wrong = file;
      found = st.st_uid;
    }
    if (!wrong.empty())
      say(concat(wrong, " belongs to ", owner(found), ", not to module_user (", user_,
                 "): stop a resident nwauth, then chown -R ", owner_, ' ', path));
    replaceable(path);
  }

  // Who may write above it can put another database in its place.
  void replaceable(const std::string& path) {
    struct stat st {};
    for (size_t slash = path.rfind('/'); slash != std::string::npos && slash > 0;
         slash = path.rfind('/', slash - 1)) {
      const std::string above = path.substr(0, slash);
      if (::stat(above.c_str(), &st) != 0) continue;
      if (st.st_uid != 0 && st.st_uid != own_.uid)
        say(concat(above, " belongs to ", owner(st.st_uid),
                   ", who can put something else in place of ", path, " (chown root ", above, ")"));
      else if ((st.st_mode & S_IWOTH) != 0 && (st.st_mode & S_ISVTX) == 0)
        say(concat("everybody may write in ", above, " and put something else in place of ", path,
                   " (chmod o-w ", above, ")"));
    }
  }

  void readable(const std::string& path) {
    struct stat st {};
    if (::stat(path.c_str(), &st) != 0 || can_read(path)) return;
    say(concat("module_user (", user_, ") cannot read ", path, ", which belongs to ",
               owner(st.st_uid), " (",
               st.st_uid == 0 ? concat("chgrp ", own_.gid, ' ', path, "; chmod g+r ", path)
                              : concat("chown ", owner_, ' ', path),
               ')'));
  }

  // By one who has become it: whatever decides about that, it is asked.
  bool can_read(const std::string& path) const {
    const pid_t pid = ::fork();
    if (pid == 0) ::_exit(privsep::become(own_) && ::access(path.c_str(), R_OK) == 0 ? 0 : 1);
    int status = 0;
    while (pid > 0 && ::waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
    return pid < 0 || (WIFEXITED(status) && WEXITSTATUS(status) == 0);
  }

  void ldap(const std::string& path) {
    readable(path);
    const auto text = modules::read_config_file(path);
    const auto lines = text ? modules::parse_config(*text, path)
                            : Result<std::vector<modules::ConfigLine>>(text.error());
    if (!lines) return say(concat("ldapauth: ", lines.error().log));
    for (const modules::ConfigLine& line : *lines)
      if (line.name == "bind_password_file") readable(line.value);
  }

  std::string_view setting_;
  std::string user_;
  std::string owner_;  // as chown(1) takes it
  Problems& out_;
  privsep::Ids own_, mail_;
};

}  // namespace

void check_program(std::string_view setting, const std::string& path, Problems& problems) {
  if (::access(path.c_str(), X_OK) != 0)
    problems.push_back(concat(setting, ": ", path, ": ", std::strerror(errno)));
}

void check_module(std::string_view setting, const std::string& command,
                  const conf::Settings& settings, Problems& problems) {
  if (command.empty()) return;
  Module module(setting, settings, problems);
  if (command.starts_with("unix:")) return module.resident(command.substr(5));
  const auto words = split_words(command);
  if (words.empty()) return;
  module.program(words);
  for (const std::string& one : multiauth_modules(words, problems))
    check_module("multiauth", one, settings, problems);
}

}  // namespace dmail::dmconf
