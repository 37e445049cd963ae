#include "tools/ldapauth/entry.h"

#include <algorithm>
#include <optional>

#include "base/ascii.h"
#include "base/number.h"
#include "base/text.h"
#include "tools/ldapauth/filter.h"

namespace dmail::ldapauth {
namespace {

Error malformed(std::string_view attribute, std::string_view what) {
  return Error{ErrorKind::BadInput, "", concat("attribute ", attribute, ' ', what)};
}

// Whether it can stand in a label: no quote, no control byte.
bool plain(std::string_view value) {
  return !value.empty() && value.size() <= kMaxLabelValue &&
         std::none_of(value.begin(), value.end(), [](char c) { return is_control(c) || c == '"'; });
}
bool plain_word(std::string_view value) {
  return plain(value) && value.find(' ') == std::string_view::npos;
}

bool says_no(std::string_view value) {
  for (std::string_view no : {"false", "no", "off", "0", "disabled"})
    if (iequals(value, no)) return true;
  return false;
}

std::string label(std::string_view name, std::string_view value) {
  return concat(' ', name, "=\"", value, '"');
}

// Reads one entry's single-valued attributes; the first fault is kept.
class Reader {
 public:
  Reader(const Entry& entry) : entry_(entry) {}

  // Empty when the attribute is not there.
  std::string word(const std::string& attribute) {
    if (attribute.empty()) return {};
    std::vector<std::string> values = entry_.values(attribute);
    if (values.empty()) return {};
    if (values.size() > 1) return fault(attribute, "has several values");
    if (!plain_word(values[0])) return fault(attribute, "is malformed");
    return values[0];
  }
  std::string number(const std::string& attribute, uint64_t divisor = 1, uint64_t factor = 1) {
    const std::string text = word(attribute);
    if (text.empty()) return {};
    const auto value = parse_u64(text, uint64_t{1} << 50);
    if (!value) return fault(attribute, "is no number");
    return concat(*value * factor / divisor);
  }
  std::string fault(std::string_view attribute, std::string_view what) {
    if (!fault_) fault_ = malformed(attribute, what);
    return {};
  }
  std::optional<Error>& fault() { return fault_; }

