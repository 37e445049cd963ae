// The lines `vdomain PREFIX MATCH DOMAIN DROP_PATH`, and the domains of an installation.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "account/account.h"
#include "conf/settings.h"

namespace dmail::account {

struct Vdomain {
  std::string_view prefix, match, domain, drop_path;  // views into the settings
};
// The well-formed lines, in order; MATCH is `@suffix` or an IP address, DROP_PATH may hold blanks.
std::vector<Vdomain> vdomains(const conf::Settings& settings);
// The value of the first `DOMAIN VALUE` (or `VALUE DOMAIN`) line for `domain`; VALUE begins with
// `/`.
std::string path_for_domain(const std::vector<std::string>& lines, std::string_view domain);

// `user` of the main domain, or of `vdomain`.
Name main_name(std::string_view user, const conf::Settings& settings);
Name virtual_name(std::string_view user, const Vdomain& vdomain, const conf::Settings& settings);
// PREFIX, separator and user for a virtual domain, else the user.
std::string prefixed_user(const Name& name, const conf::Settings& settings);

// The directory of a domain's drop files, or of its maildirs; no slash at the end.
std::string base_of_domain(std::string_view domain, std::string_view drop_path,
                           const conf::Settings& settings);
// Whether another domain's user has the same drop file and is a different person to the
// authenticator: `cc_sales` of the main domain against `sales` of the virtual domain `cc` in one
// directory, or two domains with one prefix there.  The domain with the longer prefix owns the
// file, of two with the same the one whose line comes first.
bool owned_by_other_domain(const Name& name, const std::vector<Vdomain>& vdomains,
                           const conf::Settings& settings);

}  // namespace dmail::account
