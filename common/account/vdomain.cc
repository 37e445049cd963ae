#include "account/vdomain.h"

#include "base/ascii.h"
#include "base/text.h"

namespace dmail::account {
namespace {

std::string_view next_word(std::string_view& rest) {
  rest = trim(rest);
  const size_t end = std::min(rest.find_first_of(" \t"), rest.size());
  const std::string_view word = rest.substr(0, end);
  rest = trim(rest.substr(end));
  return word;
}

bool full_names(const conf::Settings& settings) {
  return settings.authent_domain && settings.authent_method == "external";
}

}  // namespace

std::vector<Vdomain> vdomains(const conf::Settings& settings) {
  std::vector<Vdomain> all;
  for (const std::string& line : settings.vdomain) {
    std::string_view rest = line;
    Vdomain v;
    v.prefix = next_word(rest);
    v.match = next_word(rest);
    v.domain = next_word(rest);
    v.drop_path = rest;
    if (v.match.size() > 1 && !v.domain.empty() && v.drop_path.starts_with('/')) all.push_back(v);
  }
  return all;
}

std::string path_for_domain(const std::vector<std::string>& lines, std::string_view domain) {
  for (const std::string& line : lines) {
    std::string_view rest = line;
    std::string_view word = next_word(rest);
    if (word.starts_with('/') && !rest.starts_with('/')) std::swap(word, rest);
    if (iequals(word, domain) && rest.starts_with('/')) return std::string(rest);
  }
  return {};
}

Name main_name(std::string_view user, const conf::Settings& settings) {
  Name name;
  name.user = user;
  if (!settings.host_domain.empty()) name.domain = lower(settings.host_domain.front());
  name.drop_path = settings.drop_path;
  if (!name.domain.empty())
    name.passwd_file = path_for_domain(settings.vdomain_passwd, name.domain);
  name.auth_name = name.user;
  if (full_names(settings) && name.passwd_file.empty() && !name.domain.empty())
    append(name.auth_name += '@', name.domain);
  return name;
}

Name virtual_name(std::string_view user, const Vdomain& vdomain, const conf::Settings& settings) {
  Name name;
  name.user = user;
  name.domain = lower(vdomain.domain);
  name.prefix = vdomain.prefix;
  name.is_virtual = true;
  name.drop_path = vdomain.drop_path;
  name.passwd_file = path_for_domain(settings.vdomain_passwd, vdomain.domain);
  if (!name.passwd_file.empty())
    name.auth_name = name.user;
  else if (full_names(settings))
    name.auth_name = concat(name.user, '@', name.domain);
  else
    name.auth_name = prefixed_user(name, settings);
  return name;
}

std::string prefixed_user(const Name& name, const conf::Settings& settings) {
  return name.prefix.empty() ? name.user
                             : concat(name.prefix, settings.vdomain_separator, name.user);
}

std::string base_of_domain(std::string_view domain, std::string_view drop_path,
                           const conf::Settings& settings) {
  std::string base(drop_path);
  if (settings.use_maildir) {
    base = path_for_domain(settings.maildir_althome, domain);
    if (base.empty()) base = settings.maildir_home;
  }
  while (base.size() > 1 && base.back() == '/') base.pop_back();
  return base;
}

bool owned_by_other_domain(const Name& name, const std::vector<Vdomain>& vdomains,
                           const conf::Settings& settings) {
  const std::string base = base_of_domain(name.domain, name.drop_path, settings);
  const std::string file = prefixed_user(name, settings);
  bool ours_seen = false;
  for (const Vdomain& v : vdomains) {
    if (base_of_domain(v.domain, v.drop_path, settings) != base) continue;
    std::string_view user;  // who of that domain has the file
    if (name.is_virtual && v.prefix == name.prefix) {
      ours_seen |= iequals(v.domain, name.domain);
      if (!ours_seen) user = name.user;
    } else if (!settings.drop_prefix && v.prefix.size() > name.prefix.size()) {
      const std::string start = concat(v.prefix, settings.vdomain_separator);
      if (istarts_with(file, start)) user = std::string_view(file).substr(start.size());
    }
    if (user.empty()) continue;
    const Name other = virtual_name(user, v, settings);
    if (other.auth_name != name.auth_name || other.passwd_file != name.passwd_file) return true;
  }
  return false;
}

}  // namespace dmail::account
