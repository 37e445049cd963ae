// Messages of the SASL mechanisms that carry a clear password, decoded in the jail.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace dmail::privsep {

struct Credentials {
  std::string user;
  std::string password;
  Credentials() = default;
  Credentials(Credentials&&) = default;
  Credentials& operator=(Credentials&&) = default;
  ~Credentials();  // wipes the password
};

// PLAIN (RFC 4616): base64 of "authzid NUL user NUL password".  An authzid other than empty or the
// user is refused (NoPermission); more or fewer NULs, empty names and bad base64 are BadInput.
Result<Credentials> sasl_plain(std::string_view base64);
// One answer of LOGIN: base64 of text without NUL, CR, LF.
Result<std::string> sasl_login(std::string_view base64);
// OAUTHBEARER (RFC 7628 section 3.1): base64 of "n,a=USER," ^A *(key=value ^A) ^A, where one pair
// is auth=Bearer TOKEN; the token becomes the password.  Without a user there is nobody to ask
// about: BadInput, as for everything else that is not so.
Result<Credentials> sasl_oauthbearer(std::string_view base64);
// XOAUTH2, its forerunner: base64 of "user=USER" ^A "auth=Bearer TOKEN" ^A ^A.
Result<Credentials> sasl_xoauth2(std::string_view base64);

}  // namespace dmail::privsep
