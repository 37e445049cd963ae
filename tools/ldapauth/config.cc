#include "tools/ldapauth/config.h"

#include <algorithm>
#include <array>

#include "base/ascii.h"
#include "base/number.h"
#include "base/text.h"
#include "tools/ldapauth/filter.h"
#include "tools/modules/config_file.h"

namespace dmail::ldapauth {
namespace {

bool valid_attribute(std::string_view name) {
  if (name.empty() || name.size() > 100 || (!is_alpha(name[0]) && !is_digit(name[0]))) return false;
  return std::all_of(name.begin(), name.end(),
                     [](char c) { return is_alnum(c) || c == '-' || c == '.' || c == ';'; });
}

bool valid_label(std::string_view name) {
  return !name.empty() && name.size() <= 64 && std::all_of(name.begin(), name.end(), [](char c) {
    return is_alnum(c) || c == '-' || c == '_' || c == '.';
  });
}

bool set_number(std::string_view value, int low, int high, int& number) {
  const auto parsed = parse_u32(value, static_cast<uint32_t>(high));
  if (!parsed || *parsed < static_cast<uint32_t>(low)) return false;
  number = static_cast<int>(*parsed);
  return true;
}

std::string_view set_servers(std::string_view value, Config& config) {
  for (std::string_view uri : split_words(value)) {
    if (!uri.starts_with("ldap://") && !uri.starts_with("ldaps://") && !uri.starts_with("ldapi://"))
      return "a server is ldap://HOST, ldaps://HOST or ldapi://PATH";
    if (config.servers.size() == kMaxServers) return "too many servers";
    config.servers.emplace_back(uri);
  }
  return {};
}

struct AttributeLine {
  std::string_view name;
  std::string Config::*field;
};
constexpr std::array<AttributeLine, 12> kAttributes = {{
    {"bind_attribute", &Config::bind_attribute},
    {"account_attribute", &Config::account_attribute},
    {"mail_attribute", &Config::mail_attribute},
    {"proxy_attribute", &Config::proxy_attribute},
    {"quota_attribute", &Config::quota_attribute},
    {"path_attribute", &Config::path_attribute},
    {"forward_attribute", &Config::forward_attribute},
    {"uid_attribute", &Config::uid_attribute},
    {"gid_attribute", &Config::gid_attribute},
    {"home_attribute", &Config::home_attribute},
    {"host_attribute", &Config::host_attribute},
    {"exchange_attribute", &Config::exchange_attribute},
}};

// Lines of two words.
std::string_view set_pair(std::string_view name, const std::vector<std::string_view>& words,
                          Config& config) {
  if (words.size() != 2) return "two words are wanted";
  const std::pair<std::string, std::string> pair(words[0], words[1]);
  if (name == "netbios") {
    config.netbios.push_back(pair);
    return {};
  }
  if (!valid_attribute(words[1])) return "no attribute name";
  if (config.labels.size() + config.switches.size() == kMaxLabelLines) return "too many such lines";
  if (name == "label") {
    constexpr std::string_view kOwn[] = {"account", "quota", "fwd", "uid", "gid", "home", "host"};
    if (!valid_label(words[0])) return "no label name";
    if (std::find(std::begin(kOwn), std::end(kOwn), words[0]) != std::end(kOwn))
      return "this label has a line of its own";
    config.labels.push_back(pair);
    return {};
  }
  if (words[0] != "imap" && words[0] != "pop" && words[0] != "smtp")
    return "a switch is for imap, pop or smtp";
  config.switches.push_back(pair);
  return {};
}

std::string_view set_disabled(const std::vector<std::string_view>& words, Config& config) {
  if (words.empty() || words.size() > 2 || !valid_attribute(words[0]))
    return "an attribute, and a number of bits or a value, are wanted";
  config.disabled_attribute = words[0];
  if (words.size() == 2) config.disabled_value = words[1];
  return {};
}

std::string_view set_scope(std::string_view value, Scope& scope) {
  if (value != "sub" && value != "one" && value != "base") return "sub, one or base is wanted";
  scope = value == "sub" ? Scope::Sub : value == "one" ? Scope::One : Scope::Base;
  return {};
}

std::string_view set_filter(std::string_view value, std::string& filter) {
  filter = value;
  return filter_fault(value);
}

// What is wrong with the line; empty when nothing is.
std::string_view set_line(std::string_view name, const std::string& value, Config& config) {
  if (value.empty()) return "no value";
  for (const AttributeLine& line : kAttributes) {
    if (line.name != name) continue;
    config.*line.field = value;
    return valid_attribute(value) ? std::string_view() : "no attribute name";
  }
  auto flag = [&](bool& field) {
    return modules::parse_bool(value, field) ? std::string_view() : "true or false is wanted";
  };
  auto number = [&](int low, int high, int& field) {
    return set_number(value, low, high, field) ? std::string_view() : "number out of range";
  };
  auto absolute = [&](std::string& field) {
    field = value;
    return value.starts_with('/') ? std::string_view() : "an absolute path is wanted";
  };
  if (name == "uri") return set_servers(value, config);
  if (name == "starttls") return flag(config.starttls);
  if (name == "plaintext") return flag(config.plaintext);
  if (name == "tls_ca") return absolute(config.tls_ca);
  if (name == "network_timeout") return number(1, 60, config.network_timeout);
  if (name == "search_timeout") return number(1, 300, config.search_timeout);
  if (name == "bind_password_file") return absolute(config.bind_password_file);
  if (name == "scope") return set_scope(value, config.scope);
  if (name == "login_filter") return set_filter(value, config.login_filter);
  if (name == "address_filter") return set_filter(value, config.address_filter);
  if (name == "login_by_address") return flag(config.login_by_address);
  if (name == "disabled") return set_disabled(split_words(value), config);
  if (name == "netbios" || name == "label" || name == "switch")
    return set_pair(name, split_words(value), config);
  if (name == "quota_unit") {
    config.quota_unit = value;
    return value == "bytes" || value == "kb" || value == "mb" ? "" : "bytes, kb or mb is wanted";
  }
  if (name == "bind_dn")
    config.bind_dn = value;
  else if (name == "base")
    config.base = value;
  else if (name == "domain")
    config.domain = value;
  else
    return "unknown setting";
  return {};
}

bool is_repeatable(std::string_view name) {
  return name == "uri" || name == "netbios" || name == "label" || name == "switch";
}

// Lines that need others.
std::string_view fault_of_all(const Config& config) {
  if (config.servers.empty()) return "no uri";
  if (config.base.empty()) return "no base";
  if (config.bind_dn.empty() != config.bind_password_file.empty())
    return "bind_dn and bind_password_file go together";
  if (config.account_attribute.empty() && name_attribute(config.login_filter).attribute.empty())
    return "account_attribute is wanted: login_filter compares no attribute with the name alone";
  if (config.plaintext || config.starttls) return {};
  for (std::string_view uri : config.servers) {
    std::string_view host = uri.substr(uri.find("//") + 2);
    host = host.substr(0, host.find_first_of(":/", host.starts_with('[') ? host.find(']') : 0));
    const bool here = host == "localhost" || host.starts_with("127.") || host == "[::1]";
    if (uri.starts_with("ldap://") && !here)
      return "passwords would cross the network as they are: use ldaps:// or starttls, or say "
             "plaintext true";
  }
  return {};
}

}  // namespace

std::vector<std::string> Config::attributes() const {
  std::vector<std::string> all;
  auto add = [&](const std::string& name) {
    for (const std::string& known : all)
      if (iequals(known, name)) return;
    if (!name.empty()) all.push_back(name);
  };
  for (const AttributeLine& line : kAttributes) add(this->*line.field);
  if (account_attribute.empty()) add(name_attribute(login_filter).attribute);
  add(disabled_attribute);
  for (const auto& [service, attribute] : switches) add(attribute);
  for (const auto& [label, attribute] : labels) add(attribute);
  return all;
}

Result<Config> parse_ldap_config(std::string_view text, const std::string& file) {
  auto lines = modules::parse_config(text, file);
  if (!lines) return std::move(lines.error());
  Config config;
  std::vector<std::string_view> seen;
  for (const modules::ConfigLine& line : *lines) {
    const bool again = std::find(seen.begin(), seen.end(), line.name) != seen.end();
    if (again && !is_repeatable(line.name))
      return modules::config_error(file, line.number, concat(line.name, ": given twice"));
    seen.push_back(line.name);
    if (const auto fault = set_line(line.name, line.value, config); !fault.empty())
      return modules::config_error(file, line.number, concat(escaped(line.name, 60), ": ", fault));
  }
  if (const auto fault = fault_of_all(config); !fault.empty())
    return modules::config_error(file, lines->empty() ? 1 : lines->back().number, fault);
  return config;
}

namespace {

bool is_home(std::string_view domain, const Config& config) {
  return (!config.domain.empty() && iequals(domain, config.domain)) ||
         std::any_of(config.netbios.begin(), config.netbios.end(),
                     [&](const auto& line) { return iequals(line.second, domain); });
}

}  // namespace

std::optional<Asked> take_apart(std::string_view user, const Config& config) {
  Asked asked;
  asked.user = user;
  asked.domain = config.domain;
  const size_t slash = user.find('\\');
  const size_t at = user.rfind('@');
  if (slash != std::string_view::npos) {
    const auto known =
        std::find_if(config.netbios.begin(), config.netbios.end(),
                     [&](const auto& line) { return iequals(line.first, user.substr(0, slash)); });
    if (known == config.netbios.end()) return std::nullopt;
    asked.name = user.substr(slash + 1);
    asked.domain = known->second;
    asked.home = true;
  } else if (at != std::string_view::npos) {
    asked.name = user.substr(0, at);
    asked.domain = user.substr(at + 1);
    asked.home = is_home(asked.domain, config);
  } else {
    asked.name = user;
  }
  if (asked.name.empty() || (at != std::string_view::npos && asked.domain.empty()))
    return std::nullopt;
  return asked;
}

}  // namespace dmail::ldapauth
