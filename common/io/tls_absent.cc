#include "io/tls.h"

namespace dmail {

Result<std::unique_ptr<TlsStream>> tls_accept(int, TlsConfig&, Deadline) {
  return Error{ErrorKind::Unsupported, "TLS is not available", "this program has no TLS"};
}

bool tls_available() { return false; }

}  // namespace dmail
