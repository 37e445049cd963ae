// vdomain_passwd: a file of lines `user:hash:...` in the format of passwd(5), hashes for crypt(3).
// The other fields are ignored: users of a virtual domain are served as the mail user.  An unknown
// user, and one whose hash no password can give, costs the same work as a wrong password (as far as
// all hashes of the file are of one kind).  Limits: 16 MiB; the file must belong to root or us and
// not be writable by others.
#pragma once

#include <string>
#include <string_view>

#include "auth/authenticator.h"

namespace dmail::auth {

inline constexpr size_t kMaxPasswdFile = 16 * 1024 * 1024;

Answer check_passwd_file(const std::string& path, std::string_view user, std::string_view password);
Answer lookup_passwd_file(const std::string& path, std::string_view user);

// Whether crypt(3) makes `hash` from `password`, compared in constant time.
bool crypt_matches(std::string_view password, const std::string& hash);

}  // namespace dmail::auth
