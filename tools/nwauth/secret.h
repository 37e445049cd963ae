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

// Lines "scram-sha-1 ..." and "scram-sha-256 ..." of a record.  None for a password that is not
// printable ASCII: it would have to go through SASLprep (RFC 4013), which changes no printable
// ASCII.
Result<std::vector<std::string>> scram_keys(std::string_view password, int iterations);

// One such line for a given salt; `name` is scram-sha-1 or scram-sha-256.
Result<std::string> scram_line(std::string_view name, std::string_view password,
                               std::string_view salt, int iterations);

}  // namespace dmail::nwauth
