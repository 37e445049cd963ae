// One value of dmail.conf: from text into its field and back.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "conf/table.h"

namespace dmail::conf {

// Sets the field from `value`; a list adds its items (after `fresh` dropped the default).  Returns
// what is wrong, "must be ..." (empty: nothing), and then leaves the field alone.
std::string take_value(Settings& settings, const Entry& entry, std::string_view value, bool fresh);

// A text or a word of a list as it is written in a file: quoted where it must be.
std::string quoted_if_needed(std::string_view value, bool is_word);
// The inside of `value` when all of it is one quoted string, else `value` itself.
std::string unquoted(std::string_view value);

}  // namespace dmail::conf
