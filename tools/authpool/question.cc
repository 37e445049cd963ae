#include "tools/authpool/question.h"

#include "auth/reply.h"
#include "base/ascii.h"
#include "base/text.h"

namespace dmail::authpool {
namespace {

using Kind = Question::Kind;

Kind kind_of(std::string_view verb) {
  if (verb == "check") return Kind::Check;
  if (verb == "lookup") return Kind::Lookup;
  if (verb == "secret" || verb == "token" || verb == "account") return Kind::Of;
  if (verb == "search" || verb == "version" || verb == "help") return Kind::Free;
  if (verb == "set" || verb == "del") return Kind::Change;
  if (verb == "quit" || verb == "exit") return Kind::Quit;
  return Kind::Other;
}

Judgement judge_first_word(std::string_view line) {
  for (char c : line)
    if (is_control(c) && c != '\t') return Judgement::Broken;
  const std::string_view word = line.substr(0, line.find_first_of(" \t"));
  if (word == "+OK") return Judgement::Yes;
  if (word == "-ERR") return Judgement::No;
  if (word == "-DEAD") return Judgement::Dead;
  return word == "+DATA" ? Judgement::More : Judgement::Broken;
}

}  // namespace

Question parse_question(std::string_view line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  Question question;
  if (line.find_first_of(std::string_view("\0\n\r", 3)) != std::string_view::npos) return question;
  std::string_view rest = line;
  const std::string verb = lower(take_until(rest, ' '));
  if (verb.empty()) return question;
  question.kind = kind_of(verb);
  if (question.kind == Kind::Lookup) {
    question.user = trim(rest);
  } else if (question.kind == Kind::Change || question.kind == Kind::Other) {
    rest = trim(rest);
    question.user = take_until(rest, ' ');
  } else if (question.of_user()) {
    question.user = take_until(rest, ' ');
    question.password = rest;
  }
  const bool askable = auth::sendable_user(question.user);
  if (question.of_user() && !askable) question.kind = Kind::Bad;
  if (question.kind == Kind::Check && !auth::sendable_password(question.password))
    question.kind = Kind::Bad;
  return question;
}

std::string owner_of(std::string_view user) { return lower(user.substr(0, user.find('@'))); }

Judgement judge(const Question& question, std::string_view line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  const Judgement said = judge_first_word(line);
  if (said != Judgement::Yes || !question.of_user()) return said;
  return auth::parse_reply(line, question.user).answer.ok() ? said : Judgement::Broken;
}

bool may_be_kept(std::string_view line) {
  const std::string folded = lower(line);
  for (std::string_view label : {"scram-sha-", "digest-md5", "password64"})
    if (folded.find(label) != std::string::npos) return false;
  return true;
}

}  // namespace dmail::authpool
