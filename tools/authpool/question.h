// Lines of the protocol as authpool sees them: what a question may change, whose it is, and what a
// module's answer to it comes to.  Everything here may be hostile.
#pragma once

#include <string>
#include <string_view>

namespace dmail::authpool {

struct Question {
  enum class Kind {
    Bad,     // cannot be passed on
    Quit,    // quit, exit
    Check,   // user and password
    Lookup,  // user
    Of,      // about a user, never remembered: secret, token, account
    Free,    // about nobody: search, version, help
    Change,  // may change what is known of a user: set, del
    Other,   // not known here: may change anything
  } kind = Kind::Bad;
  std::string_view user, password;  // views of the line

  [[nodiscard]] bool of_user() const {
    return kind == Kind::Check || kind == Kind::Lookup || kind == Kind::Of;
  }
};

// `line` without LF.
Question parse_question(std::string_view line);

// Names under which one account may be known to a module, folded into one: lower case, without
// domain.
std::string owner_of(std::string_view user);

enum class Judgement {
  More,    // +DATA: another line follows
  Yes,     // +OK
  No,      // -ERR
  Dead,    // -DEAD
  Broken,  // no answer to this question
};
// One line of a module's answer, without LF.
Judgement judge(const Question& question, std::string_view line);

// Whether a Yes may be remembered: not when it tells keys or passwords.
bool may_be_kept(std::string_view line);

}  // namespace dmail::authpool
