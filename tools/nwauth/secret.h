// Passwords to what is stored of them, and back to yes or no.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace dmail::nwauth {

enum class HashKind { Yescrypt, Sha512 };

// A new crypt(3) hash with a random salt.
Result<std::string> new_hash(std::string_view password, HashKind kind);
// Constant-time comparison; false for an empty or broken hash.
bool fits(std::string_view password, const std::string& hash);
// The work of `fits` for a user who isn't there.
void waste_time(std::string_view password, HashKind kind);

// Lines "scram-sha-1 ..." and "scram-sha-256 ..." of a record, of the password as SASLprep (RFC
// 4013) leaves it.  None for a password that SASLprep forbids (no UTF-8, control and unassigned
// characters).
Result<std::vector<std::string>> scram_keys(std::string_view password, int iterations);

// One such line for a given salt; `name` is scram-sha-1 or scram-sha-256.
Result<std::string> scram_line(std::string_view name, std::string_view password,
                               std::string_view salt, int iterations);

// MD5 of user:realm:password in hexadecimal (RFC 2831 section 2.1.2.1): each in ISO 8859-1 where
// that has all its characters.
std::string digest_md5(std::string_view user, std::string_view realm, std::string_view password);

}  // namespace dmail::nwauth
