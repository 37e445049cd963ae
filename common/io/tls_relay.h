// Carrying bytes between a TLS peer and the session behind it, both ways at once.
#pragma once

#include "io/tls.h"

namespace dmail {

inline constexpr size_t kRelayBuffer = 16 * 1024;  // one each way
inline constexpr int kRelayFlushSeconds = 60;      // for the last bytes to a slow client

// Until the session closes `inner` and its last bytes are sent, or the client is gone.  When the
// client ends its side the session sees end of input and may still answer.  Idle time is the
// session's affair. While nothing happens the buffers' memory goes back to the system.
void relay(TlsStream& tls, int inner);

}  // namespace dmail
