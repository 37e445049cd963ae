// SIGTERM to a root monitor that stays for its whole connection: what it is doing (a delivery) is
// finished and answered, then privsep::serve() finds that nothing more comes, and the end gets its
// line in the log.
#pragma once

#include "privsep/frame.h"

namespace dmail::privsep {

// From now on SIGTERM ends what comes over `channel`, instead of the process.  Call again whenever
// the channel has another socket.
void end_on_sigterm(const Channel& channel);
[[nodiscard]] bool terminated();

}  // namespace dmail::privsep
