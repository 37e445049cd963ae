#include "auth/reply.h"

#include <limits>

#include "auth/secret.h"
#include "base/ascii.h"
#include "base/number.h"
#include "base/text.h"
#include "base/wipe.h"

namespace dmail::auth {
namespace {

std::string_view take_word(std::string_view& rest) {
  while (!rest.empty() && is_blank(rest.front())) rest.remove_prefix(1);
  const size_t end = std::min(rest.find_first_of(" \t"), rest.size());
  const std::string_view word = rest.substr(0, end);
  rest.remove_prefix(end);
  return word;
}

Answer dead(std::string_view why) {
  Answer answer;
  answer.text = why;
  return answer;
}

// One `name="value"` (or name=word); false when the text is something else.
bool take_label(std::string_view& rest, Answer& answer) {
  while (!rest.empty() && is_blank(rest.front())) rest.remove_prefix(1);
  const size_t equals = rest.find('=');
  if (equals == std::string_view::npos || equals == 0) return false;
  const std::string_view key = rest.substr(0, equals);
  if (key.find_first_of(" \t\"") != std::string_view::npos) return false;
  rest.remove_prefix(equals + 1);
  std::string_view value;
  if (!rest.empty() && rest.front() == '"') {
    const size_t quote = rest.find('"', 1);
    if (quote == std::string_view::npos) return false;
    value = rest.substr(1, quote - 1);
    rest.remove_prefix(quote + 1);
    if (!rest.empty() && !is_blank(rest.front())) return false;
  } else {
    value = take_word(rest);
    if (value.find('"') != std::string_view::npos) return false;
  }
  if (answer.labels.size() >= kMaxLabels) return false;
  answer.labels.emplace_back(lower(key), value);
  return true;
}

bool take_labels(std::string_view rest, Answer& answer) {
  while (!trim(rest).empty())
    if (!take_label(rest, answer)) return false;
  return true;
}

// An id: a number; -1 stands for none, as 0 does.
bool set_id(std::string_view text, std::optional<uint32_t>& id) {
  if (text == "-1") return true;
  const auto value = parse_u32(text, std::numeric_limits<uint32_t>::max() - 1);
  if (value && *value != 0) id = value;
  return value.has_value();
}

// What labels say about the account; false when one is malformed.  Of several of one name the first
// counts, as it does for Answer::label.
bool apply_labels(Answer& answer) {
  for (const auto& label : answer.labels) {
    const auto& [key, value] = label;
    if (answer.label(key) != &value) continue;
    if (key == "gid" && !set_id(value, answer.facts.gid)) return false;
    if (key == "uid" && !set_id(value, answer.facts.uid)) return false;
    if (key == "home") answer.facts.home = value;
    if (key == "account") answer.facts.account = value;
    if (key != "quota" || value.empty()) continue;
    const auto kilobytes = parse_u64(value);
    if (!kilobytes) return false;
    answer.facts.quota_kb = kilobytes;
  }
  return true;
}

Answer parse_ok(std::string_view rest, std::string_view user) {
  Answer answer;
  answer.kind = Answer::Kind::Ok;
  if (!iequals(take_word(rest), user)) return dead("module answered for another user");
  std::string_view look = rest;
  std::string_view word = take_word(look);
  // A path may hold `=`; what begins with a slash is no label.
  if (word.starts_with('/') || (!word.empty() && word.find('=') == std::string_view::npos)) {
    rest = look;
    if (word != "config") answer.facts.drop_file = word;
    if (word != "config" && word.front() != '/') return dead("module's drop path is not absolute");
    word = take_word(look);
    if (!word.empty() && word.find('=') == std::string_view::npos) {
      rest = look;
      if (!set_id(word, answer.facts.uid)) return dead("module's uid is not a number");
    }
  }
  if (!take_labels(rest, answer)) return dead("module's labels are malformed");
  if (!apply_labels(answer)) return dead("module's uid, gid or quota label is not a number");
  return answer;
}

// Everything but the question of which labels stay.
Reply parse_any_reply(std::string_view line, std::string_view user) {
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  Reply reply;
  for (char c : line) {
    if (!is_control(c) || c == '\t') continue;
    reply.answer = dead("control byte in the module's reply");
    return reply;
  }
  std::string_view rest = line;
  const std::string_view token = take_word(rest);
  if (token == "+DATA") {
    reply.final = false;
  } else if (token == "+OK") {
    reply.answer = parse_ok(rest, user);
  } else if (token == "-ERR") {
    reply.answer.kind = Answer::Kind::No;
    reply.answer.text = trim(rest);
  } else if (token == "-DEAD") {
    reply.answer.text = concat("module cannot answer: ", trim(rest));
  } else {
    reply.answer = dead("module's reply is not understood");
  }
  return reply;
}

// Removes the labels that are (or aren't) secret ones, and their bytes.
void drop_labels(Answer& answer, bool secret) {
  for (auto& [name, value] : answer.labels)
    if (is_secret_label(name) == secret) wipe(value);
  std::erase_if(answer.labels,
                [&](const auto& label) { return is_secret_label(label.first) == secret; });
}

}  // namespace

Reply parse_reply(std::string_view line, std::string_view user) {
  Reply reply = parse_any_reply(line, user);
  drop_labels(reply.answer, true);
  return reply;
}

Reply parse_secret_reply(std::string_view line, std::string_view user) {
  Reply reply = parse_any_reply(line, user);
  Answer& answer = reply.answer;
  drop_labels(answer, false);
  if (!reply.final || !answer.ok()) return reply;
  if (Result<Secrets> secrets = secrets_of(answer.labels); !secrets) {
    wipe_labels(answer.labels);
    answer = dead(secrets.error().log);
  } else if (answer.labels.empty()) {
    answer.kind = Answer::Kind::No;
    answer.text = "no keys for this mechanism";
  }
  return reply;
}

bool sendable_user(std::string_view user) {
  if (user.empty() || user.size() > account::kMaxName + 256) return false;
  for (char c : user)
    if (is_control(c) || c == ' ' || c == '"') return false;
  return true;
}

bool sendable_password(std::string_view password) {
  return !password.empty() && password.size() <= kMaxPassword &&
         password.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos;
}

bool sendable_token(std::string_view token) {
  if (token.empty() || token.size() > kMaxToken) return false;
  for (char c : token)
    if (!is_graph(c)) return false;
  return true;
}

}  // namespace dmail::auth
