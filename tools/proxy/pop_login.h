// Logging in to a POP3 server for a client that is already known (RFC 1939, 2595, 5034).
#pragma once

#include <string>

#include "base/result.h"
#include "privsep/remote_job.h"
#include "tools/proxy/backend.h"

namespace dmail::proxy {

// Banner, STLS when the job says so, XCLIENT for whom we come (where the banner offers it; else
// only that we are a proxy), USER
// and PASS, or AUTH PLAIN for a proxy account.  The value is what the client gets: the server's
// +OK.
Result<std::string> pop_login(Backend& backend, const privsep::RemoteJob& job);

// " ADDR=... PORT=... SESSION=... TTL=1": the attributes of XCLIENT, with values as POP3, SMTP and
// LMTP write them (xtext of RFC 3461).  SESSION and TTL only where they are known.
std::string xclient_attributes(const privsep::RemoteJob& job, bool session, bool ttl, bool smtp);

}  // namespace dmail::proxy
