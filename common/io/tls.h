// TLS for the jailed programs.  Two objects implement this header: tls_openssl.cc, and tls_absent.cc for
// the links without OpenSSL (there make_server fails).  Certificates and keys arrive as PEM text, read
// by whoever had the right to, and are parsed here, in the jail.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "io/stream.h"

namespace dmail {

struct TlsConfig {
  std::string certificate_pem;  // chain, leaf first
  std::string key_pem;
  std::string minimum = "TLSv1.2";
  std::string ciphers;  // empty: the library's default
};

class TlsStream : public Stream {
 public:
  // What to log: "TLSv1.3", "TLS_AES_256_GCM_SHA384".
  [[nodiscard]] virtual std::string version() const = 0;
  [[nodiscard]] virtual std::string cipher() const = 0;
  // The descriptor that must also be polled for writing when a relay waits.
  virtual void shutdown() = 0;
};

// Server handshake on descriptor `fd` (not owned).  Errors: bad certificate, failed handshake.
Result<std::unique_ptr<TlsStream>> tls_accept(int fd, const TlsConfig& config, Deadline deadline);
bool tls_available();

}  // namespace dmail
