#include "tools/unixauth/answers.h"

#include <pwd.h>

#include <cerrno>
#include <vector>

#include "base/ascii.h"
#include "base/text.h"
#include "base/wipe.h"

namespace dmail::unixauth {
namespace {

// Asked about in place of names that are refused anyway; nobody is called so.
constexpr char kNobody[] = "dmail-no-such-user";

bool valid_user(std::string_view user) {
  if (user.empty() || user.size() > kMaxUser || user.front() == '-') return false;
  for (char c : user)
    if (is_control(c) || c == ' ' || c == '"' || c == ':' || c == '/') return false;
  return true;
}

// Directories fold names: upper case, full-width letters, marks.  Here no name server says which of
// these forms is the entry's own, and one entry must not be many accounts.
constexpr std::string_view kOtherForm =
    "PAM alone knows it: such a name is of ASCII characters without capitals";
bool plain_form(std::string_view user) {
  for (char c : user)
    if (is_8bit(c) || (c >= 'A' && c <= 'Z')) return false;
  return true;
}

std::string no(std::string_view user, std::string_view why) {
  return concat("-ERR ", escaped(user, 60), " password wrong or not a valid user (",
                escaped(why, 100), ")\n");
}
// To a question without a password.
std::string not_here(std::string_view user, std::string_view why) {
  return concat("-ERR ", escaped(user, 60), " not a valid user (", escaped(why, 100), ")\n");
}

std::string dead(std::string_view why) { return concat("-DEAD ", escaped(why, 100), '\n'); }

std::string ok(const SystemUser& user, std::string_view asked) {
  std::string out = concat("+OK ", asked, " config ", user.uid, " gid=\"", user.gid, '"');
  bool plain = user.home.starts_with('/');
  for (char c : user.home) plain &= !is_control(c) && c != '"';
  if (plain) out += concat(" home=\"", user.home, '"');
  return out + '\n';
}

// No uid: served as the mail user.
std::string ok_pam_only(std::string_view asked) { return concat("+OK ", asked, " config 0\n"); }

}  // namespace

Verdict find_user(const std::string& name, SystemUser& user) {
  std::vector<char> text(16 * 1024);
  passwd room{}, *entry = nullptr;
  const int code = ::getpwnam_r(name.c_str(), &room, text.data(), text.size(), &entry);
  if (entry == nullptr)
    return code == 0 || code == ENOENT || code == ESRCH ? Verdict::Wrong : Verdict::Unknown;
  user = {entry->pw_name, entry->pw_uid, entry->pw_gid, entry->pw_dir};
  return Verdict::Right;
}

std::string Answers::refused(const SystemUser& user, std::string_view asked) const {
  if (user.uid == 0) return "uid 0";
  if (user.uid < minimum_uid)
    return concat("uid ", user.uid, " is below unix_uid_minimum ", minimum_uid);
  if (user.uid > maximum_uid)
    return concat("uid ", user.uid, " is above unix_uid_maximum ", maximum_uid);
  if (user.gid > maximum_uid)
    return concat("gid ", user.gid, " is above unix_uid_maximum ", maximum_uid);
  // The name server may fold or rewrite names.
  return user.name == asked ? "" : "known by another name";
}

Judgement Answers::ask_pam(std::string_view user, std::string_view password) const {
  Question question{service, std::string(user), std::string(password), client_ip};
  Judgement judgement = verify(question);
  wipe(question.password);
  return judgement;
}

std::string Answers::check(std::string_view user, std::string_view password) {
  std::string refusal;
  if (!valid_user(user)) refusal = "impossible name";
  if (password.empty() || password.size() > kMaxPassword) refusal = "impossible password";
  SystemUser account;
  const Verdict found = refusal.empty() ? find_user(std::string(user), account) : Verdict::Wrong;
  if (found == Verdict::Unknown) return dead("the system's user database does not answer");
  if (found == Verdict::Right) refusal = refused(account, user);
  if (found == Verdict::Wrong && refusal.empty() && !plain_form(user)) refusal = kOtherForm;
  const Judgement judgement =
      refusal.empty() ? ask_pam(user, password) : ask_pam(kNobody, "no password of anybody");
  if (judgement.verdict == Verdict::Unknown) return dead(judgement.why);
  if (!refusal.empty()) return no(user, refusal);
  if (judgement.verdict != Verdict::Right) return no(user, judgement.why);
  if (found == Verdict::Right) return ok(account, user);
  return pam_only == PamOnly::No ? no(user, "known to PAM only") : ok_pam_only(user);
}

std::string Answers::lookup(std::string_view user) {
  std::string answer = find(user);
  if (tells_of_rules && answer.starts_with("+OK"))
    answer.insert(answer.size() - 1, " account_rules=\"yes\"");
  return answer;
}

std::string Answers::find(std::string_view user) {
  if (!valid_user(user)) return not_here(user, "impossible name");
  SystemUser account;
  switch (find_user(std::string(user), account)) {
    case Verdict::Unknown:
      return dead("the system's user database does not answer");
    case Verdict::Wrong:
      return pam_only == PamOnly::All ? lookup_in_pam(user)
                                      : not_here(user, "unknown to the system");
    case Verdict::Right:
      break;
  }
  const std::string refusal = refused(account, user);
  return refusal.empty() ? ok(account, user) : not_here(user, refusal);
}

std::string Answers::account(std::string_view user) {
  std::string answer = find(user);
  if (!answer.starts_with("+OK")) return answer;
  const Judgement judgement = allowed({service, std::string(user), {}, client_ip});
  if (judgement.verdict == Verdict::Unknown) return dead(judgement.why);
  return judgement.verdict == Verdict::Right ? answer : not_here(user, judgement.why);
}

// An account stack that says yes to everybody, as pam_permit does, knows nobody: it is asked once
// about a user who is not there.
std::string Answers::lookup_in_pam(std::string_view user) {
  if (!plain_form(user)) return not_here(user, kOtherForm);
  const Judgement judgement = known({service, std::string(user), {}, client_ip});
  if (judgement.verdict == Verdict::Unknown) return dead(judgement.why);
  if (judgement.verdict != Verdict::Right) return not_here(user, judgement.why);
  if (account_stack_ == Stack::Untried) {
    const Judgement nobody = known({service, kNobody, {}, client_ip});
    if (nobody.verdict == Verdict::Unknown) return dead(nobody.why);
    account_stack_ = nobody.verdict == Verdict::Right ? Stack::YesToAll : Stack::Knows;
  }
  if (account_stack_ == Stack::YesToAll)
    return dead("the account stack of PAM says yes to every name: pam_only_users all is of no use");
  return ok_pam_only(user);
}

}  // namespace dmail::unixauth
