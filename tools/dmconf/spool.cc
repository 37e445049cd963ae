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

void Spool::look_at(const Level& level, const std::string& file, bool tree) {
  Stray stray;
  stray.tree = tree;
  stray.path = concat(level.path, '/', file);
  std::vector<account::Name> names = names_of(file);
  for (const account::Name& name : names)
    if (place_of(name, settings_) == stray.path) {
      in_place_ += tree ? 0 : 1;
      return;
    }
  // With its drop file beside it a tree is moved along.
  struct stat st {};
  if (tree && ::fstatat(level.fd.get(), file.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0) return;
  stray.kind = Stray::Kind::Nobody;
  for (account::Name& name : names) {
    // v_vic is vic's of the virtual domain rather than that of a user who is called v_vic.
    if (!name.is_virtual && stray.name.is_virtual &&
        name.user == account::prefixed_user(stray.name, settings_))
      continue;
    // Where a layout of the past had this user's file, below this directory.
    account::Name before = name;
    before.drop_path = base_.path;
    const auto was_here = [&](const conf::Settings& s) {
      return place_of(before, s) == stray.path;
    };
    if (std::none_of(layouts_.begin(), layouts_.end(), was_here)) continue;
    auto account = account::account_of(name, account::Facts(), settings_);
    if (!account || account->drop_file == stray.account.drop_file) continue;
    stray.kind = stray.account.drop_file.empty() ? Stray::Kind::Misplaced : Stray::Kind::Ambiguous;
    stray.account = std::move(*account);
    stray.name = std::move(name);
  }
  visitor_->found(stray);
}

}  // namespace dmail::dmconf
