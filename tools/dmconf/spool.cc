#include "spool.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "account/drop_name.h"
#include "account/vdomain.h"
#include "base/ascii.h"
#include "base/text.h"
#include "io/owned_fd.h"

namespace dmail::dmconf {
namespace {

constexpr int kMaxLevels = 3;  // a prefix and two levels of hashing

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};

std::string without_slashes(std::string path) {
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  return path;
}

std::string place_of(const account::Name& name, const conf::Settings& settings) {
  const auto account = account::account_of(name, account::Facts(), settings);
  return account ? account->drop_file : std::string();
}

bool is_side_file(std::string_view name) {
  return iends_with(name, ".lock") || iends_with(name, ".tmp") || iends_with(name, ".mbx") ||
         iends_with(name, ".mdir");
}

}  // namespace

struct Spool::Level {
  OwnedFd fd;
  std::string path;
  int depth = 0;
};

std::vector<Base> bases_of(const conf::Settings& settings) {
  std::vector<Base> bases;
  const auto add = [&](std::string_view path) {
    Base base{without_slashes(std::string(path)), {}};
    const auto same = [&](const Base& b) { return b.path == base.path; };
    if (!path.empty() && std::none_of(bases.begin(), bases.end(), same))
      bases.push_back(std::move(base));
  };
  add(settings.drop_path);
  for (const account::Vdomain& v : account::vdomains(settings)) add(v.drop_path);
  return bases;
}

Spool::Spool(const conf::Settings& settings) : settings_(settings) {
  for (const bool new_naming : {true, false})
    for (const bool prefix : {false, true})
      for (const int hash : {0, 1, 2}) {
        conf::Settings& layout = layouts_.emplace_back(settings);
        layout.imapd_enable_new_hashing = new_naming;
        layout.drop_prefix = prefix;
        layout.hash_spool = hash;
      }
}

