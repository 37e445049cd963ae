// Carrying bytes between a TLS peer and the session behind it, both ways at once.
#pragma once

#include "io/tls.h"

namespace dmail {

inline constexpr size_t kRelayBuffer = 16 * 1024;  // one each way
inline constexpr int64_t kRelayFlushMs = 60'000;   // for the last bytes to a slow client

// Until the session closes `inner` and its last bytes are sent, or the client is gone.  When the
// client ends its side the session sees end of input and may still answer.  Idle time is the
// session's affair; once the session is gone, a client that does not read has `flush_ms` for our
// buffer and five times that for what is still in the socket, then ConnectionOver (Timeout) is
// thrown.  While nothing happens the buffers' memory goes back to the system.
void relay(TlsStream& tls, int inner, int64_t flush_ms = kRelayFlushMs);

}  // namespace dmail
