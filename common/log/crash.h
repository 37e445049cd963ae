// The last line of a session that crashes.  A session after login is alone: nobody else could say
// that it is gone.
#pragma once

#include <string_view>

#include "log/log.h"

namespace dmail::log {

// From now on a fault of this process (SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGSYS) writes
// event=session-died with user, ip and signal to the log before it ends the process as it would
// have.  SIGKILL cannot be seen.  `log`, `user` and `ip` are kept as they are, not copied: they
// must live as long as the process.  No effect where a sanitizer has handlers of its own, or
// without a log.
void tell_crashes(const Log& log, std::string_view user, std::string_view ip);

}  // namespace dmail::log
