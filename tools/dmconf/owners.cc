#include "owners.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/text.h"
#include "privsep/ids.h"
#include "rehash.h"
#include "spool.h"

namespace dmail::dmconf {
namespace {

std::string octal(mode_t mode) {
  std::string text;
  for (int shift = 9; shift >= 0; shift -= 3)
    text.push_back(static_cast<char>('0' + (mode >> shift & 7)));
  return text;
}

class Owners {
 public:
  Owners(const conf::Settings& settings, Report& report) : settings_(settings), report_(report) {
    if (const auto ids = privsep::ids_of(settings.mail_user); ids) mail_ = *ids;
  }

  void spool() {
    for (const Base& base : bases_of(settings_)) {
      const std::string_view setting =
          base.path == settings_.drop_path || base.path + "/" == settings_.drop_path ? "drop_path"
                                                                                     : "vdomain";
      struct stat st {};
      if (!directory(setting, base.path, st)) continue;
      // Mail spools may be a group's, or sticky for all, as /var/mail is.
      if ((st.st_mode & S_IWOTH) != 0 && (st.st_mode & S_ISVTX) == 0)
        report_.problem(concat(setting, ": everybody may write in ", base.path, " (chmod o-w ",
                               base.path, ")"));
      owned(setting, base.path, st);
      can_be_entered(setting, base.path, st);
    }
    if (settings_.use_maildir) return;
    check_spool(settings_, report_,
                {nullptr, [this](const std::string& path, int fd) { hash_directory(path, fd); },
                 [this](const std::string& path) { link(path); }});
    tell_listed();
  }

  void work() {
    struct stat st {};
    if (directory("work_path", settings_.work_path, st)) {
      not_open_to_all("work_path", settings_.work_path, st);
      owned("work_path", settings_.work_path, st);
      mail_user_can_enter(settings_.work_path, st);
      tally(concat(settings_.work_path, "/tally"));
    }
    if (!settings_.log_path.empty() && directory("log_path", settings_.log_path, st)) {
      not_open_to_all("log_path", settings_.log_path, st);
      owned("log_path", settings_.log_path, st);
    }
  }

  void files_of_settings(const std::vector<std::string>& files) {
    for (const std::string& path : files) {
      struct stat st {};
      if (::stat(path.c_str(), &st) != 0) continue;
      // It says what root runs.  World-writable files and those of others are refused by load().
      if ((st.st_mode & S_IWGRP) != 0 && st.st_gid != 0)
        report_.problem(concat(path, ": the group ", st.st_gid, " may write it (mode ",
                               octal(st.st_mode),
                               "), and with it decides what root runs (chmod g-w ", path, ")"));
      if ((st.st_mode & S_IROTH) != 0 && !settings_.remote_password.empty())
        report_.problem(concat("remote_password: everybody may read ", path, " (mode ",
                               octal(st.st_mode), ") (chmod o-r ", path, ")"));
    }
  }

  void passwd_files() {
    for (const std::string& line : settings_.vdomain_passwd)
      for (const std::string_view word : split_words(line)) {
        if (!word.starts_with('/')) continue;
        const std::string path(word);
        struct stat st {};
        if (::stat(path.c_str(), &st) != 0) {
          report_.problem(concat("vdomain_passwd: ", path, ": ", std::strerror(errno)));
          continue;
        }
        if ((st.st_mode & S_IROTH) != 0)
          report_.problem(concat("vdomain_passwd: everybody may read the password hashes in ", path,
                                 " (mode ", octal(st.st_mode), ") (chmod o-r ", path, ")"));
        if ((st.st_mode & S_IWOTH) != 0)
          report_.problem(
              concat("vdomain_passwd: everybody may write ", path, " (chmod o-w ", path, ")"));
        owned("vdomain_passwd", path, st);
      }
  }