Status Spool::walk(const Base& base, const Visitor& visitor) {
  base_ = base;
  visitor_ = &visitor;
  // As the servers open it: the administrator may have made a link of it.
  Level top;
  top.path = base.path;
  top.fd = OwnedFd(::open(base.path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!top.fd.valid()) return system_error(concat("open ", base.path), errno);
  return enter(top);
}

Status Spool::enter(const Level& level) {
  if (visitor_->entered && level.depth > 0) visitor_->entered(level.path, level.fd.get());
  // A descriptor of its own: closedir() closes it.
  const int fd = ::openat(level.fd.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const std::unique_ptr<DIR, CloseDirectory> directory(fd < 0 ? nullptr : ::fdopendir(fd));
  if (!directory) return system_error(concat("open ", level.path), errno);
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(directory.get());
    if (entry == nullptr)
      return errno == 0 ? Status() : system_error(concat("read ", level.path), errno);
    const std::string name = entry->d_name;
    if (name.starts_with('.')) continue;
    unsigned char type = entry->d_type;
    if (type == DT_UNKNOWN) {
      struct stat st {};
      if (::fstatat(level.fd.get(), name.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0) continue;
      type = S_ISREG(st.st_mode) ? DT_REG : S_ISDIR(st.st_mode) ? DT_DIR : DT_LNK;
    }
    if (type == DT_REG && !is_side_file(name)) look_at(level, name, false);
    if (type == DT_LNK && visitor_->linked && level.depth < kMaxLevels && is_level(name))
      visitor_->linked(concat(level.path, '/', name));
    if (type != DT_DIR) continue;
    if (iends_with(name, ".mbx")) {
      look_at(level, name.substr(0, name.size() - 4), true);
    } else if (level.depth < kMaxLevels && is_level(name)) {
      Level below;
      below.path = concat(level.path, '/', name);
      below.depth = level.depth + 1;
      below.fd = OwnedFd(
          ::openat(level.fd.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
      if (!below.fd.valid()) return system_error(concat("open ", below.path), errno);
      DMAIL_TRY(enter(below));
    }
  }
}

// A directory that some layout makes: one character, as it is or encoded, or a prefix.
bool Spool::is_level(std::string_view name) const {
  if (name.size() == 1 || (name.size() == 3 && name[0] == '%')) return true;
  for (const account::Vdomain& v : account::vdomains(settings_))
    if (const auto prefix = account::encoded_name(v.prefix, settings_.invalid_chars);
        name == v.prefix || (prefix && name == *prefix))
      return true;
  return false;
}

// Who may have a drop file of this name in this directory.
std::vector<account::Name> Spool::names_of(const std::string& file) const {
  std::vector<account::Name> names;
  const std::vector<account::Vdomain> vdomains = account::vdomains(settings_);
  std::vector<std::string> texts{account::decoded_name(file)};
  if (texts[0] != file) texts.push_back(file);
  for (const std::string& text : texts) {
    if (text.empty() || (settings_.lowercase_username && lower(text) != text)) continue;
    for (const account::Vdomain& v : vdomains) {
      if (base_.domain.empty() ? without_slashes(std::string(v.drop_path)) != base_.path
                               : !iequals(v.domain, base_.domain))
        continue;
      const std::string start = concat(v.prefix, settings_.vdomain_separator);
      if (text.size() > start.size() && text.starts_with(start))
        names.push_back(account::virtual_name(text.substr(start.size()), v, settings_));
      names.push_back(account::virtual_name(text, v, settings_));
    }
    account::Name main = account::main_name(text, settings_);
    const bool ours = base_.domain.empty() ? without_slashes(main.drop_path) == base_.path
                                           : iequals(main.domain, base_.domain);
    if (ours && !account::owned_by_other_domain(main, vdomains, settings_))
      names.push_back(std::move(main));
  }
  return names;
}

// Those whom today's settings or a layout of the past put there.
std::vector<Claim> Spool::claims_on(const std::string& path, const std::string& file) const {
  std::vector<Claim> claims;
  std::vector<account::Name> names = names_of(file);
  for (account::Name& name : names) {
    // Without an address v_vic and vic of the virtual domain v are one account, the latter's.
    const auto is_same_account = [&](const Claim& claim) {
      return !name.is_virtual && claim.name.is_virtual &&
             name.user == account::prefixed_user(claim.name, settings_) &&
             name.auth_name == claim.name.auth_name && name.passwd_file == claim.name.passwd_file;
    };
    if (std::any_of(claims.begin(), claims.end(), is_same_account)) continue;
    account::Name before = name;
    before.drop_path = base_.path;
    const auto was_here = [&](const conf::Settings& s) { return place_of(before, s) == path; };
    if (place_of(name, settings_) != path &&
        std::none_of(layouts_.begin(), layouts_.end(), was_here))
      continue;
    auto account = account::account_of(name, account::Facts(), settings_);
    if (!account) continue;
    const auto is_same_place = [&](const Claim& claim) {
      return claim.account.drop_file == account->drop_file;
    };
    if (std::none_of(claims.begin(), claims.end(), is_same_place))
      claims.push_back({std::move(name), std::move(*account)});
  }
  return claims;
}

void Spool::look_at(const Level& level, const std::string& file, bool tree) {
  // With its drop file beside it a tree is moved along.
  struct stat st {};
  if (tree && ::fstatat(level.fd.get(), file.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0) return;
  Stray stray;
  stray.tree = tree;
  stray.path = concat(level.path, '/', file);
  stray.claims = claims_on(stray.path, file);
  if (stray.claims.empty()) {
    stray.kind = Stray::Kind::Nobody;
    return visitor_->found(stray);
  }
  stray.name = stray.claims.front().name;
  stray.account = stray.claims.front().account;
  if (stray.claims.size() > 1) {
    stray.kind = Stray::Kind::Ambiguous;
  } else if (stray.account.drop_file == stray.path) {
    in_place_ += tree ? 0 : 1;
    return;
  }
  visitor_->found(stray);
}

}  // namespace dmail::dmconf
