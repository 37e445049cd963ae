// The sessions of this host: every process that holds facts (privsep/session_facts.h) of a server
// that runs as we do.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/result.h"
#include "io/owned_fd.h"
#include "privsep/session_facts.h"

namespace dmail::dmwho {

struct Session {
  pid_t pid = 0;
  std::string program;  // imapd-session, dpopd-session; dsmtpd; imapd or dpopd where it is proxied
  OwnedFd process;      // pidfd: this process and no later one of its number
  privsep::SessionFacts facts;
};

// By user, then time.  An Error when /proc cannot be read.
Result<std::vector<Session>> sessions();

// Asks the process to end, and makes it after `patience_ms`.  False: it was gone already.
bool end_session(const Session& session, int patience_ms);

}  // namespace dmail::dmwho
