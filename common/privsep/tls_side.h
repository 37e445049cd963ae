// The handshake in a TLS program: its files, its monitor's help, one call.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "io/tls.h"
#include "privsep/frame.h"
#include "privsep/tls_protocol.h"

namespace dmail::privsep {

struct TlsOffer {
  std::string minimum;
  std::string ciphers;
  std::string alpn;
  std::string stamp;
  bool by_name = false;  // the monitor has more certificates
};

// On descriptor 0.  Errors: as tls_accept.  Throws ConnectionOver at the deadline, or when the
// monitor is gone.
Result<std::unique_ptr<TlsStream>> accept_tls(const TlsOffer& offer, Channel& monitor,
                                              Deadline deadline);

}  // namespace dmail::privsep
