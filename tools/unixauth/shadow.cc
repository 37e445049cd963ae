// verify in a build without PAM: the shadow file through crypt(3).
#include <crypt.h>
#include <shadow.h>
#include <string.h>

#include <cerrno>
#include <memory>

#include "io/clock.h"
#include "tools/unixauth/system.h"

namespace dmail::unixauth {
namespace {

constexpr char kNobody[] = "$y$j9T$dmaildmaildmaildmail00$";

bool same(const char* a, const char* b) {
  const size_t size = ::strlen(a);
  if (size != ::strlen(b)) return false;
  unsigned char difference = 0;
  for (size_t i = 0; i < size; ++i)
    difference = static_cast<unsigned char>(difference | (a[i] ^ b[i]));
  return difference == 0;
}

bool expired(const spwd& entry) {
  const long today = static_cast<long>(wall_seconds() / 86400);
  return (entry.sp_expire > 0 && today >= entry.sp_expire) || entry.sp_lstchg == 0 ||
         (entry.sp_max > 0 && entry.sp_lstchg > 0 && today > entry.sp_lstchg + entry.sp_max);
}

}  // namespace

Judgement verify(const Question& question) {
  spwd room{}, *entry = nullptr;
  char text[8192];
  const int code = ::getspnam_r(question.user.c_str(), &room, text, sizeof text, &entry);
  if (code != 0 && code != ENOENT) return {Verdict::Unknown, "the shadow file cannot be read"};
  const bool usable = entry != nullptr && ::strlen(entry->sp_pwdp) > 12 &&
                      entry->sp_pwdp[0] != '!' && entry->sp_pwdp[0] != '*';
  const char* hash = usable ? entry->sp_pwdp : kNobody;
  auto work = std::make_unique<crypt_data>();
  const char* made = ::crypt_r(question.password.c_str(), hash, work.get());
  const bool fits = made != nullptr && made[0] != '*' && same(made, hash);
  Judgement judgement{Verdict::Wrong, usable ? "wrong password" : "no password"};
  if (usable && fits && expired(*entry)) judgement.why = "expired";
  if (usable && fits && !expired(*entry)) judgement.verdict = Verdict::Right;
  ::explicit_bzero(work.get(), sizeof *work);
  ::explicit_bzero(text, sizeof text);
  return judgement;
}

Judgement allowed(const Question& question) {
  spwd room{}, *entry = nullptr;
  char text[8192];
  const int code = ::getspnam_r(question.user.c_str(), &room, text, sizeof text, &entry);
  if (code != 0 && code != ENOENT) return {Verdict::Unknown, "the shadow file cannot be read"};
  const bool over = entry != nullptr && expired(*entry);
  ::explicit_bzero(text, sizeof text);
  if (over) return {Verdict::Wrong, "expired"};
  return {Verdict::Right, ""};
}

// Nobody is known here whom the system does not know.
Judgement known(const Question&) { return {Verdict::Wrong, "built without PAM"}; }

}  // namespace dmail::unixauth
