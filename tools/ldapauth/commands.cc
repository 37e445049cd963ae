#include "tools/ldapauth/commands.h"

#include "base/ascii.h"
#include "base/text.h"
#include "tools/ldapauth/filter.h"

namespace dmail::ldapauth {
namespace {

constexpr std::string_view kHelp =
    "+DATA check <user> <password>\n"
    "+DATA lookup <user>\n"
    "+DATA version, help, quit, exit\n"
    "+OK\n";

std::string dead(const Error& error) { return concat("-DEAD ", escaped(error.log), '\n'); }

// The same for an unknown user, a wrong password and an account that is turned off.
std::string refusal(std::string_view user) {
  return concat("-ERR ", escaped(user, 60), " password wrong or not a valid user\n");
}

}  // namespace

std::optional<Asked> Commands::acceptable(std::string_view user) const {
  if (user.empty() || user.size() > kMaxName) return std::nullopt;
  for (char c : user)
    if (is_control(c) || c == ' ' || c == '"') return std::nullopt;
  return take_apart(user, config_);
}

Result<Entry> Commands::find(const Asked& asked, bool by_address) {
  Result<Entry> entry = directory_.find(expand(config_.login_filter, asked));
  if (entry && entry->dn.empty() && by_address && !config_.address_filter.empty())
    entry = directory_.find(expand(config_.address_filter, asked));
  // Nobody has said which domain is the directory's: "no such user" would send mail back.
  if (entry && entry->dn.empty() && !asked.home && config_.domain.empty() &&
      is_closed(config_.login_filter))
    return Error{ErrorKind::BadInput, "",
                 concat("a name with a domain, and ldapauth.conf has no line `domain`: ",
                        escaped(asked.user, 60))};
  return entry;
}

std::string Commands::ok(const Asked& asked, const Entry& entry) const {
  Result<std::string> facts = facts_of(entry, asked, config_);
  if (!facts) return concat("-DEAD ", escaped(concat(entry.dn, ": ", facts.error().log)), '\n');
  return concat("+OK ", asked.user, *facts, '\n');
}

std::string Commands::check(std::string_view user, std::string_view password) {
  // A bind without a password succeeds and proves nothing (RFC 4513 section 5.1.2).
  if (password.empty() || password.size() > kMaxPassword ||
      password.find('\0') != std::string_view::npos)
    return refusal(user);
  const std::optional<Asked> asked = acceptable(user);
  Result<Entry> entry = Entry();
  if (asked) entry = find(*asked, config_.login_by_address);
  if (!entry) return dead(entry.error());
  const bool known = !entry->dn.empty();
  // An unknown user costs a bind, too.
  std::string name = known ? entry->dn : concat("cn=nobody-of-this-name,", config_.base);
  if (known && !config_.bind_attribute.empty()) {
    const std::vector<std::string> names = entry->values(config_.bind_attribute);
    if (names.size() == 1 && !names[0].empty()) name = names[0];
  }
  const Result<Directory::Verdict> verdict = directory_.check(name, password);
  if (!verdict) return dead(verdict.error());
  if (!known || *verdict != Directory::Verdict::Right || is_disabled(*entry, config_))
    return refusal(user);
  return ok(*asked, *entry);
}

std::string Commands::lookup(std::string_view user) {
  const std::optional<Asked> asked = acceptable(user);
  Result<Entry> entry = Entry();
  if (asked) entry = find(*asked, true);
  if (!entry) return dead(entry.error());
  if (entry->dn.empty()) return concat("-ERR ", escaped(user, 60), " not a valid user\n");
  return ok(*asked, *entry);
}

std::string Commands::answer(std::string_view line, int64_t) {
  line = line.substr(0, line.find_last_not_of('\r') + 1);
  std::string_view rest = line;
  const std::string_view verb = take_until(rest, ' ');
  if (verb == "quit" || verb == "exit") return {};
  if (verb == "version") return "+OK ldapauth " DMAIL_VERSION "\n";
  if (verb == "help") return std::string(kHelp);
  if (verb == "check") {
    const std::string_view user = take_until(rest, ' ');
    return check(user, rest);
  }
  if (verb == "lookup") return lookup(rest);
  if (verb == "set" || verb == "del" || verb == "search" || verb == "secret" || verb == "token")
    return "-ERR not supported by a directory\n";
  return "-ERR unknown command\n";
}

}  // namespace dmail::ldapauth
