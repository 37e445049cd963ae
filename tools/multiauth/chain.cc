#include "tools/multiauth/chain.h"

#include <algorithm>
#include <set>

#include "auth/reply.h"
#include "base/ascii.h"
#include "base/number.h"
#include "base/text.h"
#include "base/wipe.h"

namespace dmail::multiauth {
namespace {

using authpool::Judgement;
using authpool::Spoken;

constexpr std::string_view kHelp =
    "+DATA check <user> <password>\n"
    "+DATA lookup <user>\n"
    "+DATA account <user>\n"
    "+DATA set <user> <password>|(NULL) [label=\"value\" ...]\n"
    "+DATA del <user>\n"
    "+DATA search <pattern> [-from n] [-max m]\n"
    "+DATA secret <user> <mechanism>, token <user> <token>\n"
    "+DATA version, help, quit, exit\n"
    "+OK\n";

// The answer's last line with the name as it was asked: `+OK name rest` to `+OK user rest`.
std::string renamed(const std::string& lines, std::string_view user) {
  const size_t last = lines.rfind('\n', lines.size() - 2);
  std::string_view rest = std::string_view(lines).substr(last == std::string::npos ? 0 : last + 1);
  take_until(rest, ' ');
  rest = rest.substr(std::min(rest.find_first_not_of(" \t"), rest.size()));
  const size_t end = std::min(rest.find_first_of(" \t\r\n"), rest.size());
  return concat("+OK ", user, rest.substr(end));
}

struct Window {
  std::string_view pattern = "*";
  uint64_t from = 0, most = kMaxFound;
};

std::optional<Window> parse_window(std::string_view rest) {
  const std::vector<std::string_view> words = split_words(rest);
  Window window;
  if (!words.empty()) window.pattern = words[0];
  for (size_t i = 1; i < words.size(); i += 2) {
    const auto number = i + 1 < words.size() ? parse_u32(words[i + 1]) : std::nullopt;
    if (!number || (words[i] != "-from" && words[i] != "-max")) return std::nullopt;
    (words[i] == "-from" ? window.from : window.most) = *number;
  }
  window.most = std::min(window.most, kMaxFound);
  return window;
}

}  // namespace

Chain::Chain(std::vector<ModuleRule> rules, const std::vector<std::string>& environment, Log log)
    : log_(std::move(log)) {
  for (ModuleRule& rule : rules) {
    auth::HelperCommand command;
    command.words = rule.words;
    command.environment = environment;
    members_.push_back(
        {std::move(rule), std::make_unique<authpool::Pool>(std::move(command), 1, log_)});
  }
}

Spoken Chain::ask(Member& member, const std::string& line) {
  const authpool::Question question = authpool::parse_question(line);
  if (question.kind == authpool::Question::Kind::Bad)
    return {Judgement::No, "-ERR cannot be asked\n"};
  Spoken spoken = member.pool->ask(question, line, Deadline::in_seconds(member.rule.timeout));
  const char* said = spoken.judgement == Judgement::Yes  ? "yes"
                     : spoken.judgement == Judgement::No ? "no"
                                                         : "dead";
  log_(concat("module ", member.rule.priority, ": ", line.substr(0, line.find(' ')), ' ',
              question.user, ": ", said));
  return spoken;
}

std::string Chain::first_yes(Verb verb, std::string_view word, std::string_view user,
                             std::string_view rest) {
  std::string refused, dead;
  for (Member& member : members_) {
    const std::string name = member.rule.stripped(user);
    if (!member.rule.takes(verb, user) || name.empty()) continue;
    std::string line = concat(word, ' ', name, rest.empty() ? "" : " ", rest);
    Spoken spoken = ask(member, line);
    wipe(line);
    if (spoken.judgement == Judgement::Yes) return renamed(spoken.lines, user);
    if (spoken.judgement == Judgement::No) {
      refused = std::move(spoken.lines);
      continue;
    }
    if (dead.empty()) dead = std::move(spoken.lines);
    if (!member.rule.dead_goes_on) return dead;
  }
  // One that could not answer may know the user.
  if (!dead.empty()) return dead;
  return refused.empty() ? concat("-ERR ", escaped(user, 60), " not a valid user\n") : refused;
}

std::string Chain::change(Verb verb, std::string_view user, std::string_view rest) {
  for (Member& member : members_) {
    const std::string name = member.rule.stripped(user);
    if (!member.rule.takes(verb, user) || name.empty()) continue;
    if (member.rule.does[static_cast<size_t>(verb)] == Do::Existing) {
      const Spoken known = ask(member, concat("lookup ", name));
      if (known.judgement == Judgement::Dead) return known.lines;
      if (known.judgement == Judgement::No) continue;
    }
    std::string line =
        concat(verb == Verb::Set ? "set " : "del ", name, rest.empty() ? "" : " ", rest);
    Spoken spoken = ask(member, line);
    wipe(line);
    return std::move(spoken.lines);
  }
  return "-ERR no module may do that for this user\n";
}

std::string Chain::account(std::string_view user) {
  std::string dead;
  for (Member& member : members_) {
    const std::string name = member.rule.stripped(user);
    if (!member.rule.takes(Verb::Lookup, user) || name.empty()) continue;
    Spoken spoken = ask(member, concat("lookup ", name));
    if (spoken.judgement == Judgement::No) continue;
    if (spoken.judgement == Judgement::Yes) {
      // One that could not answer before it may have known him.
      if (!dead.empty()) return dead;
      spoken = ask(member, concat("account ", name));
      return spoken.judgement == Judgement::Yes ? renamed(spoken.lines, user) : spoken.lines;
    }
    if (dead.empty()) dead = std::move(spoken.lines);
    if (!member.rule.dead_goes_on) return dead;
  }
  return dead.empty() ? concat("-ERR ", escaped(user, 60), " not a valid user\n") : dead;
}

std::string Chain::search(std::string_view rest) {
  const auto window = parse_window(rest);
  if (!window) return "-ERR search <pattern> [-from n] [-max m]\n";
  std::set<std::string> known;
  std::string out;
  uint64_t found = 0;
  for (Member& member : members_) {
    if (!member.rule.takes(Verb::Search, window->pattern)) continue;
    const std::string pattern = member.rule.stripped(window->pattern);
    const Spoken spoken = ask(member, concat("search ", pattern.empty() ? "*" : pattern, " -max ",
                                             window->from + window->most));
    if (spoken.judgement == Judgement::No) continue;  // it has no list of its users
    if (spoken.judgement != Judgement::Yes) {
      if (member.rule.dead_goes_on) continue;
      return spoken.lines.substr(spoken.lines.find("-DEAD"));
    }
    for (std::string_view line : split(spoken.lines, '\n')) {
      if (!line.starts_with("+DATA ")) continue;
      std::string name =
          concat(member.rule.strip_prefix, trim(line.substr(6)), member.rule.strip_suffix);
      if (!wildcard_match(window->pattern, name, true) || !known.insert(lower(name)).second)
        continue;
      if (found >= window->from && found - window->from < window->most)
        out += concat("+DATA ", name, '\n');
      ++found;
    }
  }
  return concat(out, "+OK Search Complete ", found, " items found\n");
}

std::string Chain::answer(std::string_view line, int64_t) {
  line = line.substr(0, line.find_last_not_of('\r') + 1);
  std::string_view rest = line;
  const std::string_view word = take_until(rest, ' ');
  if (word == "quit" || word == "exit") return {};
  if (word == "version") return "+OK multiauth " DMAIL_VERSION "\n";
  if (word == "help") return std::string(kHelp);
  if (word == "search") return search(rest);
  Verb verb = Verb::Check;
  if (word == "lookup")
    verb = Verb::Lookup;
  else if (word == "set")
    verb = Verb::Set;
  else if (word == "del")
    verb = Verb::Del;
  else if (word != "check" && word != "secret" && word != "token" && word != "account")
    return "-ERR unknown command\n";
  const std::string_view user = take_until(rest, ' ');
  if (!auth::sendable_user(user)) return "-ERR user name is not acceptable\n";
  if (verb == Verb::Set || verb == Verb::Del) return change(verb, user, rest);
  if (word == "account") return account(user);
  if (verb == Verb::Check && rest.empty()) return "-ERR no password\n";
  return first_yes(verb, word, user, rest);
}

}  // namespace dmail::multiauth
