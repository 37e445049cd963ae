// ldapauth.conf: where the directory is and what its attributes mean.  ldapauth(8) explains each
// line.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace dmail::ldapauth {

inline constexpr size_t kMaxServers = 16;
inline constexpr size_t kMaxLabelLines = 40;
inline constexpr size_t kMaxFilter = 2000;  // bytes of a template

enum class Scope { Base, One, Sub };

struct Config {
  std::vector<std::string> servers;  // ldap://, ldaps://, ldapi://
  bool starttls = false;
  bool plaintext = false;                       // passwords may cross the network without TLS
  std::string tls_ca;                           // PEM file; empty: the system's
  int network_timeout = 3, search_timeout = 5;  // seconds

  std::string bind_dn, bind_password_file;
  std::string base;
  Scope scope = Scope::Sub;
  std::string login_filter = "(uid=%n)";
  std::string address_filter;
  bool login_by_address = true;
  std::string domain;                                        // %d of a name without one
  std::vector<std::pair<std::string, std::string>> netbios;  // NAME, domain

  std::string bind_attribute;     // empty: bind as the entry's DN
  std::string account_attribute;  // empty: what login_filter compares with the name
  std::string mail_attribute;
  std::string proxy_attribute;
  std::string quota_attribute;
  std::string quota_unit = "kb";
  std::string path_attribute;
  std::string forward_attribute;
  std::string uid_attribute, gid_attribute, home_attribute;
  std::string host_attribute;
  std::string disabled_attribute;
  std::string disabled_value;  // a number N: any bit of N set; else a value; empty: any true value
  std::vector<std::pair<std::string, std::string>> switches;  // imap|pop|smtp, attribute
  std::string exchange_attribute;                             // protocolSettings
  std::vector<std::pair<std::string, std::string>> labels;    // label, attribute

  // The names of all attributes above, each once: what a search asks for.
  [[nodiscard]] std::vector<std::string> attributes() const;
};

// `file` is for messages only.  BadInput, the log text begins with FILE:LINE.
Result<Config> parse_ldap_config(std::string_view text, const std::string& file);

// A name taken apart for filters.
struct Asked {
  std::string user;    // %u: as asked
  std::string name;    // %n: without domain
  std::string domain;  // %d: of the name, of its NetBIOS domain, or the configured one
  bool home = true;    // no domain, or one that a `domain` or `netbios` line names
};
// nullopt: DOMAIN\name with a DOMAIN that no `netbios` line knows, or no name at all.
std::optional<Asked> take_apart(std::string_view user, const Config& config);

}  // namespace dmail::ldapauth
