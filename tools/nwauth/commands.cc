#include "tools/nwauth/commands.h"

#include "base/ascii.h"
#include "base/base64.h"
#include "base/number.h"
#include "base/text.h"
#include "io/clock.h"

namespace dmail::nwauth {
namespace {

constexpr std::string_view kHelp =
    "+DATA check <user> <password>\n"
    "+DATA lookup <user>\n"
    "+DATA secret <user> <mechanism>\n"
    "+DATA set <user> <password>|(NULL) [label=\"value\" ...]\n"
    "+DATA del <user>\n"
    "+DATA search <pattern> [-from n] [-max m]\n"
    "+DATA version, help, quit, exit\n"
    "+OK\n";

std::string dead(const Error& error) { return concat("-DEAD ", escaped(error.log), '\n'); }

// The same for an unknown user and a wrong password.
std::string refusal(std::string_view user) {
  return concat("-ERR ", escaped(user, 60), " password wrong or not a valid user\n");
}

// The label of `secret` for this mechanism, with what is stored; empty when there is nothing.
std::string secret_label(const Record& record, std::string_view mechanism) {
  if (mechanism.ends_with("-PLUS")) mechanism.remove_suffix(5);
  const std::string name = lower(mechanism);
  const bool scram = name == "scram-sha-1" || name == "scram-sha-256";
  for (const std::string& line : record.scram) {
    std::string_view keys = line;
    if (!scram || take_until(keys, ' ') != name) continue;
    std::string value(keys);
    for (char& c : value) c = c == ' ' ? ',' : c;
    return concat(name, "=\"", value, '"');
  }
  if (!scram && name != "cram-md5" && name != "apop" && name != "digest-md5") return {};
  if (!record.plain.empty()) return concat("password64=\"", base64_encode(record.plain), '"');
  if (name != "digest-md5" || record.digest.empty()) return {};
  return concat("digest-md5=\"", record.digest, '"');
}

std::string ok(std::string_view user, const Record& record) {
  std::string out = concat("+OK ", user, " config 0");
  for (const auto& [name, value] : record.labels) out += concat(' ', name, "=\"", value, '"');
  return out + '\n';
}

// The next name="value" or name=word.
bool take_label(std::string_view& rest, std::string& label) {
  const size_t equals = rest.find('=');
  if (equals == std::string_view::npos) return false;
  size_t end = std::min(rest.find(' ', equals), rest.size());
  if (rest.substr(equals + 1).starts_with('"')) {
    end = rest.find('"', equals + 2);
    if (end == std::string_view::npos) return false;
    ++end;
  }
  label = rest.substr(0, end);
  rest = trim(rest.substr(end));
  return true;
}

bool split_label(std::string_view label, std::string_view& name, std::string_view& value) {
  const size_t equals = label.find('=');
  if (equals == std::string_view::npos) return false;
  name = label.substr(0, equals);
  value = label.substr(equals + 1);
  if (value.size() >= 2 && value.front() == '"' && value.back() == '"')
    value = value.substr(1, value.size() - 2);
  // Names that mean keys in answers to secret: no label of lookup is called so.
  for (std::string_view taken : {"scram-sha-1", "scram-sha-256", "digest-md5", "password64"})
    if (iequals(name, taken)) return false;
  return valid_label(name, value);
}

// What is wrong with the value of a label that the servers take at its word: with it the account
// could neither log in nor get mail, or a switch would not do what it seems to.
std::string_view label_fault(std::string_view name, std::string_view value) {
  if (value.empty()) return {};  // it is removed
  if (iequals(name, "quota") && !parse_u64(value)) return "quota is a number of kbytes";
  for (std::string_view id : {"uid", "gid"})
    if (iequals(name, id) && value != "-1" && !parse_u32(value)) return "uid and gid are numbers";
  for (std::string_view service : {"imap", "pop", "smtp"})
    if (iequals(name, service) && value != "no" && value != "yes")
      return "imap, pop and smtp are yes or no";
  if (iequals(name, "home") && !value.starts_with('/')) return "home is an absolute path";
  return {};
}

}  // namespace

std::optional<std::string> Commands::key_of(std::string_view user) const {
  if (user.empty() || user.size() > kMaxName) return std::nullopt;
  int ats = 0;
  for (char c : user) {
    if (is_control(c) || c == ' ' || c == '"') return std::nullopt;
    if (is_8bit(c) && !policy_.allow_high_ascii) return std::nullopt;
    ats += c == '@' ? 1 : 0;
  }
  if (ats > 1 && !policy_.allow_ats) return std::nullopt;
  return lower(user);
}

std::string Commands::answer(std::string_view line) {
  line = line.substr(0, line.find_last_not_of('\r') + 1);
  for (char c : line)
    if (c == '\0' || c == '\n' || c == '\r') return "-ERR control byte in the command\n";
  std::string_view rest = line;
  const std::string verb = lower(take_until(rest, ' '));
  if (verb == "check") {
    const std::string_view user = take_until(rest, ' ');
    return check(user, rest);
  }
  if (verb == "lookup") return lookup(trim(rest));
  if (verb == "secret") {
    const std::string_view user = take_until(rest, ' ');
    return secret(user, trim(rest));
  }
  if (verb == "token") return "-ERR no tokens are kept here\n";
  if (verb == "set") return set_line(rest);
  if (verb == "del") return remove(trim(rest));
  if (verb == "search") return search(rest);
  if (verb == "version") return concat("+OK dmail nwauth ", DMAIL_VERSION, '\n');
  if (verb == "help") return std::string(kHelp);
  if (verb == "quit" || verb == "exit") return {};
  return "-ERR unknown command; try help\n";
}

std::optional<std::string> Commands::quick_answer(std::string_view line) {
  std::string_view rest = line.substr(0, line.find_last_not_of('\r') + 1);
  const std::string verb = lower(take_until(rest, ' '));
  if (verb == "lookup" || verb == "secret") return answer(line);
  if (verb != "check") return std::nullopt;
  const auto key = key_of(take_until(rest, ' '));
  if (!key || rest.empty()) return std::nullopt;
  Result<std::optional<Record>> record = users_->find(*key);
  if (!record || !*record || (*record)->crypt.empty()) return std::nullopt;
  if (!verified_->knows(verified_->mark(*key, rest, (*record)->crypt), monotonic_ms()))
    return std::nullopt;
  return ok(*key, **record);
}

std::string Commands::check(std::string_view user, std::string_view password) {
  const auto key = key_of(user);
  if (password.empty() || password.size() > kMaxPassword) return refusal(user);
  Result<std::optional<Record>> record = std::optional<Record>();
  if (key) record = users_->find(*key);
  if (!record) return dead(record.error());
  if (!*record || (*record)->crypt.empty()) {
    waste_time(password, policy_.hash);
    return refusal(user);
  }
  const std::string mark = verified_->mark(*key, password, (*record)->crypt);
  if (!verified_->knows(mark, monotonic_ms())) {
    if (!fits(password, (*record)->crypt)) return refusal(user);
    verified_->add(mark, monotonic_ms());
  }
  return ok(*key, **record);
}

std::string Commands::lookup(std::string_view user) {
  const auto key = key_of(user);
  Result<std::optional<Record>> record = std::optional<Record>();
  if (key) record = users_->find(*key);
  if (!record) return dead(record.error());
  if (!*record) return concat("-ERR ", escaped(user, 60), " not a valid user\n");
  return ok(*key, **record);
}

// The same answer for an unknown user and one without these keys.
std::string Commands::secret(std::string_view user, std::string_view mechanism) {
  const auto key = key_of(user);
  Result<std::optional<Record>> record = std::optional<Record>();
  if (key) record = users_->find(*key);
  if (!record) return dead(record.error());
  const std::string label = *record ? secret_label(**record, upper(mechanism)) : "";
  if (label.empty()) return concat("-ERR ", escaped(user, 60), " has no keys for this\n");
  return concat("+OK ", *key, " config 0 ", label, '\n');
}

std::string Commands::set_line(std::string_view rest) {
  rest = trim(rest);
  const std::string_view user = take_until(rest, ' ');
  const std::string_view password = take_until(rest, ' ');
  std::vector<std::string> labels;
  rest = trim(rest);
  while (!rest.empty()) {
    std::string label;
    if (!take_label(rest, label)) return "-ERR a label is name=\"value\"\n";
    labels.push_back(std::move(label));
  }
  return set(user, password, labels);
}

std::string Commands::set(std::string_view user, std::string_view password,
                          const std::vector<std::string>& labels) {
  if (policy_.read_only) return "-ERR read-only\n";
  const auto key = key_of(user);
  if (!key) return "-ERR user name is not acceptable (printable ASCII, no blank or quote, one @)\n";
  if (password.empty() || password.size() > kMaxPassword ||
      password.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos)
    return "-ERR password is empty, too long or holds control bytes\n";
  std::vector<std::pair<std::string_view, std::string_view>> changes;
  for (const std::string& label : labels) {
    std::string_view name, value;
    if (!split_label(label, name, value)) return "-ERR a label is name=\"value\"\n";
    if (const auto fault = label_fault(name, value); !fault.empty())
      return concat("-ERR ", fault, '\n');
    changes.emplace_back(name, value);
  }
  const bool keep = password == "(NULL)";
  Result<std::string> hash = std::string();
  Result<std::vector<std::string>> scram = std::vector<std::string>();
  if (!keep) hash = new_hash(password, policy_.hash);
  if (!keep && hash) scram = scram_keys(password, policy_.scram_iterations);
  std::string digest;
  if (!keep && !policy_.digest_realm.empty())
    digest = digest_md5(*key, policy_.digest_realm, password);
  if (!hash || !scram) return dead(hash ? scram.error() : hash.error());
  bool too_many = false, existed = false;
  const auto edit = [&](Record& record) {
    const Record before = record;
    if (!keep) {
      // All that the old password left behind goes, whatever is kept of the new one.
      record.crypt = *hash;
      record.scram = *scram;
      record.plain = policy_.keep_plain ? password : "";
      record.digest = digest;
      record.digest_realm = policy_.digest_realm;
    }
    for (const auto& [name, value] : changes) record.set_label(name, value);
    too_many = record.labels.size() > kMaxLabels;
    if (too_many) record = before;
  };
  Status done = users_->change(*key, edit, &existed);
  if (!done) return dead(done.error());
  if (too_many) return "-ERR too many labels; nothing is changed\n";
  return concat("+OK ", *key, existed ? " changed in database\n" : " added to database\n");
}

std::string Commands::remove(std::string_view user) {
  if (policy_.read_only) return "-ERR read-only\n";
  const auto key = key_of(user);
  Result<bool> was_there = false;
  if (key) was_there = users_->remove(*key);
  if (!was_there) return dead(was_there.error());
  if (!*was_there) return concat("-ERR ", escaped(user, 60), " not a valid user\n");
  return concat("+OK ", *key, " deleted\n");
}

std::string Commands::search(std::string_view rest) {
  const std::vector<std::string_view> words = split_words(rest);
  const std::string pattern = words.empty() ? "*" : lower(words[0]);
  uint64_t from = 0, most = kMaxFound;
  for (size_t i = 1; i < words.size(); i += 2) {
    const auto number = i + 1 < words.size() ? parse_u32(words[i + 1]) : std::nullopt;
    if (!number || (words[i] != "-from" && words[i] != "-max"))
      return "-ERR search <pattern> [-from n] [-max m]\n";
    (words[i] == "-from" ? from : most) = *number;
  }
  most = std::min<uint64_t>(most, kMaxFound);
  uint64_t found = 0, all = 0;
  std::string out;
  Status done = users_->names("", [&](std::string_view name) {
    ++all;
    if (!wildcard_match(pattern, name)) return true;
    if (found >= from && found - from < most) out += concat("+DATA ", name, '\n');
    ++found;
    return true;
  });
  if (!done) return dead(done.error());
  return concat(out, "+OK Search Complete ", found, " items found out of ", all, '\n');
}

}  // namespace dmail::nwauth