 private:
  const Entry& entry_;
  std::optional<Error> fault_;
};

// Addresses an account may log in from: a value that cannot be told must not widen them.
std::string addresses(Reader& reader, const Entry& entry, const std::string& attribute) {
  std::string all;
  for (const std::string& value : entry.values(attribute)) {
    if (!plain(value)) return reader.fault(attribute, "is malformed");
    append(all, concat(all.empty() ? "" : " ", value));
  }
  if (all.size() > kMaxLabelValue) return reader.fault(attribute, "is too long");
  return all;
}

// smtp:x@y and x@y to x@y.
std::string_view address_of(std::string_view value) {
  return istarts_with(value, "smtp:") ? value.substr(5) : value;
}

// The main address: `SMTP:` in capitals among the proxy addresses, else mail.
std::string main_address(const Entry& entry, const Config& config) {
  for (const std::string& value : entry.values(config.proxy_attribute))
    if (value.starts_with("SMTP:") && plain_word(value.substr(5))) return value.substr(5);
  for (const std::string& value : entry.values(config.mail_attribute))
    if (plain_word(value)) return value;
  return {};
}

std::string switches(const Entry& entry, const Config& config) {
  std::vector<std::string_view> off;
  for (const auto& [service, attribute] : config.switches)
    for (const std::string& value : entry.values(attribute))
      if (says_no(value)) off.push_back(service);
  // PROTOCOL, the sign U+00A7, 0 or 1, and more.
  for (const std::string& value : entry.values(config.exchange_attribute)) {
    const size_t sign = value.find('\xa7');
    if (sign == std::string::npos || sign + 1 >= value.size() || value[sign + 1] != '0') continue;
    if (istarts_with(value, "IMAP")) off.emplace_back("imap");
    if (istarts_with(value, "POP")) off.emplace_back("pop");
  }
  if (is_disabled(entry, config)) off = {"imap", "pop", "smtp"};
  std::string out;
  for (std::string_view service : {"imap", "pop", "smtp"})
    if (std::find(off.begin(), off.end(), service) != off.end()) out += label(service, "no");
  return out;
}

// The value in the entry's own name (uid=joe,ou=...), of an attribute with several.
std::string value_in_dn(const Entry& entry, const std::string& attribute) {
  const std::string_view first = std::string_view(entry.dn).substr(0, entry.dn.find_first_of(",+"));
  const size_t equals = first.find('=');
  if (equals == std::string_view::npos || !iequals(first.substr(0, equals), attribute)) return {};
  for (const std::string& value : entry.values(attribute))
    if (value == first.substr(equals + 1) && plain_word(value)) return value;
  return {};
}

// The account's own name, whatever it was asked by; empty when it was asked by that, byte for byte:
// two names of one entry are never two accounts.
std::string own_name(Reader& reader, const Entry& entry, const Asked& asked, const Config& config) {
  NameAttribute from{config.account_attribute, false};
  const bool derived = from.attribute.empty();
  if (derived) from = name_attribute(config.login_filter);
  std::string name = derived ? value_in_dn(entry, from.attribute) : std::string();
  if (name.empty()) name = reader.word(from.attribute);
  if (name.empty())
    return reader.fault(from.attribute,
                        "is not there; account_attribute says which one names the account");
  const bool ours = asked.home && (config.domain.empty() || iequals(asked.domain, config.domain));
  const size_t at = name.find('@');
  if (at == std::string::npos && !ours) {
    if (from.within_domain && !asked.home)
      name += concat('@', asked.domain);
    else if (!config.domain.empty())
      name += concat('@', config.domain);
  } else if (derived && ours && at != std::string::npos && at > 0 && !config.domain.empty() &&
             iequals(std::string_view(name).substr(at + 1), config.domain)) {
    name.resize(at);
  }
  return name == asked.user ? std::string() : name;
}

}  // namespace

std::vector<std::string> Entry::values(std::string_view attribute) const {
  std::vector<std::string> all;
  if (attribute.empty()) return all;
  for (const auto& [name, found] : attributes)
    if (iequals(name.substr(0, name.find(';')), attribute.substr(0, attribute.find(';'))))
      all.insert(all.end(), found.begin(), found.end());
  return all;
}

bool is_disabled(const Entry& entry, const Config& config) {
  const auto bits = parse_u64(config.disabled_value);
  for (const std::string& value : entry.values(config.disabled_attribute)) {
    if (bits) {
      // Active Directory's numbers are signed; the bits are the same.
      const bool negative = value.starts_with('-');
      auto number = parse_u64(negative ? std::string_view(value).substr(1) : value);
      if (!number) return true;  // not understood: nobody is let in
      if (((negative ? ~*number + 1 : *number) & *bits) != 0) return true;
    } else if (config.disabled_value.empty() ? !says_no(value)
                                             : iequals(value, config.disabled_value)) {
      return true;
    }
  }
  return false;
}

Result<std::string> facts_of(const Entry& entry, const Asked& asked, const Config& config) {
  Reader reader(entry);
  const std::string path = reader.word(config.path_attribute);
  if (!path.empty() && !path.starts_with('/'))
    reader.fault(config.path_attribute, "is no absolute path");
  const std::string uid = reader.number(config.uid_attribute);
  std::string out = concat(' ', path.empty() ? "config" : path, ' ', uid.empty() ? "0" : uid);
  auto add = [&](std::string_view name, const std::string& value) {
    if (!value.empty()) out += label(name, value);
  };
  add("account", own_name(reader, entry, asked, config));
  add("gid", reader.number(config.gid_attribute));
  add("home", reader.word(config.home_attribute));
  const bool bytes = config.quota_unit == "bytes";
  add("quota", reader.number(config.quota_attribute, bytes ? 1024 : 1,
                             config.quota_unit == "mb" ? 1024 : 1));
  const std::string forward(address_of(reader.word(config.forward_attribute)));
  if (!forward.empty() && forward.find('@') == std::string::npos)
    reader.fault(config.forward_attribute, "is no mail address");
  add("fwd", forward);
  add("host", reader.word(config.host_attribute));
  add("mail", main_address(entry, config));
  out += switches(entry, config);
  for (const auto& [name, attribute] : config.labels) {
    if (iequals(name, "ip")) {
      add("ip", addresses(reader, entry, attribute));
      continue;
    }
    const std::vector<std::string> values = entry.values(attribute);
    if (!values.empty() && plain(values[0])) out += label(name, values[0]);
  }
  if (reader.fault()) return std::move(*reader.fault());
  return out;
}

}  // namespace dmail::ldapauth
