// The Error of a call that was refused a path: besides the path it says who was refused and where,
// because the reason is mostly a directory above.
#pragma once

#include <string>

#include "base/result.h"

namespace dmail {

// "mkdir /var/spool/dmail/g/joe.mbx: Permission denied (uid 1001; /var/spool/dmail is 0:0, mode
// 0700)".  Not for jailed processes: it looks at directories.
Error path_error(const char* what, const std::string& path, int error);

}  // namespace dmail
