// Filters of ldapauth.conf: what they compare with a name, and the filter for one name.  No libldap
// here (fuzzed: tests/fuzz/fuzz_modules.cc).
//
// A name with a domain finds an entry by its domain, too, or not at all: the part of a filter that
// looks at %n alone is closed to domains that are not the directory's own, or joe@elsewhere would
// be the local joe.
#pragma once

#include <string>
#include <string_view>

#include "tools/ldapauth/config.h"

namespace dmail::ldapauth {

// `filter` with %u %n %d %% filled in, values escaped as RFC 4515 section 3 wants it.  For a domain
// that is not the directory's own each comparison with %n alone is false, unless one with %u or %d
// has to be true as well.
std::string expand(std::string_view filter, const Asked& asked);
// Whether some of it is false for a domain that is not the directory's own.
bool is_closed(std::string_view filter);
std::string escape_value(std::string_view value);

// What is wrong with a template; empty when nothing is.
std::string_view filter_fault(std::string_view filter);

// The attribute that a filter finds names by: of the first comparison with %n, else with %u, else
// with %n@%d.  Empty when there is none.
struct NameAttribute {
  std::string attribute;
  bool within_domain = false;  // %n, and the domain is compared elsewhere in the filter
};
NameAttribute name_attribute(std::string_view filter);

}  // namespace dmail::ldapauth
