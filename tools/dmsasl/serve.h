// The conversation with the monitor: Begin to Done or Failed.
#pragma once

#include "privsep/frame.h"
#include "tools/dmsasl/exchange.h"

namespace dmail::dmsasl {

// A failure is told no earlier than this after the message that caused it: what was computed for
// it cannot be read from the time it took.
inline constexpr int kFailureMs = 100;

// Runs `exchange` (nullptr: the mechanism is unknown; `text` says so) until it is over or the
// monitor hangs up.  Throws ConnectionOver as Channel does, and when the monitor breaks the
// protocol.
void serve(privsep::Channel& channel, Exchange* exchange, std::string_view text, Deadline deadline);

// Context::ask through the channel.
privsep::SecretAnswer ask_monitor(privsep::Channel& channel, const std::string& user,
                                  Deadline deadline);

}  // namespace dmail::dmsasl
