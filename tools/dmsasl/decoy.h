// What a user who has no keys here is shown, so that the dialogue reads like a wrong password: made
// up from the host's decoy key and the account's name, the same for years.
#pragma once

#include <string>
#include <string_view>

namespace dmail::dmsasl {

inline constexpr int kDecoyIterations = 10000;  // what nwauth gives its users
inline constexpr size_t kDecoySalt = 16;        // likewise

// `size` bytes (at most 32) that nobody can tell from chance without the key.
std::string decoy_bytes(std::string_view key, std::string_view purpose, std::string_view account,
                        size_t size);

}  // namespace dmail::dmsasl
