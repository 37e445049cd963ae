// Kerberos principals as user names.
#pragma once

#include <string>
#include <string_view>

namespace dmail::dmsasl {

// "name" of "name@REALM" when REALM is `realm`, else the whole.  Empty: no user's principal: it has
// an instance ("/"), an escaped character, a NUL, no realm or no name, or is too long.
std::string user_of_principal(std::string_view principal, std::string_view realm);

}  // namespace dmail::dmsasl
