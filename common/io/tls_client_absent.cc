#include "io/tls_client.h"

namespace dmail {

Result<std::unique_ptr<TlsStream>> tls_connect(int, TlsClientConfig&, Deadline) {
  return Error{ErrorKind::Unsupported, "TLS is not available", "this program has no TLS"};
}

}  // namespace dmail
