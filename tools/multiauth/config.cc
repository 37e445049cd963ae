#include "tools/multiauth/config.h"

#include <algorithm>

#include "account/name_list.h"
#include "base/ascii.h"
#include "base/number.h"
#include "base/text.h"
#include "tools/authpool/pool.h"
#include "tools/modules/config_file.h"

namespace dmail::multiauth {
namespace {

constexpr std::array<std::string_view, kVerbs> kVerbNames = {"lookup", "check", "set", "del",
                                                             "search"};

std::vector<std::string> words_of(std::string_view value) {
  std::vector<std::string> words;
  for (std::string_view word : split_words(value)) words.emplace_back(word);
  return words;
}

std::string_view set_do(std::string_view value, bool may_be_existing, Do& field) {
  if (may_be_existing && value == "existing") {
    field = Do::Existing;
    return {};
  }
  bool flag = false;
  if (!modules::parse_bool(value, flag))
    return may_be_existing ? "true, false or existing is wanted" : "true or false is wanted";
  field = flag ? Do::Yes : Do::No;
  return {};
}

std::string_view set_timeout(std::string_view value, int& field) {
  const auto seconds = parse_u32(value, 600);
  if (!seconds || *seconds == 0) return "1 to 600 seconds are wanted";
  field = static_cast<int>(*seconds);
  return {};
}

// What is wrong with a line of a module's block; empty when nothing is.
std::string_view set_line(std::string_view name, std::string_view value, ModuleRule& rule) {
  if (value.empty()) return "no value";
  for (size_t i = 0; i < kVerbs; ++i) {
    if (name == kVerbNames[i]) {
      rule.patterns[i] = words_of(value);
      return {};
    }
    if (name == concat("do_", kVerbNames[i])) {
      const Verb verb = static_cast<Verb>(i);
      return set_do(value, verb == Verb::Set || verb == Verb::Del, rule.does[i]);
    }
  }
  if (name == "binary") {
    rule.words = words_of(value);
    if (value.starts_with(authpool::kSocketMark))
      return value.substr(authpool::kSocketMark.size()).starts_with('/') && rule.words.size() == 1
                 ? ""
                 : "unix: and the absolute path of a socket are wanted, nothing more";
    return value.starts_with('/') ? "" : "an absolute path or unix:SOCKET is wanted";
  }
  if (name == "match") {
    rule.match = words_of(value);
    return {};
  }
  if (name == "timeout") return set_timeout(value, rule.timeout);
  if (name == "on_dead") {
    rule.dead_goes_on = value == "continue";
    return value == "continue" || value == "stop" ? "" : "stop or continue is wanted";
  }
  if (name != "strip_prefix" && name != "strip_suffix") return "unknown setting";
  if (value.find_first_of(" \t\"") != std::string_view::npos) return "one word is wanted";
  (name == "strip_prefix" ? rule.strip_prefix : rule.strip_suffix) = value;
  return {};
}

}  // namespace

bool ModuleRule::takes(Verb verb, std::string_view text) const {
  const size_t i = static_cast<size_t>(verb);
  if (does[i] == Do::No) return false;
  // A search for names with any beginning may find some of ours.
  if (verb == Verb::Search && text.starts_with('*')) return true;
  return account::list_allows(patterns[i].empty() ? match : patterns[i], text, true);
}

std::string ModuleRule::stripped(std::string_view user) const {
  if (!strip_prefix.empty() && istarts_with(user, strip_prefix))
    user.remove_prefix(strip_prefix.size());
  if (!strip_suffix.empty() && iends_with(user, strip_suffix))
    user.remove_suffix(strip_suffix.size());
  return std::string(user);
}

Result<std::vector<ModuleRule>> parse_modules(std::string_view text, const std::string& file) {
  auto lines = modules::parse_config(text, file);
  if (!lines) return std::move(lines.error());
  std::vector<ModuleRule> rules;
  std::vector<std::string_view> seen;
  auto wrong = [&](int line, std::string_view what) {
    return modules::config_error(file, line, what);
  };
  for (const modules::ConfigLine& line : *lines) {
    if (line.name == "module") {
      const auto priority = parse_u32(line.value, 1'000'000);
      if (!priority) return wrong(line.number, "module: a priority is wanted");
      if (rules.size() == kMaxModules) return wrong(line.number, "too many modules");
      rules.emplace_back();
      rules.back().priority = static_cast<int>(*priority);
      rules.back().line = line.number;
      seen.clear();
      continue;
    }
    if (rules.empty()) return wrong(line.number, "a line before the first module");
    if (std::find(seen.begin(), seen.end(), line.name) != seen.end())
      return wrong(line.number, concat(escaped(line.name, 60), ": given twice"));
    seen.push_back(line.name);
    if (const auto fault = set_line(line.name, line.value, rules.back()); !fault.empty())
      return wrong(line.number, concat(escaped(line.name, 60), ": ", fault));
  }
  if (rules.empty()) return wrong(1, "no module");
  for (const ModuleRule& rule : rules)
    if (rule.words.empty()) return wrong(rule.line, "a module without binary");
  std::stable_sort(rules.begin(), rules.end(), [](const ModuleRule& a, const ModuleRule& b) {
    return a.priority < b.priority;
  });
  return rules;
}

}  // namespace dmail::multiauth
