// Lists of wildcards as dmail.conf has them (valid_users, forward_user).  For addresses:
// address_list.h.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dmail::account {

// Whether a pattern (without `!`) is about what the list is asked about.
using Matches = std::function<bool(std::string_view pattern)>;

// Read left to right, the first pattern that matches decides: `!` before a pattern refuses.  When
// none matches, the value is refused, except that a list of nothing but refusals allows the rest,
// and an empty list allows everything.  An item may hold several patterns separated by blanks or
// commas.
// With several values (a name in short and in full), a pattern matches when it matches one of them.
bool list_allows(const std::vector<std::string>& list, const Matches& matches);
bool list_allows(const std::vector<std::string>& list, std::span<const std::string_view> values,
                 bool fold_case);
inline bool list_allows(const std::vector<std::string>& list, std::string_view value,
                        bool fold_case) {
  return list_allows(list, std::span(&value, 1), fold_case);
}

// Whether `list` names one of `values`: as list_allows, but only a pattern without `!` allows.  For
// lists that give a right (forward_from_ip, trusted_proxies, plaintext_login_from ...): empty, or
// with nothing but refusals, they name nobody.
bool list_names(const std::vector<std::string>& list, const Matches& matches);
bool list_names(const std::vector<std::string>& list, std::span<const std::string_view> values,
                bool fold_case);

}  // namespace dmail::account
