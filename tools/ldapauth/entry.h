// An entry of the directory, and what the line protocol says of it.  No libldap here.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "tools/ldapauth/config.h"

namespace dmail::ldapauth {

inline constexpr size_t kMaxValues = 1000;      // of one attribute
inline constexpr size_t kMaxLabelValue = 1000;  // bytes

struct Entry {
  std::string dn;
  std::vector<std::pair<std::string, std::vector<std::string>>> attributes;

  // Without regard to case and options (`;range=0-99`); empty when it has none.
  [[nodiscard]] std::vector<std::string> values(std::string_view attribute) const;
};

bool is_disabled(const Entry& entry, const Config& config);

// The rest of `+OK USER`: path, uid and labels, with a blank before each.  BadInput: a value the
// account depends on is malformed, or there are several: then nothing may be delivered or logged
// in.
Result<std::string> facts_of(const Entry& entry, const Asked& asked, const Config& config);

}  // namespace dmail::ldapauth
