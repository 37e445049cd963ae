// What the system knows: passwords (PAM, or the shadow file in a build without PAM) and accounts
// (getpwnam).
#pragma once

#include <sys/types.h>

#include <string>

namespace dmail::unixauth {

enum class Verdict { Right, Wrong, Unknown };  // Unknown: it cannot be said now

struct Judgement {
  Verdict verdict = Verdict::Unknown;
  std::string why;  // when it is not Right; for the log
};

struct Question {
  std::string service;  // of PAM: imap, pop, smtp
  std::string user;
  std::string password;
  std::string client_ip;  // PAM_RHOST; may be empty
};
// pam.cc or shadow.cc.  Wrong covers everything that is the user's: no such user, expired, not
// allowed now.
Judgement verify(const Question& question);
// Whether PAM's account stack knows the user, without a password.
Judgement known(const Question& question);
// Whether the account rules let this user of the system in now; his password is proved otherwise.
Judgement allowed(const Question& question);

struct SystemUser {
  std::string name;
  uid_t uid = 0;
  gid_t gid = 0;
  std::string home;
};
// Wrong: there is none.
Verdict find_user(const std::string& name, SystemUser& user);

}  // namespace dmail::unixauth
