// Whose the database is: module_user's, which alone runs authentication modules and no session.
#pragma once

#include <string>

#include "base/result.h"

namespace dmail::nwauth {

// Run by root, we become the owner of the database at `directory`, so that the files we make can be
// used by the module; one that is not there yet is made, and is module_user's.  A resident module,
// which the network's names and passwords reach, is nobody's but module_user's, never root.
// `module_user`: a name, or UID or UID:GID.  Where we are not root nothing is done.
Status become_owner(const std::string& directory, const std::string& module_user, bool resident);

// `error` of opening the database; where its files are another's, rather which, whose they are,
// whose they must be, and what mends it.
Error with_owner(const std::string& directory, Error error);

}  // namespace dmail::nwauth
