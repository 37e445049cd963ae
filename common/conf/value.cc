#include "conf/value.h"

#include <arpa/inet.h>

#include <algorithm>

#include "base/ascii.h"
#include "base/number.h"
#include "base/text.h"

namespace dmail::conf {

namespace {

constexpr uint64_t kMaxQuota = uint64_t{1} << 40;  // kbytes; times 1024 still fits

// Position after the closing quote of the string that starts at s[0], or npos.
size_t quoted_size(std::string_view s) {
  for (size_t i = 1; i < s.size(); ++i) {
    if (s[i] == '\\')
      ++i;
    else if (s[i] == '"')
      return i + 1;
  }
  return std::string_view::npos;
}

bool is_separator(char c) { return is_blank(c) || c == ','; }

// Words between blanks and commas; a word may be quoted.
std::vector<std::string> take_words(std::string_view s) {
  std::vector<std::string> words;
  while (true) {
    while (!s.empty() && is_separator(s.front())) s.remove_prefix(1);
    if (s.empty()) return words;
    size_t n = s.front() == '"' ? quoted_size(s) : std::string_view::npos;
    if (n == std::string_view::npos || (n < s.size() && !is_separator(s[n])))
      n = static_cast<size_t>(std::find_if(s.begin(), s.end(), is_separator) - s.begin());
    std::string word = unquoted(s.substr(0, n));
    s.remove_prefix(n);
    if (!word.empty()) words.push_back(std::move(word));  // alone, "" is an empty list
  }
}

bool is_path(std::string_view s) { return !s.empty() && s.front() == '/'; }

// An address is not parsed here (account does); this only keeps a name from passing for one.
bool looks_like_address(std::string_view s) {
  return !s.empty() && s.find_first_not_of("0123456789abcdefABCDEF.:*") == std::string_view::npos &&
         s.find_first_of(".:") != std::string_view::npos;
}

bool is_address_list(const Entry& e) {
  const auto field = e.field.as_list;
  return field == &Settings::user_ip_address || field == &Settings::plaintext_login_from ||
         field == &Settings::login_delay_exempt || field == &Settings::trusted_proxies ||
         field == &Settings::forward_from_ip || field == &Settings::smtp_bare_newline_from ||
         field == &Settings::submission_from;
}

// What account/address_list can match: an address, a network, or a text with wildcards.  Anything
// else names nobody, and refuses nobody where `!` stands before it.
bool is_address_pattern(std::string_view word) {
  if (word.starts_with('!')) word.remove_prefix(1);
  if (word.find_first_of("*?") != word.npos)
    return word.find_first_not_of("0123456789abcdefABCDEF.:*?") == word.npos;
  const size_t slash = word.find('/');
  const std::string_view address = word.substr(0, slash);
  const std::string plain(address.substr(0, address.find('%')));
  unsigned char bytes[16];
  const bool v4 = ::inet_pton(AF_INET, plain.c_str(), bytes) == 1;
  if (!v4 && ::inet_pton(AF_INET6, plain.c_str(), bytes) != 1) return false;
  return slash == word.npos || parse_u32(word.substr(slash + 1), v4 ? 32 : 128).has_value();
}

// "imap=993", "lmtp=24/none"
bool is_remote_port(std::string_view word) {
  const std::string_view protocol = take_until(word, '=');
  const std::string_view port = take_until(word, '/');
  const auto number = parse_u32(port, 65535);
  return (protocol == "imap" || protocol == "pop" || protocol == "lmtp") && number && *number > 0 &&
         (word.empty() || word == "none" || word == "starttls" || word == "tls");
}

// What is wrong with one line of a list of several words.  `words` may be put into order.
std::string check_words(const Entry& entry, std::vector<std::string_view>& words) {
  const auto field = entry.field.as_list;
  if (field == &Settings::vdomain) {
    if (words[1].starts_with('@') ? words[1].size() < 2 : !looks_like_address(words[1]))
      return "the second word must be @suffix or an IP address";
    if (!is_path(words[3])) return "the fourth word must be an absolute path";
  }
  if (field == &Settings::maildir_althome && !is_path(words[1]))
    return "the second word must be an absolute path";
  if (field == &Settings::vdomain_passwd) {
    if (is_path(words[0])) std::swap(words[0], words[1]);
    if (!is_path(words[1]) || is_path(words[0])) return "must be a domain and an absolute path";
  }
  if (field == &Settings::remote_host) {
    if (words[1].find('*') != words[1].npos || !looks_like_address(words[1]))
      return "the second word must be an IP address";
    for (size_t i = 2; i < words.size(); ++i)
      if (!is_remote_port(words[i])) return "a port must be as imap=993/tls, pop=995/tls, lmtp=24";
  }
  if (field == &Settings::forward)
    for (std::string_view w : words)
      if (w.find('@') == std::string_view::npos) return "must be two full addresses";
  return {};
}

std::string take_list(std::vector<std::string>& list, const Entry& entry, std::string_view value,
                      bool fresh) {
  std::vector<std::string> items;
  if (value == "\"\"") {
    fresh = true;  // an empty list on purpose
  } else if (entry.words == 0) {
    items = take_words(value);
    if (is_address_list(entry) && !std::all_of(items.begin(), items.end(), is_address_pattern))
      return "must be IP addresses, with * as a wildcard or /BITS for a network";
    if (entry.field.as_list == &Settings::account_gids &&
        !std::all_of(items.begin(), items.end(), [](const auto& i) { return parse_u32(i); }))
      return "must be numbers of groups";
  } else {
    auto words = split_words(value);
    const bool may_be_more = entry.field.as_list == &Settings::remote_host;
    if (words.size() < entry.words || (words.size() > entry.words && !may_be_more))
      return concat("must be ", static_cast<unsigned>(entry.words),
                    entry.words == 1 ? " word"
                    : may_be_more    ? " words or more"
                                     : " words");
    if (std::string problem = check_words(entry, words); !problem.empty()) return problem;
    std::string item(words[0]);
    for (size_t i = 1; i < words.size(); ++i) item += concat(' ', words[i]);
    items.push_back(std::move(item));
  }
  if (fresh) list.clear();
  std::move(items.begin(), items.end(), std::back_inserter(list));
  return {};
}

std::string take_choice(std::string& field, const Entry& entry, std::string_view value) {
  if (entry.field.as_text == &Settings::authent_method && iequals(value, "nt_user"))
    return "must be unix_user or external: nt_user exists on Windows only";
  for (std::string_view choice : split_words(choices_of(entry)))
    if (iequals(choice, value)) {
      field = choice;
      return {};
    }
  std::string problem = "must be one of";
  for (std::string_view choice : split_words(choices_of(entry))) problem += concat(' ', choice);
  return problem;
}

// "mail", "mail/imap"; no way out of the home directory.
bool is_name_at_home(std::string_view name) {
  if (name.empty() || name == ".") return true;
  const auto parts = split(name, '/');
  return std::none_of(parts.begin(), parts.end(),
                      [](std::string_view p) { return p.empty() || p == "." || p == ".."; });
}

std::string take_text(std::string& field, const Entry& entry, std::string_view value) {
  std::string text = unquoted(value);
  if (entry.type == Row::Type::Path && !text.empty() && !is_path(text))
    return "must be an absolute path";
  if (entry.field.as_text == &Settings::vdomain_separator &&
      (text.size() != 1 || !is_graph(text[0]) || text[0] == '/'))
    return "must be one printable character other than a slash";
  if (entry.field.as_text == &Settings::invalid_chars && value.starts_with('"') &&
      quoted_size(value) != value.size())
    return "must be one quoted string";
  if (entry.field.as_text == &Settings::imapd_mailbox_name && !is_name_at_home(text))
    return "must be a name below the home directory, or a dot";
  field = std::move(text);
  return {};
}

std::string take_number(int64_t& field, const Entry& entry, std::string_view value) {
  const auto n = parse_u64(value, static_cast<uint64_t>(entry.high));
  if (!n || static_cast<int64_t>(*n) < entry.low) {
    std::string problem = concat("must be a number from ", entry.low, " to ", entry.high);
    if (!choices_of(entry).empty()) problem += concat(" (", choices_of(entry), ")");
    return problem;
  }
  field = static_cast<int64_t>(*n);
  return {};
}

std::string take_quota(int64_t& field, std::string_view value) {
  if (iequals(value, "true") || iequals(value, "false")) {
    field = iequals(value, "true") ? kQuotaOfAccount : kQuotaOff;
  } else if (const auto n = parse_u64(value, kMaxQuota)) {
    field = static_cast<int64_t>(*n);
  } else {
    return "must be true, false or a number of kbytes";
  }
  return {};
}

}  // namespace

std::string unquoted(std::string_view value) {
  if (value.size() < 2 || value.front() != '"' || quoted_size(value) != value.size())
    return std::string(value);
  std::string text;
  for (size_t i = 1; i + 1 < value.size(); ++i) {
    if (value[i] == '\\') ++i;
    text.push_back(value[i]);
  }
  return text;
}

std::string quoted_if_needed(std::string_view value, bool is_word) {
  const auto special = [&](char c) { return is_word ? is_separator(c) : false; };
  const bool plain = !value.empty() && value.front() != '"' && !is_blank(value.front()) &&
                     !is_blank(value.back()) && std::none_of(value.begin(), value.end(), special);
  if (plain) return std::string(value);
  std::string text = "\"";
  for (char c : value) {
    if (c == '"' || c == '\\') text.push_back('\\');
    text.push_back(c);
  }
  text.push_back('"');
  return text;
}

std::string take_value(Settings& settings, const Entry& entry, std::string_view value, bool fresh) {
  switch (entry.type) {
    case Row::Type::Bool:
      if (!iequals(value, "true") && !iequals(value, "false")) return "must be true or false";
      settings.*entry.field.as_bool = iequals(value, "true");
      return {};
    case Row::Type::Int:
      return take_number(settings.*entry.field.as_int, entry, value);
    case Row::Type::Quota:
      return take_quota(settings.*entry.field.as_int, value);
    case Row::Type::Word:
      return take_choice(settings.*entry.field.as_text, entry, value);
    case Row::Type::Text:
    case Row::Type::Path:
      return take_text(settings.*entry.field.as_text, entry, value);
    case Row::Type::List:
      return take_list(settings.*entry.field.as_list, entry, value, fresh);
    case Row::Type::Ignored:
      break;
  }
  return {};
}

}  // namespace dmail::conf
