// The keys of TLS session tickets on disk, kept by the root monitors: WORK_PATH/tls-tickets
// (io/ticket_keys.h), mode 0600, replaced by rename only.
//
// The monitor of any TLS connection makes the file when it is missing, and puts a new key in front
// when the newest has served its time; NAME.lock keeps two from doing so at once.  A file that is
// not ours alone (owner, mode, kind), or no whole file of keys, is replaced and logged: tickets by
// other keys are worth nothing then, and the clients shake hands in full.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "io/owned_fd.h"
#include "log/log.h"

namespace dmail::privsep {

// The file with keys that serve at `now`, open for reading from its start.  An Error means no
// tickets.
Result<OwnedFd> open_ticket_keys(const std::string& work_path, int64_t now, log::Log& log);

}  // namespace dmail::privsep
