// The pipeline from what was typed to a Name.
#include <array>

#include "account/account.h"
#include "account/address_list.h"
#include "account/name_list.h"
#include "account/vdomain.h"
#include "base/ascii.h"
#include "base/text.h"
#include "base/utf7.h"

namespace dmail::account {
namespace {

Error bad_name(std::string_view why) {
  return Error{ErrorKind::BadInput, "The user name is not acceptable", std::string(why)};
}

Status well_formed(std::string_view name) {
  if (name.empty()) return bad_name("empty user name");
  if (name.size() > kMaxName) return bad_name("user name too long");
  for (char c : name)
    if (is_control(c) || c == ' ') return bad_name("blank or control byte in the user name");
  if (!is_utf8(name)) return bad_name("user name is not UTF-8");
  return {};
}

bool is_host_domain(std::string_view domain, const conf::Settings& settings) {
  for (const std::string& own : settings.host_domain)
    if (iequals(own, domain)) return true;
  return false;
}

// The virtual domain of `@domain`.
const Vdomain* of_domain(std::string_view domain, const std::vector<Vdomain>& all) {
  for (const Vdomain& v : all) {
    if (v.match.front() == '@' && iequals(v.match.substr(1), domain)) return &v;
    if (iequals(v.domain, domain)) return &v;
  }
  return nullptr;
}

const Vdomain* of_address(std::string_view local_ip, const std::vector<Vdomain>& all) {
  if (local_ip.empty()) return nullptr;
  for (const Vdomain& v : all)
    if (v.match.front() != '@' && same_ip(v.match, local_ip)) return &v;
  return nullptr;
}

// What every name has to pass, wherever it came from.
Result<Name> admitted(Name name, const std::vector<Vdomain>& all, const conf::Settings& settings) {
  if (name.user.empty()) return bad_name("nothing before the domain");
  if (owned_by_other_domain(name, all, settings))
    return bad_name("the drop file of this name belongs to a virtual domain");
  const std::string full = concat(name.user, '@', name.domain);
  const std::array<std::string_view, 3> forms{name.user, full, name.auth_name};
  if (!list_allows(settings.valid_users, forms, true))
    return Error{ErrorKind::NoPermission, "The user name is not acceptable", "not in valid_users"};
  return name;
}

std::string without_ending(std::string name, std::string_view ending) {
  if (ending.empty() || name.size() <= ending.size() || !iends_with(name, ending)) return name;
  name.resize(name.size() - ending.size());
  if (name.size() > 1 && name.back() == '@') name.pop_back();
  return name;
}

// The mail domain that a login_domain line gives `domain`, else itself.
std::string_view mail_domain(std::string_view domain, const conf::Settings& settings) {
  for (const std::string& line : settings.login_domain) {
    const auto words = split_words(line);
    if (words.size() == 2 && iequals(words[0], domain)) return words[1];
  }
  return domain;
}

bool is_login_domain(std::string_view domain, const std::vector<Vdomain>& all,
                     const conf::Settings& settings) {
  const std::string_view mail = mail_domain(domain, settings);
  return !domain.empty() && (mail.data() != domain.data() || is_host_domain(mail, settings) ||
                             of_domain(mail, all) != nullptr);
}

Result<Name> name_in_domain(std::string_view text, const std::vector<Vdomain>& all,
                            const conf::Settings& settings) {
  const size_t at = text.rfind('@');
  const std::string_view user = text.substr(0, at);
  const std::string_view typed = text.substr(at + 1), domain = mail_domain(typed, settings);
  const bool two_ats = user.find('@') != std::string_view::npos;
  if (const Vdomain* v = of_domain(domain, all); v && !two_ats)
    return virtual_name(user, *v, settings);
  if (is_host_domain(domain, settings) && !two_ats) return main_name(user, settings);
  // An external module may know domains that dmail.conf doesn't; nobody else does.
  if (two_ats || settings.authent_domain || settings.authent_method != "external" || user.empty() ||
      domain.empty())
    return bad_name("domain of the user name is not local");
  return main_name(concat(user, '@', lower(domain)), settings);
}

// user or user@domain to a Name that has passed every rule.
Result<Name> resolved(std::string_view text, const Vdomain* vdomain,
                      const std::vector<Vdomain>& all, const conf::Settings& settings) {
  Result<Name> name = text.find('@') != std::string_view::npos ? name_in_domain(text, all, settings)
                      : vdomain ? virtual_name(text, *vdomain, settings)
                                : Result<Name>(main_name(text, settings));
  return name ? admitted(std::move(*name), all, settings) : name;
}

// What a text with slashes says: user@domain, and the alias.
struct Parts {
  std::string login;
  std::string_view alias;
};

// nullopt: the slashes mean nothing, it is a user name.
Result<std::optional<Parts>> parts_of(std::string_view text, const std::vector<Vdomain>& all,
                                      const conf::Settings& settings) {
  const size_t slash = text.find_first_of("\\/");
  if (slash == std::string_view::npos) return std::optional<Parts>();
  std::vector<std::string_view> words = split(text, text[slash]);
  const size_t at = words[0].rfind('@');
  const bool domain_last = at != std::string_view::npos;
  if (!is_login_domain(domain_last ? words[0].substr(at + 1) : words[0], all, settings))
    return std::optional<Parts>();
  Parts parts;
  if (domain_last) {
    parts.login = words[0];
  } else {
    parts.login = concat(words[1], '@', words[0]);
    words.erase(words.begin());
    if (words[0].empty() || words[0].find('@') != std::string_view::npos)
      return bad_name("no user, or a second domain, after the domain");
  }
  if (words.size() > 2) return bad_name("more parts than domain, user and alias");
  if (words.size() == 2) parts.alias = words[1];
  if (words.size() == 2 && parts.alias.empty()) return bad_name("nothing in place of the alias");
  if (concat(parts.login, parts.alias).find_first_of("\\/") != std::string::npos)
    return bad_name("both slashes in the user name");
  return std::optional<Parts>(std::move(parts));
}

}  // namespace

std::string_view service_name(Service service) {
  switch (service) {
    case Service::Imap:
      return "imap";
    case Service::Pop:
      return "pop";
    case Service::Smtp:
      return "smtp";
  }
  return "imap";
}

Result<Name> login_name(const Login& login, const conf::Settings& settings) {
  DMAIL_TRY(well_formed(login.name));
  std::string text(login.name);
  if (settings.lowercase_username) text = lower(text);
  if (login.service == Service::Imap)
    text = without_ending(std::move(text), trim(settings.imapd_strip_domain));
  if (!login.client_ip.empty() && !addresses_allow(settings.user_ip_address, login.client_ip))
    return Error{ErrorKind::NoPermission, "Logins from this address are not allowed",
                 "address not in user_ip_address"};
  const std::vector<Vdomain> all = vdomains(settings);
  Result<std::optional<Parts>> parts = parts_of(text, all, settings);
  if (!parts) return std::move(parts.error());
  if (!*parts) return resolved(text, of_address(login.local_ip, all), all, settings);
  Result<Name> name = resolved((*parts)->login, nullptr, all, settings);
  if (!name || (*parts)->alias.empty()) return name;
  Result<Name> alias = own_name(*name, (*parts)->alias, settings);
  if (!alias) return alias;
  if (alias->domain != name->domain) return bad_name("user and alias have different domains");
  if (alias->auth_name == name->auth_name) return name;
  name->alias = std::move(alias->user);
  name->alias_auth_name = std::move(alias->auth_name);
  return name;
}

Result<Name> own_name(const Name& name, std::string_view account, const conf::Settings& settings) {
  DMAIL_TRY(well_formed(account));
  const std::vector<Vdomain> all = vdomains(settings);
  const std::string text = settings.lowercase_username ? lower(account) : std::string(account);
  return resolved(text, name.is_virtual ? of_domain(name.domain, all) : nullptr, all, settings);
}

bool is_of_unknown_domain(const Name& name, const conf::Settings& settings) {
  const size_t at = name.user.rfind('@');
  if (at == std::string::npos) return false;
  const std::string_view domain = std::string_view(name.user).substr(at + 1);
  for (const std::string& line : settings.login_domain)
    for (std::string_view word : split_words(line))
      if (iequals(word, domain)) return false;
  return true;
}

bool is_local_domain(std::string_view domain, const conf::Settings& settings) {
  return is_host_domain(domain, settings) || of_domain(domain, vdomains(settings)) != nullptr;
}

Result<std::optional<Recipient>> recipient(std::string_view address, const conf::Settings& settings,
                                           char detail_separator) {
  const size_t at = address.rfind('@');
  const bool bare = at == std::string_view::npos;
  const std::vector<Vdomain> all = vdomains(settings);
  const std::string_view domain = bare ? std::string_view() : address.substr(at + 1);
  const bool main = bare || is_host_domain(domain, settings);
  const Vdomain* v = main ? nullptr : of_domain(domain, all);
  if (!main && !v) return std::optional<Recipient>();

  std::string local(address.substr(0, at));
  Recipient found;
  if (detail_separator != 0) {
    if (const size_t plus = local.find(detail_separator); plus != std::string::npos && plus > 0) {
      found.detail = local.substr(plus + 1);
      local.resize(plus);
    }
  }
  DMAIL_TRY(well_formed(local));
  if (local.find('@') != std::string::npos) return bad_name("two @ in the address");
  if (settings.lowercase_username) local = lower(local);
  Result<Name> name =
      admitted(v ? virtual_name(local, *v, settings) : main_name(local, settings), all, settings);
  if (!name) return std::move(name.error());
  found.name = std::move(*name);
  return std::optional<Recipient>(std::move(found));
}

}  // namespace dmail::account
