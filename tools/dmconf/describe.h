// A row of settings.def in words: for `dmconf explain`, the manual page, and advice.
#pragma once

#include <string>
#include <string_view>

#include "conf/settings.h"

namespace dmail::dmconf {

// "domain", "true|false", "seconds": what a value looks like.
std::string argument_of(const conf::Row& row);
// "Default: 10. From 1 to 600."; empty parts are left out.
std::string facts_of(const conf::Row& row);
// "imapd dpopd"; empty when all.
std::string programs_of(const conf::Row& row);

// The settings section of dmail.conf(5).
std::string man_section();

}  // namespace dmail::dmconf
