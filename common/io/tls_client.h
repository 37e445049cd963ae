// TLS as a client, for the jailed program that speaks to another server of the site.  Implemented
// by tls_client_openssl.cc, and by tls_client_absent.cc for the link without OpenSSL (there it
// fails).
//
// The server's certificate must come from an authority in `ca_pem`, be valid now, and be for
// `name`: a host name, or an address in digits.  At least TLS 1.2; no session is resumed.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "io/tls.h"

namespace dmail {

inline constexpr size_t kMaxCaFile = 2 * 1024 * 1024;

struct TlsClientConfig {
  std::string ca_pem;  // given back when the handshake is over
  std::string name;
  std::string minimum = "1.2";  // or "1.3"
  std::string ciphers;          // of TLS 1.2; empty: the library's default
};

// Handshake on descriptor `fd` (not owned, not blocking).  Errors: NoPermission for a certificate
// that is not good enough or a fault of ours, BadInput for a server that cannot agree with us.
// Throws ConnectionOver at the deadline.
Result<std::unique_ptr<TlsStream>> tls_connect(int fd, TlsClientConfig& config, Deadline deadline);

}  // namespace dmail
