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

}  // namespace dmail::privsep
