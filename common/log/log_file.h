// The file behind a log: opened without following links, rotated once however many processes want
// to.
#pragma once

#include <string_view>

#include "base/result.h"
#include "io/owned_fd.h"
#include "log/log.h"

namespace dmail::log {

// An open PROGRAM.log, O_APPEND.  A new one has the group of its directory, and that group may read
// it (0640) where it may read the directory; else the owner alone (0600).  The world never may: the
// log has addresses and names.  One of max_size or more is renamed to PROGRAM.log.1
// first (and .1 to .2 ...), under a lock on the file itself; a process that finds it locked, or may
// not rename, uses the file as it is.
Result<OwnedFd> open_log_file(const Place& place);

// Says `text` to the system's own log (/dev/log); nothing happens when nobody listens.
void tell_syslog(std::string_view program, std::string_view text);

}  // namespace dmail::log
