// From a Name and what the authenticator knows to paths and ids.
#include "account/account.h"

#include <limits>

#include "account/drop_name.h"
#include "account/vdomain.h"
#include "base/ascii.h"
#include "base/text.h"

namespace dmail::account {
namespace {

Error bad_path(std::string_view what) {
  return Error{ErrorKind::BadInput, "The account is not set up", concat("not usable: ", what)};
}

// Absolute, no empty, `.` or `..` part, no control byte, no trailing slash.
Status checked_path(std::string_view path, std::string_view what) {
  if (path.size() < 2 || path.size() > kMaxPath || path.front() != '/')
    return bad_path(concat(what, " is not an absolute path of at most ", kMaxPath, " bytes"));
  for (char c : path)
    if (is_control(c)) return bad_path(concat(what, " holds control bytes"));
  for (std::string_view part : split(path.substr(1), '/'))
    if (part.empty() || part == "." || part == "..")
      return bad_path(concat(what, " has an empty part, . or .."));
  return {};
}

// A directory of dmail.conf, without trailing slashes.
Result<std::string> base_directory(std::string_view path, std::string_view setting) {
  while (path.size() > 1 && path.back() == '/') path.remove_suffix(1);
  DMAIL_TRY(checked_path(path, setting));
  return std::string(path);
}

Status place_below(Account& account, std::string base, const Name& name,
                   const conf::Settings& settings, std::string_view ending) {
  account.base = base;
  const std::string invalid = invalid_bytes(settings.invalid_chars);
  const bool old_naming = !settings.imapd_enable_new_hashing;
  auto file_name = [&](std::string_view text) {
    return old_naming ? plain_file_name(text) : encoded_name(text, invalid);
  };
  if (settings.drop_prefix && !name.prefix.empty()) {
    Result<std::string> prefix = file_name(name.prefix);
    if (!prefix) return std::move(prefix.error());
    account.directories.push_back(base += concat('/', *prefix));
  }
  for (const std::string& level :
       hash_directories(name.user, static_cast<int>(settings.hash_spool), old_naming)) {
    if (level == ".") continue;
    account.directories.push_back(base += concat('/', level));
  }
  Result<std::string> file =
      file_name(settings.drop_prefix ? name.user : prefixed_user(name, settings));
  if (!file) return std::move(file.error());
  account.drop_file = concat(base, '/', *file, ending);
  return {};
}

Status place_mail(Account& account, const Name& name, const Facts& facts,
                  const conf::Settings& settings) {
  account.maildir = settings.use_maildir;
  if (!facts.drop_file.empty()) {
    DMAIL_TRY(checked_path(facts.drop_file, "the module's drop path"));
    account.base = name.drop_path;
    account.drop_file = facts.drop_file;
  } else if (account.maildir) {
    Result<std::string> base = base_directory(base_of_domain(name.domain, name.drop_path, settings),
                                              "maildir_home or maildir_althome");
    if (!base) return std::move(base.error());
    DMAIL_TRY(place_below(account, std::move(*base), name, settings,
                          settings.maildir_suffix ? ".mdir" : ""));
  } else {
    Result<std::string> base = base_directory(name.drop_path, "drop_path");
    if (!base) return std::move(base.error());
    DMAIL_TRY(place_below(account, std::move(*base), name, settings, ""));
  }
  account.folders = account.maildir ? account.drop_file : concat(account.drop_file, ".mbx");
  return {};
}

// imapd_mailbox_name: the folders of users of the system in their home directory.
Status place_folders_at_home(Account& account, std::string_view folder) {
  if (account.home.empty()) return bad_path("the home directory");
  if (folder == ".") {
    account.folders = account.home;
    return {};
  }
  std::string path = concat(account.home, '/', folder);
  DMAIL_TRY(checked_path(path, "imapd_mailbox_name"));
  account.folders = std::move(path);
  return {};
}

uint64_t quota_of(const Facts& facts, int64_t user_quota) {
  if (user_quota == conf::kQuotaOff) return 0;
  const uint64_t fallback =
      user_quota == conf::kQuotaOfAccount ? 0 : static_cast<uint64_t>(user_quota);
  const uint64_t kilobytes = facts.quota_kb.value_or(fallback);
  constexpr uint64_t kMost = std::numeric_limits<uint64_t>::max() / 1024;
  return std::min(kilobytes, kMost) * 1024;
}

}  // namespace

std::string text_of(const Name& name) {
  return name.is_virtual ? concat(name.user, '@', name.domain) : name.user;
}

Result<Account> account_of(const Name& asked, const Facts& facts, const conf::Settings& settings) {
  Result<Name> own = facts.account.empty() ? asked : own_name(asked, facts.account, settings);
  if (!own) return std::move(own.error());
  const Name& name = *own;
  Account account;
  account.user = text_of(name);
  account.domain = name.domain;
  for (const auto& [what, id] : {std::pair("uid", facts.uid), std::pair("gid", facts.gid)})
    if (id && static_cast<int64_t>(*id) > settings.unix_uid_maximum)
      return Error{ErrorKind::NoPermission, "The account cannot be served",
                   concat(what, ' ', *id, " of ", escaped(account.user),
                          " is above unix_uid_maximum ", settings.unix_uid_maximum)};
  if (facts.uid && *facts.uid != 0) {
    account.uid = facts.uid;
    if (facts.gid && *facts.gid != 0) account.gid = facts.gid;
  }
  // Some system accounts live in `/`: that is no place for mail, and no reason to refuse a login.
  if (checked_path(facts.home, "the home directory")) account.home = facts.home;
  DMAIL_TRY(place_mail(account, name, facts, settings));
  const bool system_user = settings.authent_method == "unix_user" && name.passwd_file.empty();
  if (system_user && account.uid && !account.maildir && !settings.imapd_mailbox_name.empty())
    DMAIL_TRY(place_folders_at_home(account, settings.imapd_mailbox_name));
  account.quota_bytes = quota_of(facts, settings.user_quota);
  return account;
}

}  // namespace dmail::account
