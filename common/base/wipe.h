// Overwriting secrets before their memory is given back.
#pragma once

#include <string.h>

#include <string>

namespace dmail {

// All of the string's memory, whatever its size is now; the string is empty after.
inline void wipe(std::string& secret) {
  secret.resize(secret.capacity());
  ::explicit_bzero(secret.data(), secret.size());
  secret.clear();
}

}  // namespace dmail
