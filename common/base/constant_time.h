// Comparing secrets.
#pragma once

#include <string_view>

namespace dmail {

// Equal bytes, in a time that depends on the sizes only.
inline bool equal_constant_time(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  unsigned char difference = 0;
  for (size_t i = 0; i < a.size(); ++i)
    difference = static_cast<unsigned char>(difference | (a[i] ^ b[i]));
  return difference == 0;
}

}  // namespace dmail
