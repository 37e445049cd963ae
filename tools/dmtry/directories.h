// The directory of an instance and those in it, by descriptor.  Programs run from there with our
// rights: nobody but us and root may be able to change what is in it, and no link is followed.
#pragma once

#include <sys/types.h>

#include <string>

#include "base/result.h"
#include "io/owned_fd.h"

namespace dmail::dmtry {

// Opens `path` (absolute), made where it is missing.  Refused: one that is a link, is not ours, or
// can be written by others; as root also one below a directory that somebody else can change (of a
// directory like /tmp the sticky bit is enough).
Result<OwnedFd> open_own_directory(const std::string& path);

// A directory in that one: made, or there already and ours or `uid`'s; `uid` < 0: it stays ours.
Status make_directory_in(int parent, const std::string& name, mode_t mode, int uid);

}  // namespace dmail::dmtry