 private:
  bool directory(std::string_view setting, const std::string& path, struct stat& st) {
    if (path.empty()) return false;
    if (::stat(path.c_str(), &st) != 0) {
      report_.problem(
          concat(setting, ": ", path, ": ", std::strerror(errno), " (install -d ", path, ")"));
      return false;
    }
    if (!S_ISDIR(st.st_mode)) report_.problem(concat(setting, ": ", path, " is no directory"));
    return S_ISDIR(st.st_mode);
  }

  void not_open_to_all(std::string_view setting, const std::string& path, const struct stat& st) {
    if ((st.st_mode & S_IWOTH) != 0)
      report_.problem(
          concat(setting, ": everybody may write in ", path, " (chmod o-w ", path, ")"));
  }

  void owned(std::string_view setting, const std::string& path, const struct stat& st) {
    if (st.st_uid == 0 || st.st_uid == ::geteuid() || st.st_uid == mail_.uid) return;
    report_.problem(concat(setting, ": ", path, " belongs to uid ", st.st_uid,
                           ", not to root: servers do not use it (chown root ", path, ")"));
  }

  // Sessions are not root: they run as the user or as mail_user.
  void can_be_entered(std::string_view setting, const std::string& path, const struct stat& st) {
    if (::geteuid() != 0 || (st.st_mode & S_IXOTH) != 0) return;
    // The mail user's own directory will do where it alone runs sessions.
    if (st.st_uid == mail_.uid && settings_.authent_method != "unix_user") return;
    report_.problem(concat(setting, ": sessions run as users, who cannot enter ", path, " (mode ",
                           octal(st.st_mode), ") (chmod o+x ", path, ")"));
  }

  // dmtally runs as the mail user.
  void mail_user_can_enter(const std::string& path, const struct stat& st) {
    if (::geteuid() != 0 || (st.st_mode & S_IXOTH) != 0 || st.st_uid == mail_.uid) return;
    if ((st.st_mode & S_IXGRP) != 0 && st.st_gid == mail_.gid) return;
    report_.problem(concat("work_path: mail_user (", settings_.mail_user, ") cannot enter ", path,
                           " (mode ", octal(st.st_mode), ") (chmod o+x ", path, ")"));
  }

  void tally(const std::string& path) {
    struct stat st {};
    if (::geteuid() != 0) return;
    if (::stat(path.c_str(), &st) != 0) return;  // servers make it
    if (st.st_uid != mail_.uid)
      report_.problem(concat("work_path: ", path, " belongs to uid ", st.st_uid,
                             ", but mail_user writes there (chown -R ", settings_.mail_user, " ",
                             path, ")"));
  }

  // As prepare_mail (privsep/user_files) looks at them.
  void hash_directory(const std::string& path, int fd) {
    struct stat st {};
    if (::fstat(fd, &st) != 0) return;
    owned("hash_spool", path, st);
    if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
      report_.problem(concat("hash_spool: others may write in ", path, " (mode ", octal(st.st_mode),
                             "): servers do not use it (chmod go-w ", path, ")"));
    can_be_entered("hash_spool", path, st);
    if ((st.st_mode & S_IROTH) != 0 && listed_++ == 0) listed_path_ = path;
  }

  // Made so by versions before, or by hand; whoever lists them needs it.
  void tell_listed() {
    if (listed_ == 0) return;
    report_.fact(
        concat("hash_spool: every user of this host can list ", listed_path_,
               listed_ > 1 ? concat(" and ", listed_ - 1, " more") : "",
               ", and see who has mail and how much: chmod o-r unless something needs it"));
  }

  void link(const std::string& path) {
    report_.problem(concat("hash_spool: ", path,
                           " is a link, and servers follow none below drop_path: put the directory "
                           "itself there"));
  }

  const conf::Settings& settings_;
  Report& report_;
  privsep::Ids mail_;
  size_t listed_ = 0;  // hash directories that others may read
  std::string listed_path_;
};

}  // namespace

void check_owners(const conf::Loaded& loaded, Report& report) {
  Owners owners(loaded.settings, report);
  owners.spool();
  owners.work();
  owners.files_of_settings(loaded.files);
  owners.passwd_files();
}

}  // namespace dmail::dmconf
