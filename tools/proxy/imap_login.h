// Logging in to an IMAP server for a client that is already known (RFC 3501, 2971, 4959).
#pragma once

#include <string>

#include "base/result.h"
#include "privsep/remote_job.h"
#include "tools/proxy/backend.h"

namespace dmail::proxy {

// Greeting, STARTTLS when the job says so, ID for whom we come (where the server knows it),
// AUTHENTICATE PLAIN or LOGIN.  The value is what the client gets: its tagged OK, with the
// server's capabilities in it whether or not the server put them there.
Result<std::string> imap_login(Backend& backend, const privsep::RemoteJob& job);

// A quoted string, or empty when `text` holds what a quoted string may not.
std::string imap_quoted(std::string_view text);

}  // namespace dmail::proxy
