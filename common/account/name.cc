// The pipeline from what was typed to a Name.
#include <array>

#include "account/account.h"
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
  const std::string ip = plain_ip(local_ip);
  for (const Vdomain& v : all)
    if (v.match.front() != '@' && plain_ip(v.match) == ip) return &v;
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

Result<Name> name_in_domain(std::string_view text, const std::vector<Vdomain>& all,
                            const conf::Settings& settings) {
  const size_t at = text.rfind('@');
  const std::string_view user = text.substr(0, at), domain = text.substr(at + 1);
  const bool two_ats = user.find('@') != std::string_view::npos;
  if (const Vdomain* v = of_domain(domain, all); v && !two_ats)
    return virtual_name(user, *v, settings);
  if (is_host_domain(domain, settings) && !two_ats) return main_name(user, settings);
  // An external module may know domains that dmail.conf doesn't; nobody else does.
  if (two_ats || settings.authent_domain || settings.authent_method != "external" || user.empty() ||
      domain.empty())
    return bad_name("domain of the user name is not local");
  return main_name(text, settings);
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
  if (!login.client_ip.empty() &&
      !list_allows(settings.user_ip_address, plain_ip(login.client_ip), true))
    return Error{ErrorKind::NoPermission, "Logins from this address are not allowed",
                 "address not in user_ip_address"};
  const std::vector<Vdomain> all = vdomains(settings);
  if (text.find('@') != std::string::npos) {
    Result<Name> name = name_in_domain(text, all, settings);
    return name ? admitted(std::move(*name), all, settings) : name;
  }
  if (const Vdomain* v = of_address(login.local_ip, all))
    return admitted(virtual_name(text, *v, settings), all, settings);
  return admitted(main_name(text, settings), all, settings);
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
