#include "tools/ldapauth/directory.h"

#include <sys/time.h>

#include "base/text.h"
#include "base/wipe.h"
#include "io/clock.h"

namespace dmail::ldapauth {
namespace {

// The connection is of no use any more, or never was.
bool is_gone(int code) {
  return code == LDAP_SERVER_DOWN || code == LDAP_CONNECT_ERROR || code == LDAP_TIMEOUT ||
         code == LDAP_LOCAL_ERROR || code == LDAP_DECODING_ERROR || code == LDAP_UNAVAILABLE;
}

int ldap_scope(Scope scope) {
  return scope == Scope::Base  ? LDAP_SCOPE_BASE
         : scope == Scope::One ? LDAP_SCOPE_ONELEVEL
                               : LDAP_SCOPE_SUBTREE;
}

Entry entry_from(LDAP* ld, LDAPMessage* message) {
  Entry entry;
  if (char* dn = ::ldap_get_dn(ld, message)) {
    entry.dn = dn;
    ::ldap_memfree(dn);
  }
  BerElement* position = nullptr;
  for (char* name = ::ldap_first_attribute(ld, message, &position); name != nullptr;
       name = ::ldap_next_attribute(ld, message, position)) {
    std::vector<std::string> values;
    if (berval** found = ::ldap_get_values_len(ld, message, name)) {
      for (size_t i = 0; found[i] != nullptr && i < kMaxValues; ++i)
        values.emplace_back(found[i]->bv_val, found[i]->bv_len);
      ::ldap_value_free_len(found);
    }
    entry.attributes.emplace_back(name, std::move(values));
    ::ldap_memfree(name);
  }
  if (position != nullptr) ::ber_free(position, 0);
  return entry;
}

}  // namespace

Directory::Directory(const Config& config, std::string bind_password, Log log)
    : config_(config),
      bind_password_(std::move(bind_password)),
      log_(std::move(log)),
      attributes_(config.attributes()) {
  if (attributes_.empty()) attributes_.emplace_back(LDAP_NO_ATTRS);
}

Error Directory::not_now(size_t server, int code) const {
  return Error{ErrorKind::TryLater, "Try again later",
               concat(config_.servers[server], ": ", ::ldap_err2string(code))};
}

int Directory::bind(LDAP* ld, const std::string& name, std::string_view password,
                    std::string& why) const {
  std::string copy(password);
  berval secret{copy.size(), copy.data()};
  const int code =
      ::ldap_sasl_bind_s(ld, name.c_str(), LDAP_SASL_SIMPLE, &secret, nullptr, nullptr, nullptr);
  wipe(copy);
  char* text = nullptr;
  ::ldap_get_option(ld, LDAP_OPT_DIAGNOSTIC_MESSAGE, &text);
  why = concat(::ldap_err2string(code), text != nullptr && *text != '\0' ? ": " : "",
               text != nullptr ? text : "");
  ::ldap_memfree(text);
  return code;
}

Status Directory::open(Connection& connection, size_t server, bool for_search) {
  connection.link.reset();
  connection.server = server;
  const std::string& uri = config_.servers[server];
  Result<std::unique_ptr<Link>> link = Link::open(config_, uri);
  if (!link) return std::move(link.error());
  if (for_search && !config_.bind_dn.empty()) {
    std::string why;
    const Watchdog watchdog((*link)->fd(), config_.search_timeout * 1000);
    const int code = bind((*link)->ld(), config_.bind_dn, bind_password_, why);
    if (code != LDAP_SUCCESS)
      return Error{ErrorKind::TryLater, "Try again later",
                   concat(uri, ": bind as ", config_.bind_dn, ": ", why)};
  }
  log_(concat("connected to ", uri));
  connection.link = std::move(*link);
  return {};
}

int Directory::attempt(Connection& connection, const Task& task) const {
  const Watchdog watchdog(connection.link->fd(), config_.search_timeout * 1000 + 500);
  const int code = task(connection.link->ld());
  connection.used_ms = monotonic_ms();
  return code;
}

Result<int> Directory::run(Connection& connection, bool for_search, const Task& task) {
  if (monotonic_ms() - connection.used_ms > kIdleMs) connection.link.reset();
  if (connection.link) {
    const int code = attempt(connection, task);
    if (!is_gone(code)) return code;
    log_(not_now(connection.server, code).log);
    connection.link.reset();
  }
  Error error;
  for (size_t i = 0; i < config_.servers.size(); ++i) {
    const size_t server = (preferred_ + i) % config_.servers.size();
    if (Status opened = open(connection, server, for_search); !opened) {
      error = std::move(opened.error());
    } else {
      const int code = attempt(connection, task);
      if (!is_gone(code)) {
        preferred_ = server;
        return code;
      }
      connection.link.reset();
      error = not_now(server, code);
    }
    log_(error.log);
  }
  return error;
}

Result<Entry> Directory::find(const std::string& filter) {
  log_(concat("search ", filter));
  std::vector<char*> wanted;
  for (std::string& name : attributes_) wanted.push_back(name.data());
  wanted.push_back(nullptr);
  Entry entry;
  int entries = 0;
  auto search = [&](LDAP* ld) {
    timeval limit{config_.search_timeout, 0};
    LDAPMessage* result = nullptr;
    const int code =
        ::ldap_search_ext_s(ld, config_.base.c_str(), ldap_scope(config_.scope), filter.c_str(),
                            wanted.data(), 0, nullptr, nullptr, &limit, 2, &result);
    entries = result != nullptr ? ::ldap_count_entries(ld, result) : 0;
    if (entries > 0) entry = entry_from(ld, ::ldap_first_entry(ld, result));
    ::ldap_msgfree(result);
    return code;
  };
  Result<int> code = run(search_, true, search);
  if (!code) return std::move(code.error());
  auto wrong = [](std::string text) {
    return Error{ErrorKind::Corrupt, "Try again later", std::move(text)};
  };
  if (*code == LDAP_SIZELIMIT_EXCEEDED || entries > 1)
    return wrong(concat("several entries match ", filter));
  if (*code != LDAP_SUCCESS) return not_now(search_.server, *code);
  if (entries == 1 && entry.dn.empty()) return wrong("an entry without a name was found");
  log_(entries == 1 ? concat("found ", entry.dn) : std::string("found nothing"));
  return entry;
}

Result<Directory::Verdict> Directory::check(const std::string& name, std::string_view password) {
  if (name.empty() || password.empty()) return Verdict::Wrong;
  std::string why;
  Result<int> code = run(bind_, false, [&](LDAP* ld) { return bind(ld, name, password, why); });
  if (!code) return std::move(code.error());
  log_(concat("bind as ", name, ": ", why));
  switch (*code) {
    case LDAP_SUCCESS:
      return Verdict::Right;
    case LDAP_INVALID_CREDENTIALS:
    case LDAP_NO_SUCH_OBJECT:
    case LDAP_INAPPROPRIATE_AUTH:
    case LDAP_CONSTRAINT_VIOLATION:
    case LDAP_INSUFFICIENT_ACCESS:
      return Verdict::Wrong;
    default:
      return not_now(bind_.server, *code);
  }
}

}  // namespace dmail::ldapauth
