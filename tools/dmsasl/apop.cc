// APOP (RFC 1939): "USER DIGEST", the digest being MD5 of the greeting's stamp and the password.
#include <md5.h>
#include <string.h>

#include <span>

#include "base/ascii.h"
#include "base/constant_time.h"
#include "base/text.h"
#include "base/wipe.h"
#include "tools/dmsasl/decoy.h"
#include "tools/dmsasl/mechanisms.h"

namespace dmail::dmsasl {
namespace {

constexpr size_t kDigits = 2 * MD5_DIGEST_LENGTH;

std::string md5_hex(std::string_view a, std::string_view b) {
  MD5_CTX state;
  MD5Init(&state);
  for (std::string_view part : {a, b})
    MD5Update(&state, reinterpret_cast<const uint8_t*>(part.data()), part.size());
  uint8_t digest[MD5_DIGEST_LENGTH];
  MD5Final(digest, &state);
  ::explicit_bzero(&state, sizeof state);
  std::string out;
  for (uint8_t byte : digest) append_hex(out, byte, 2);
  return out;
}

class Apop : public Exchange {
 public:
  using Exchange::Exchange;

 protected:
  Outcome first(std::optional<std::string_view> initial) override {
    const std::string& stamp = begin().apop_stamp;
    if (stamp.empty()) return unavailable("no stamp was in the greeting");
    const size_t blank = initial ? initial->rfind(' ') : std::string_view::npos;
    if (blank == std::string_view::npos || blank == 0 || initial->size() - blank - 1 != kDigits)
      return wrong("not USER DIGEST");
    const std::string user(initial->substr(0, blank));
    if (user.find('\0') != std::string::npos) return wrong("NUL in a name");
    const auth::Secrets& secrets = secrets_of(user);
    std::string password = secrets.password.value_or("");
    const bool real = secrets.password.has_value();
    if (!real) password = decoy_bytes(begin().decoy_key, "APOP", account(), 16);
    const bool same =
        equal_constant_time(md5_hex(stamp, password), lower(initial->substr(blank + 1)));
    wipe(password);
    return same && real ? done(user, "") : wrong("wrong digest");
  }
  Outcome next(std::string_view) override { return wrong("APOP has one message"); }
};

}  // namespace

std::unique_ptr<Exchange> make_apop(const Context& context) {
  return std::make_unique<Apop>(context);
}

}  // namespace dmail::dmsasl
